"""common/training: averages as the formula says, the weights of the best epoch, and the end after patience."""
import numpy as np
import pytest

from common.multi_layer_net_extend import MultiLayerNetExtend
from common.trainer import Trainer
from common.training.averaging import Averaging
from common.training.best_weights import BestWeights
from common.params import arrays_of, restore, snapshot


def blobs(n, seed=0):
    """Three clouds of points that overlap."""
    rng = np.random.default_rng(seed)
    t = rng.integers(3, size=n)
    return (rng.normal(0, 1.5, (n, 2)) + np.array([[0, 3], [3, 0], [-3, -3]])[t]).astype(np.float32), t


def trainer_of(callbacks=(), **settings):
    np.random.seed(0)
    net = MultiLayerNetExtend(2, [6], 3, use_batchnorm=True)
    return Trainer(net, *blobs(60), *blobs(30, 1), **{"epochs": 4, "mini_batch_size": 16, "verbose": False,
                                                      "callbacks": list(callbacks), **settings})


def fill(net, number):
    for array in arrays_of(net).values():
        array[...] = number


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


# ---- snapshots ------------------------------------------------

def test_a_snapshot_is_of_all_arrays_the_running_statistics_too():
    net = trainer_of().network
    arrays = snapshot(net)
    assert set(arrays) == {"W1", "b1", "gamma1", "beta1", "W2", "b2", "running_mean1", "running_var1"}
    own = net.layers["Affine1"].W
    fill(net, 7)
    assert not same(arrays, arrays_of(net))
    restore(net, arrays)
    assert same(arrays, arrays_of(net)) and net.layers["Affine1"].W is own


# ---- averaging ------------------------------------------------

def test_the_average_follows_its_formula():
    trainer, averaging = trainer_of(), Averaging(0.3)
    net = trainer.network
    fill(net, 0)
    averaging.on_train_begin(trainer)
    expected = 0.0
    for steps, number in enumerate([1.0, 5.0, -2.0, 4.0, 4.0], start=1):
        fill(net, number)
        averaging.on_batch_end(trainer)
        d = min(0.3, (1 + steps) / (10 + steps))    # 2/11, 3/12, 4/13 = 0.308 and on: the start counts less
        expected = d * expected + (1 - d) * number
        for array in averaging.state["average"].values():
            np.testing.assert_allclose(array, expected, rtol=1e-5)
            assert array.dtype == np.float32
        assert all((array == number).all() for array in arrays_of(net).values())    # the net itself is left alone
    averaging.on_test_begin(trainer)
    assert same(averaging.state["average"], snapshot(net))
    averaging.on_epoch_begin(trainer)
    assert all((array == 4).all() for array in arrays_of(net).values())


def test_the_average_is_evaluated_and_kept():
    averaging = Averaging(0.9)
    plain, averaged = trainer_of(), trainer_of([averaging])
    for trainer in (plain, averaged):
        np.random.seed(1)
        trainer.train()
    assert plain.train_loss_list == averaged.train_loss_list            # the training itself is the same
    assert same(averaging.state["average"], snapshot(averaged.network))
    assert same(averaging.state["weights"], snapshot(plain.network))
    assert averaged.test_acc_list[-1] == averaged.network.accuracy(averaged.x_test, averaged.t_test)


# ---- best weights and patience ------------------------------------------------

def scripted(scores, patience=None, averaging=(), **settings):
    """A trainer whose net is as good on the validation examples as the list says, epoch after epoch."""
    x, t = blobs(20, 2)
    kept, best = {}, BestWeights(x, t, patience)

    def keep(trainer):
        kept[trainer.current_epoch] = snapshot(trainer.network)

    trainer = trainer_of([*averaging, best, keep], epochs=len(scores), **settings)
    accuracy, remaining = trainer.network.accuracy, iter(scores)
    trainer.network.accuracy = lambda data, labels: next(remaining) if data is x else accuracy(data, labels)
    trainer.kept, trainer.best = kept, best
    return trainer


@pytest.mark.parametrize("averaging", [[], [Averaging(0.9)]])
def test_the_best_parameters_are_kept_the_first_of_equals(averaging):
    trainer = scripted([0.3, 0.9, 0.5, 0.9], averaging=averaging)
    trainer.train()
    assert trainer.history["val_acc"] == [0.3, 0.9, 0.5, 0.9] and trainer.best.state["epoch"] == 2
    assert same(snapshot(trainer.network), trainer.kept[2]) and not same(trainer.kept[2], trainer.kept[4])
    assert trainer.final_accuracy() == trainer.test_acc_list[1]


@pytest.mark.parametrize("scores, patience, epochs, best", [
    ([0.5, 0.4, 0.6, 0.5, 0.5, 0.7], 2, 5, 3), ([0.5, 0.4, 0.6, 0.5, 0.5, 0.7], 3, 6, 6), ([0.5, 0.5, 0.9], 1, 2, 1)])
def test_patience_ends_the_training(scores, patience, epochs, best, capfd):
    trainer = scripted(scores, patience, verbose=True)
    trainer.train()
    assert trainer.current_epoch == epochs and trainer.best.state["epoch"] == best and not trainer.interrupted
    out = capfd.readouterr().out
    assert (f"no better val acc for {patience} epochs" in out) == (epochs - best == patience)
    assert f"kept the parameters of epoch {best}, with val acc {scores[best - 1]:.4f}" in out
    assert out.endswith(f"test acc: {trainer.test_acc_list[best - 1]:.4f}\n")
    trainer.train()
    assert trainer.current_epoch == epochs and same(snapshot(trainer.network), trainer.kept[best])


def test_a_training_goes_on_from_the_last_epoch_not_from_the_best():
    whole, parts = (scripted([0.9, 0.5, 0.4, 0.3], averaging=[Averaging(0.9)]) for _ in range(2))
    np.random.seed(1)
    whole.train()
    np.random.seed(1)
    parts.epochs = 2
    parts.train()
    assert same(snapshot(parts.network), parts.kept[1])
    parts.epochs = 4
    parts.train()
    assert whole.train_loss_list == parts.train_loss_list and same(whole.kept[4], parts.kept[4])


def test_callbacks_begin_anew_in_another_training():
    def train(callbacks, seed):
        trainer = trainer_of(callbacks)
        np.random.seed(seed)
        trainer.train()
        return trainer.train_loss_list, snapshot(trainer.network)

    callbacks = [Averaging(0.9), BestWeights(*blobs(20, 2), patience=3)]
    train(callbacks, 1)
    losses, arrays = train(callbacks, 2)
    expected_losses, expected = train([Averaging(0.9), BestWeights(*blobs(20, 2), patience=3)], 2)
    assert losses == expected_losses and same(arrays, expected)


@pytest.mark.parametrize("build, words", [
    *((lambda decay=decay: Averaging(decay), f"decay between 0 and 1.*got {decay}")
      for decay in (-0.1, 0, 1, 1.5, float("nan"))),
    (lambda: BestWeights(*blobs(5), patience=0), "patience >= 1, a whole number, got 0"),
    (lambda: trainer_of([BestWeights(blobs(5)[0], blobs(3)[1])]).train(),
     r"x_validation, t_validation.*\(3,\) and \(5, 2\)")])
def test_wrong_settings_are_named(build, words):
    with pytest.raises(ValueError, match=words):
        build()
