"""NaN, inf, wrong labels, wrong shapes and other bad input: named where it is met, and nothing good is lost."""
import json

import numpy as np
import pytest

from common.guards import finite
from common.initializer import random_affine, random_convolution
from common.layers import BatchNormalization, Layer, Pooling, Relu
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.optimizer import SGD
from common.trainer import Trainer
from common.training.augmentation import Augmentation
from common.training.averaging import Averaging
from common.training.best_weights import BestWeights
from common.training.checkpoint import Checkpoint
from common.training.log import Log
from common.params import arrays_of, snapshot
from common.files import load_pickle

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")     # NumPy warns first, and that is right

N = 90


def examples(n=N, classes=3):
    """Images (n, 1, 6, 6), brighter where the class says."""
    rng = np.random.default_rng(0)
    t = rng.integers(classes, size=n)
    x = rng.random((n, 1, 6, 6)).astype(np.float32)
    x[np.arange(n), 0, t % 6] += 1
    return x, t


def dense_net():
    return MultiLayerNetExtend(36, [8], 3, use_batchnorm=True, use_dropout=True, dropout_ration=0.1)


def image_net(*more):
    return Network({"Conv1": random_convolution(1, "he", 3, 3),
                    "Norm1": BatchNormalization(np.ones(3, np.float32), np.zeros(3, np.float32)), "Relu1": Relu(),
                    "Pool1": Pooling(2, 2), **dict(more), "Affine1": random_affine(12, 3, "he")})


class Plain:
    """Not a Network: only what Trainer asks for. With plain floats, if asked."""

    def __init__(self, number=lambda value: np.array([value])):
        self.params = {"w": number(1.0)}

    def gradient(self, x, t):
        return {"w": self.params["w"] - x.mean()}

    def loss(self, x, t):
        return float(np.mean((self.params["w"] - x.mean()) ** 2))

    def accuracy(self, x, t):
        return 0.5


NETS = {"dense": dense_net, "images": image_net, "plain": Plain, "floats": lambda: Plain(float)}


def trainer_of(net, *callbacks, **settings):
    x, t = examples()
    return Trainer(net, x, t, *examples(20), **{"epochs": 3, "mini_batch_size": 20, "verbose": False,
                                                "optimizer_param": {"lr": 0.05}, "callbacks": list(callbacks),
                                                **settings})


def after_epoch(number, action):
    return lambda trainer: trainer.current_epoch == number and action(trainer)


class after_step:
    def __init__(self, number, action):
        self.on_batch_end = lambda trainer: trainer.current_iter == number and action(trainer)


def message_of(trainer, match=None):
    with pytest.raises(FloatingPointError, match=match) as caught:
        trainer.train()
    assert all(finite(array) for array in arrays_of(trainer.network).values())
    assert np.isfinite(trainer.train_loss_list).all()
    lengths = {len(values) for values in trainer.history.values()}
    assert lengths == {trainer.current_epoch} == {len(trainer.test_acc_list)}
    return str(caught.value)


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


# ---- NaN and inf in training ------------------------------------------------

def test_finite():
    for dtype in (np.float16, np.float32, np.float64):
        largest = np.finfo(dtype).max
        assert finite(np.array([[largest, -largest, 0]], dtype)) and finite(np.zeros(0, dtype))
        for bad in (np.nan, np.inf, -np.inf):
            array = np.ones((3, 4, 5), dtype)
            array[1, 2, 3] = bad
            assert not finite(array) and not finite(array.T) and not finite(array[::2, ::2, 3:] * bad)
    assert finite(3) and finite(2.5) and finite(np.array([255], np.uint8)) and not finite(float("nan"))


@pytest.mark.parametrize("name, bad", [("dense", np.nan), ("images", -np.inf), ("plain", np.inf), ("floats", np.nan)])
def test_a_bad_batch_is_named_at_the_step_that_meets_it(name, bad, tmp_path):
    """-inf too: the first Relu or Sigmoid makes it harmless for the loss, but not for the gradient."""
    steps, kept = [], {}

    def spoil(trainer):
        trainer.x_train[41, 0, 2, 3] = bad
        kept.update(snapshot(trainer.network))

    trainer = trainer_of(NETS[name](), after_epoch(1, spoil), Augmentation(lambda x: steps.append(finite(x)) or x),
                         Log(tmp_path / "log.json"), Checkpoint(tmp_path / "checkpoint.pkl"))
    message = message_of(trainer)
    assert steps.index(False) == len(steps) - 1         # the step that met it was the last one
    kind = "nan" if np.isnan(bad) else "inf"
    assert message == (f"step {len(steps)}, in epoch 2: {kind} in the batch; "
                       "the network is as it was after step 5")
    assert len(trainer.train_loss_list) == trainer.current_iter == len(steps) - 1
    assert same(snapshot(trainer.network), kept)
    saved = load_pickle(tmp_path / "checkpoint.pkl")
    assert same(saved["network"], kept)
    logged = [row["loss"] for row in json.loads((tmp_path / "log.json").read_text())]
    assert saved["history"]["loss"].tolist() == logged == trainer.history["loss"]

    trainer.x_train[41] = 0                             # mended, it goes on from there
    trainer.train()
    assert trainer.current_epoch == 3


class Bomb(Layer):
    """Passes everything on, but something bad from its n-th training on; forward or backward."""

    def __init__(self, bad, forward_from=10 ** 9, backward_from=10 ** 9):
        self.bad, self.forward_from, self.backward_from = bad, forward_from, backward_from
        self.forwards = self.backwards = 0

    def forward(self, x, train_flg=True):
        self.forwards += train_flg
        return x * self.bad if self.forwards >= self.forward_from and train_flg else x + 0

    def backward(self, dout):
        self.backwards += 1
        return dout * self.bad if self.backwards >= self.backward_from else dout + 0


@pytest.mark.parametrize("bad, kind", [(np.float32("nan"), "nan"), (np.float32("inf"), "(nan|inf)")])
def test_the_layer_is_named(bad, kind):
    for bomb, step, what in ((Bomb(bad, forward_from=3), 3, "the output of layer Bomb"),
                             (Bomb(bad, backward_from=7), 7, "the gradient of (gamma1|beta1)")):
        net = image_net(("Bomb", bomb))
        message_of(trainer_of(net), f"^step {step}, in epoch {(step + 4) // 5}: {kind} in {what}; ")
    for key in ("W1", "gamma1", "b2"):
        def spoil(trainer):
            trainer.network.params[key].flat[0] = bad

        trainer = trainer_of(image_net(), after_step(8, spoil))
        message_of(trainer, f"^step 9, in epoch 2: {bad} in {key}; ")


def test_what_is_not_a_layers_is_named_too():
    net = dense_net()
    net.weight_decay_lambda = 1e38
    net.layers["Affine1"].W += 10
    message_of(trainer_of(net), "^step 1, in epoch 1: inf in the loss; .* after step 0$")

    class OwnWay(Network):
        def predict(self, x, train_flg=False):
            return super().predict(x.repeat(2, axis=2).repeat(2, axis=3) * np.float32(self.factor), train_flg)

    net = OwnWay({"Pool1": Pooling(2, 2, 1), "Affine1": random_affine(121, 3, "he")})       # for images of (12, 12)
    net.factor = 1

    def spoil(trainer):
        net.factor = "nan"

    message_of(trainer_of(net, after_epoch(1, spoil)), "^step 6, in epoch 2: nan in the loss; ")
    for bad, what in ((lambda net: net.params["w"].fill(np.nan), "w"),
                      (lambda net: setattr(net, "loss", lambda x, t: float("inf")), "the loss"),
                      (lambda net: setattr(net, "gradient", lambda x, t: {"w": np.array([np.inf])}),
                       "the gradient of w")):
        message_of(trainer_of(Plain(), after_step(12, lambda trainer: bad(trainer.network))),
                   f"^step 13, in epoch 3: (nan|inf) in {what}; the network is as it was after step 10$")
    message_of(trainer_of(dense_net(), Augmentation(lambda x: x / 0)), "in the batch;")


def test_one_hot_targets_with_nan_are_named():
    x, t = examples()
    t = np.eye(3, dtype=np.float32)[t]
    t[5] = np.nan
    message_of(Trainer(image_net(), x, t, x, np.eye(3)[examples()[1]], verbose=False), "nan in its targets; .*step 0$")


@pytest.mark.parametrize("batch_size, kept", [(20, 0), (N, 1)])
def test_a_training_that_runs_away_ends_as_it_was_after_a_whole_epoch(batch_size, kept):
    net = image_net()
    before = snapshot(net)
    message = message_of(trainer_of(net, optimizer=SGD(lr=1e20), mini_batch_size=batch_size),
                         rf"^step [2-5], in epoch {kept + 1}: (nan|inf) in (the .*|\w+\d); ")
    assert message.endswith(f"after step {kept}") and same(snapshot(net), before) == (kept == 0)


@pytest.mark.parametrize("step, found, kept", [(7, "step 8, in epoch 2", 5), (10, "step 10, in epoch 2", 5)])
@pytest.mark.parametrize("name, what", [("images", "inf in W1"), ("plain", "inf in w")])
def test_an_update_past_all_numbers_is_named(step, found, kept, name, what):
    """The next step tells; at the end of an epoch, before anything is evaluated and saved."""
    class Leap(SGD):
        steps = 0

        def update(self, params, grads):
            self.steps += 1
            super().update(params, grads)
            if self.steps == step:
                params[list(params)[0]] += np.float32("inf")

    assert message_of(trainer_of(NETS[name](), optimizer=Leap())) == (
        f"{found}: {what}; the network is as it was after step {kept}")


def test_running_statistics_past_all_numbers_are_named():
    """In training batch normalization takes the batch's own, so that no loss tells."""
    def leap(trainer):
        trainer.network.layers["Norm1"].running_var[1] = np.inf

    message_of(trainer_of(image_net(), after_step(3, leap)),
               "^step 5, in epoch 1: inf in running_var1; .* after step 0$")


@pytest.mark.parametrize("average", [0, 0.9])
def test_the_best_parameters_are_kept(average):
    """Of the best epoch with validation examples, of the last whole one without: those that were evaluated."""
    for validation, epoch in ((None, 2), (examples(30), 1)):
        kept = {}

        def remember(trainer):
            kept[trainer.current_epoch] = snapshot(trainer.network)
            if trainer.current_epoch == 2:
                trainer.x_train[:] = np.nan

        trainer = trainer_of(image_net(), *([Averaging(average)] if average else []),
                             *([BestWeights(*validation)] if validation else []), remember)
        if validation:
            trainer.network.accuracy = lambda x, t: 0.9 if trainer.current_epoch < 2 else 0.5
        assert message_of(trainer).endswith("after step 10")
        assert same(snapshot(trainer.network), kept[epoch])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_examples_are_named_before_the_training(value):
    x, t = examples()
    bad = x.copy()
    bad[7, 0, 0, 0] = value
    for name, train in (("train", lambda: Trainer(dense_net(), bad, t, x, t)),
                        ("test", lambda: Trainer(dense_net(), x, t, bad, t)),
                        ("validation", trainer_of(Plain(), BestWeights(bad, t)).train)):
        with pytest.raises(ValueError, match=rf"^x_{name}\[7\]: expected numbers, got NaN or inf$"):
            train()


def test_numpys_own_errors_lose_nothing_either():
    """A reader who asked NumPy for errors gets NumPy's, and the network of the last whole epoch."""
    net = image_net()
    trainer = trainer_of(net, after_epoch(1, lambda trainer: trainer.x_train.fill(np.inf)))
    with np.errstate(all="raise"):
        assert "; the network is as it was after step 5" in message_of(trainer)


# ---- unusual batches ------------------------------------------------

@pytest.mark.filterwarnings("ignore:x_train has values up to:UserWarning")
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
@pytest.mark.parametrize("name", ["dense", "images"])
def test_integer_images_train(name, dtype):
    np.random.seed(0)               # with some weights it takes more than four epochs
    x, t = examples()
    x = (x * 127 if dtype is not bool else x > 1).astype(dtype)
    net = NETS[name]()
    trainer = Trainer(net, x, t, x, t, epochs=4, mini_batch_size=20, optimizer="Adam", optimizer_param={"lr": 0.02},
                      verbose=False)
    trainer.train()
    assert trainer.train_loss_list[-1] < trainer.train_loss_list[0] and trainer.test_acc_list[-1] > 0.5
    assert {array.dtype for array in net.state.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("n, batch_size, classes", [(1, 1, 1), (3, 1, 3), (21, 20, 3), (30, 7, 1)],
                         ids=["one example", "batches of one", "a last batch of one", "one class"])
def test_small_batches_train(name, n, batch_size, classes):
    x, t = examples(n, classes)
    net = NETS[name]()
    Trainer(net, x, t, x, t, epochs=3, mini_batch_size=batch_size, verbose=False).train()
    assert all(finite(array) for array in arrays_of(net).values())
