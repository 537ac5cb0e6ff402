"""common/network.py: one set of parameters, however it is reached; gradients, memory, accuracy, files and copies."""
import copy
import os
import pickle
import threading

import numpy as np
import pytest

from common.figures.graph import record
from common.files import save_pickle
from common.initializer import random_affine, random_convolution
from common.layers import Affine, BatchNormalization, Dropout, Pooling, Relu, Sigmoid
from common.network import Network
from common.optimizer import Adam
from common.training.evaluation import probabilities


def batch_norm(size, dtype):
    gamma, beta = np.random.uniform(0.5, 2, size), np.random.randn(size)
    return BatchNormalization(gamma.astype(dtype), beta.astype(dtype))


def dense_net(dtype=np.float64, **settings):
    """6 values -> 4 -> 3 classes, with batch normalization."""
    return Network({"Affine1": random_affine(6, 4, 1, dtype), "BatchNorm1": batch_norm(4, dtype),
                    "Sigmoid1": Sigmoid(), "Affine2": random_affine(4, 3, 1, dtype)}, **settings)


def image_net(dtype=np.float64, **settings):
    """Images (1, 6, 6) -> 3 classes, with a layer of every kind."""
    return Network({"Conv1": random_convolution(1, "he", 3, 3, pad=1, dtype=dtype),
                    "BatchNorm1": batch_norm(3, dtype), "Relu1": Relu(), "Pool1": Pooling(2, 2),
                    "Dropout1": Dropout(0.3),
                    "Conv2": random_convolution(3, "he", 2, 2, stride=1, dtype=dtype), "Sigmoid1": Sigmoid(),
                    "Affine1": random_affine(8, 5, "he", dtype), "BatchNorm2": batch_norm(5, dtype),
                    "Relu2": Relu(), "Dropout2": Dropout(0.5),
                    "Affine2": random_affine(5, 3, "he", dtype)}, **settings)


NETS = {"dense": (dense_net, (6,)), "images": (image_net, (1, 6, 6))}
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}


@pytest.fixture(params=NETS)
def kind(request):
    """(maker of a net, shape of one example)."""
    return NETS[request.param]


@pytest.fixture(params=COPIES)
def duplicate(request):
    return COPIES[request.param]


def examples(rng, shape, n=30, dtype=np.float64):
    return rng.normal(size=(n, *shape)).astype(dtype), rng.integers(3, size=n)


def own(net, prefix=""):
    """The arrays that the layers hold, in the order of the net's params."""
    return [getattr(layer, prefix + name) for layer in net.layers.values() for name in layer.param_names]


def walk_back(net):
    """backward by hand, as in the book; what it leaves in the layers."""
    dout = net.last_layer.backward(1)
    for layer in reversed(list(net.layers.values())):
        dout = layer.backward(dout)
    return {"dx": dout, **{str(i): array.copy() for i, array in enumerate(own(net, "d"))}}


def copies(arrays):
    return {key: array.copy() for key, array in arrays.items()}


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


# ---- names and assignment ------------------------------------------------

def test_names_are_the_books():
    assert list(dense_net().params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    net = image_net()
    assert list(net.params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2", "W3", "b3", "gamma2", "beta2", "W4", "b4"]
    assert all(array is mine for array, mine in zip(net.params.values(), own(net)))
    assert list(net.state)[2:6] == ["gamma1", "beta1", "running_mean1", "running_var1"]
    assert set(net.state) == {*net.params, "running_mean1", "running_var1", "running_mean2", "running_var2"}
    assert net.state["running_var2"] is net.layers["BatchNorm2"].running_var


def test_every_way_to_change_params_acts_on_the_layers_or_is_an_error(kind):
    make, _ = kind
    net = make()
    kept = net.params           # a reader may hold on to it
    for i, name in enumerate(net.params):
        array = own(net)[i]
        ways = [lambda p, value: p.__setitem__(name, value), lambda p, value: p.update({name: value}),
                lambda p, value: p.update(**{name: value}), lambda p, value: p.update([(name, value)]),
                lambda p, value: setattr(net, "params", {**p, name: value})]
        for params in (net.params, kept):
            for number, change in enumerate(ways, start=2):
                value = np.full(array.shape, number, np.float16)    # the net keeps its dtype
                change(params, value)
                value[...] = 77                                     # and the caller's array stays the caller's
                assert (array == number).all() and own(net)[i] is net.params[name] is array
                for wrong in (np.ones((*array.shape, 1)), np.ones(7 * array.size), np.float64(1),
                              np.ones((1, *array.shape)), np.ones(array.shape).T[..., None]):
                    with pytest.raises(ValueError, match=name):     # never broadcast
                        change(params, wrong)
                assert (array == number).all() and array.dtype == np.float64
        net.params[name] += 1
        net.params[name].flat[0] = -5
        assert own(net)[i] is array and array.flat[0] == -5 and (array.flat[1:] == 7).all()
    before = copies(net.state)
    for change in (lambda: net.params.pop("W1"), lambda: net.params.pop("W77", None), lambda: net.params.popitem(),
                   lambda: net.params.clear(), lambda: net.params.__delitem__("W1"),
                   lambda: net.params.setdefault("W77", 0), lambda: net.params.__ior__({"W1": 0})):
        with pytest.raises(TypeError, match="assigned but not added or removed"):
            change()
    for change in (lambda: net.params.__setitem__("W9", np.ones(3)), lambda: net.params.update(W9=1)):
        with pytest.raises(KeyError, match="W9"):
            change()
    with pytest.raises(AttributeError):
        del net.params
    assert same(net.state, before)


def test_layers_and_their_arrays_may_be_replaced(kind, rng):
    """As in the book: the reader rebinds layer.W, and everything follows."""
    make, shape = kind
    net, (x, t) = make(), examples(rng, shape)
    net.gradient(x, t)
    layer, before = net.layers["Affine2"], net.predict(x)
    layer.W, layer.b = layer.W * 2, layer.b * 2
    name = list(net.params)[-2]
    assert net.params[name] is layer.W
    np.testing.assert_allclose(net.predict(x), 2 * before)
    net.params[name] *= 2
    np.testing.assert_allclose(net.predict(x), 4 * before)
    first = next(iter(net.layers.values()))
    first.W, first.b = first.W * 0, first.b * 0
    assert np.ptp(net.predict(x), axis=0).max() < 1e-12       # nothing of x is left
    net.layers["Affine2"] = random_affine(len(layer.W), 4, 1)
    assert net.params[name] is net.layers["Affine2"].W and net.predict(x).shape == (30, 4)
    assert net.gradient(x, t).keys() == net.params.keys() and net.gradient(x, t)[name].shape[1] == 4


@pytest.mark.parametrize("wrong, words", [
    ({"W2": np.ones(3)}, ["W2", "(3,)", "(4, 3)"]), ({"b1": None}, ["b1: expected (4,), got nothing"]),
    ({"W3": np.ones(3)}, ["W3: expected nothing, got (3,)"]), ({"b2": np.array(["a", "b", "c"])}, ["b2", "<U1"]),
    ({"b2": [None, None, None]}, ["b2", "list"]), ([1, 2], ["dict", "list"])])
def test_all_params_at_once_or_none(wrong, words):
    net = dense_net()
    before = copies(net.params)
    new = wrong
    if isinstance(wrong, dict):
        new = {key: array + 1 for key, array in before.items()} | wrong
        new = {key: value for key, value in new.items() if value is not None}
    with pytest.raises(ValueError) as caught:
        net.params = new
    assert all(word in str(caught.value) for word in words)
    assert same(net.params, before)


def test_what_cannot_be_stored_is_an_error_not_a_rounded_value(tmp_path):
    net = Network({"Affine1": Affine(np.ones((2, 2), int), np.zeros(2, np.float32))})
    for key, value in (("W1", np.full((2, 2), 0.5)), ("b1", np.array([1j, 2])), ("b1", ["1", "2"]),
                       ("b1", [None, None])):
        for assign in (lambda: net.params.__setitem__(key, value), lambda: net.params.update({key: value})):
            with pytest.raises(TypeError):
                assign()
    save_pickle(tmp_path / "params.pkl", {"W1": np.full((2, 2), 0.5), "b1": np.ones(2)})
    with pytest.raises(TypeError):
        net.load_params(tmp_path / "params.pkl")
    assert (net.params["W1"] == 1).all() and (net.params["b1"] == 0).all()
    net.params["W1"] = [[2, 3], [4, 5]]
    net.params["b1"] = np.array([1.5, 2.5], np.float64)
    assert net.layers["Affine1"].W.tolist() == [[2, 3], [4, 5]] and net.layers["Affine1"].b.tolist() == [1.5, 2.5]


def test_a_layer_that_stands_in_two_places_is_an_error():
    """It would remember the second of its two forwards only."""
    relu = Relu()
    with pytest.raises(ValueError, match="the same layer stands in two places.*got A1, R1, A2, R2"):
        Network({"A1": random_affine(6, 6, 1), "R1": relu, "A2": random_affine(6, 3, 1), "R2": relu})


# ---- loss and gradients ------------------------------------------------

@pytest.mark.parametrize("n, weight_decay_lambda", [(8, 0.3), (27, 0)])     # 27 images are more than one slice
def test_gradient_agrees_with_numerical_gradient(kind, weight_decay_lambda, n, rng):
    make, shape = kind
    np.random.seed(0)           # these weights bring no value so near to relu's bend that a difference crosses it
    net = make(weight_decay_lambda=weight_decay_lambda)
    x, t = examples(rng, shape, n)
    numerical = net.numerical_gradient(x, t)
    backprop = net.gradient(x, t)               # the generator is where it was: the same dropout masks
    assert list(backprop) == list(numerical) == list(net.params)
    for key, mine in zip(backprop, own(net, "d")):
        np.testing.assert_allclose(backprop[key], numerical[key], atol=2e-7, err_msg=key)
        # Batch normalization takes out what a b before it adds: that gradient is truly 0.
        assert np.abs(backprop[key]).max() > 1e-6 or key in ("b1", "b3"), key
        decay = weight_decay_lambda * net.params[key] if key[0] == "W" else 0
        np.testing.assert_allclose(backprop[key], mine + decay, rtol=1e-12, atol=1e-15)     # layers hold their own part
    extra = weight_decay_lambda / 2 * sum(np.sum(W ** 2) for key, W in net.params.items() if key[0] == "W")
    loss, net.weight_decay_lambda = net.loss(x, t), 0
    assert loss == pytest.approx(net.loss(x, t) + extra)


def test_the_check_catches_a_wrong_layer(rng):
    net, (x, t) = dense_net(), examples(rng, (6,), 8)
    backward = net.layers["Sigmoid1"].backward
    net.layers["Sigmoid1"].backward = lambda dout: -backward(dout)
    assert np.abs(net.gradient(x, t)["W1"] - net.numerical_gradient(x, t)["W1"]).max() > 1e-4


def test_a_float32_net_has_the_gradients_of_its_float64_copy(kind, rng):
    make, shape = kind
    np.random.seed(0)           # no value lies so near to relu's bend that float32 and float64 fall on two sides
    net = make(np.float32, weight_decay_lambda=np.float64(0.1))
    x, t = examples(rng, shape, 8, np.float32)
    numerical, backprop = net.numerical_gradient(x, t), net.gradient(x, t)
    for key in backprop:
        assert numerical[key].dtype == np.float64 and backprop[key].dtype == np.float32
        np.testing.assert_allclose(backprop[key], numerical[key], atol=1e-5)
    assert net.loss(x, t).dtype == np.float32


def test_numerical_gradient_leaves_everything_as_it_was(kind, rng):
    make, shape = kind
    net, (x, t) = make(np.float32), examples(rng, shape, 8, np.float32)
    net.gradient(x, t)
    before, random_state = copies(net.state), np.random.get_state()
    net.numerical_gradient(x, t)
    with pytest.raises(ValueError):
        net.numerical_gradient(x, t + 3)
    assert same(net.state, before)
    np.testing.assert_equal(np.random.get_state(), random_state)


def test_value_and_gradient_is_loss_in_training_and_gradient_for_the_same_seed(kind, rng):
    make, shape = kind
    net, (x, t) = make(weight_decay_lambda=0.1), examples(rng, shape)
    np.random.seed(3)
    loss, grads = net.value_and_gradient(x, t)
    np.random.seed(3)
    assert net.loss(x, t, train_flg=True) == loss
    np.random.seed(3)
    assert same(net.gradient(x, t), grads)
    assert make is dense_net or not same(net.gradient(x, t), grads)     # dropout draws new masks every time


def test_what_was_returned_stays_as_it_is_and_what_was_given_is_not_written_to(kind, rng):
    make, shape = kind
    net, (x, t), (x2, t2) = make(), examples(rng, shape), examples(rng, shape)
    for array in (x, t, x2, t2, *net.params.values()):
        array.flags.writeable = False
    first = [net.predict(x), net.predict(x, train_flg=True), *net.gradient(x, t).values()]
    before = [array.copy() for array in first]
    for n in (30, 17, 3):
        net.predict(x2[:n])
        net.predict(x2[:n], train_flg=True)
        net.gradient(x2[:n], t2[:n])
        net.accuracy(x2, t2)
    net.numerical_gradient(x[:2], t[:2])
    for array, value in zip(first, before):
        np.testing.assert_array_equal(array, value)


def test_predict_and_loss_mean_prediction_unless_told_otherwise(kind, rng):
    make, shape = kind
    net, (x, t) = make(), examples(rng, shape)
    for n in range(5):
        net.gradient(x, t)
    before = copies(net.state)
    np.testing.assert_array_equal(net.predict(x), net.predict(x))               # no dropout
    assert net.loss(x, t) == net.loss(x, t) and same(net.state, before)
    alone = np.concatenate([net.predict(x[n:n + 1]) for n in range(len(x))])    # no batch statistics
    np.testing.assert_allclose(net.predict(x), alone, rtol=1e-9, atol=1e-12)
    assert np.abs(net.predict(x, train_flg=True) - net.predict(x)).max() > 1e-3


def test_bad_targets_and_input_are_named(kind, rng):
    make, shape = kind
    net, (x, t) = make(), examples(rng, shape, 20)
    for compute in (net.loss, net.gradient, net.value_and_gradient, net.accuracy, net.numerical_gradient):
        for bad_t, error, word in ((t + 1, ValueError, "0 to 2, got 3"),
                                   (t - 1, ValueError, "0 to 2, got -1"), (t * 1.0, TypeError, "integers"),
                                   (np.zeros((20, 4)), ValueError, "(20, 4)"),
                                   (t[:, None], ValueError, "(20, 1)"), (t[:19], ValueError, "19"),
                                   (t.reshape(4, 5), ValueError, "4")):
            with pytest.raises(error) as caught:
                compute(x, bad_t)
            assert word in str(caught.value), compute.__name__
        with pytest.raises(ValueError, match="0"):
            compute(x[:0], t[:0])
        with pytest.raises(ValueError, match=r"expected .*\b5, 7, 7\)"):
            compute(np.zeros((20, 5, 7, 7)), t)


# ---- what is remembered between forward and backward ------------------------------------------------

def test_a_look_between_loss_and_backward_changes_nothing(kind, rng):
    make, shape = kind
    net, (x, t), (x2, t2) = make(), examples(rng, shape), examples(rng, shape)
    net.loss(x, t, train_flg=True)
    expected = walk_back(net)
    for look in (lambda: net.predict(x2), lambda: net.predict(x2[:1]), lambda: net.accuracy(x2, t2),
                 lambda: probabilities(net, x2), lambda: net.numerical_gradient(x2[:2], t2[:2]),
                 lambda: copy.deepcopy(net).gradient(x2, t2), lambda: make().gradient(x2, t2),
                 lambda: pickle.dumps(net), lambda: net.astype(np.float64).predict(x2)):
        look()
        assert same(walk_back(net), expected)


@pytest.mark.parametrize("n", [5, 30])
def test_another_pass_between_loss_and_backward_is_an_error(kind, n, rng):
    """The batches have the same size: nothing else would tell."""
    make, shape = kind
    net, (x, t), (x2, t2) = make(), examples(rng, shape, n), examples(rng, shape, n)

    def wrong_labels():
        with pytest.raises(ValueError, match="0 to 2, got 3"):
            net.gradient(x2, np.where(np.arange(n) == 4, 3, t2))

    for other in (lambda: net.predict(x2, train_flg=True), lambda: net.loss(x2, t2), wrong_labels):
        net.loss(x, t, train_flg=True)
        other()
        with pytest.raises(RuntimeError, match="SoftmaxWithLoss: backward needs a forward in training"):
            net.last_layer.backward(1)
    net.loss(x, t)
    assert net.last_layer.y.shape == (n, 3)             # the probabilities may still be looked at
    net.loss(x, t, train_flg=True)
    assert np.isfinite(walk_back(net)["dx"]).all()
    net.loss(x, t, train_flg=True)
    expected = own(net, "d") if net.gradient(x2, t2) else None      # after it all layers remember x2
    assert all(map(np.array_equal, expected, list(walk_back(net).values())[1:]))


def test_backward_before_forward_says_so(kind, duplicate, rng):
    make, shape = kind
    for net in (make(), duplicate(make())):
        for _ in range(2):
            for layer in (net.last_layer, *net.layers.values()):
                with pytest.raises(RuntimeError, match=f"{type(layer).__name__}: backward needs a forward in training"):
                    layer.backward(np.ones((30, 3), np.float32))
            net.predict(examples(rng, shape)[0])


# ---- accuracy ------------------------------------------------

@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 10, 100])
def test_accuracy_counts_every_example(batch_size):
    net = Network({"Affine1": Affine(np.eye(3), np.zeros(3))})      # its scores are the input
    x = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]]
    t = np.array([0, 1, 2, 0, 0, 0, 0, 1, 1, 0])                # 7 of 10, the last one right
    for form in (t, t.astype(np.uint8), list(t), np.eye(3)[t]):
        assert net.accuracy(x, form, batch_size) == 0.7
    t[-1] = 2
    assert net.accuracy(x, t, batch_size) == 0.6
    assert type(net.accuracy(x, t)) is float
    for bad, words in (((np.eye(3), np.arange(3), 0), "batch_size.*0"), ((x, t, -1), "batch_size.*-1"),
                       ((np.eye(3), np.arange(2)), "2.*3")):
        with pytest.raises(ValueError, match=words):
            net.accuracy(*bad)


def test_scores_that_are_no_numbers_are_not_counted(rng):
    net, (x, t) = dense_net(), examples(rng, (6,), 150)
    right = net.predict(x).argmax(axis=1) == t
    x[123], t[123] = np.nan, 0          # nan is no score for class 0, though argmax takes it for one
    right[123] = False
    assert net.accuracy(x, t) == right.sum() / 150 > 0
    assert net.accuracy(x * np.nan, t * 0) == net.accuracy(x * np.nan, np.eye(3)[t * 0]) == 0


# ---- files ------------------------------------------------

def trained(make, shape, rng):
    """A net whose running statistics are no longer the first ones."""
    net = make(np.float32)
    net.gradient(*examples(rng, shape, dtype=np.float32))
    return net


def test_saved_and_loaded_as_in_the_book(kind, tmp_path, monkeypatch, rng):
    make, shape = kind
    monkeypatch.chdir(tmp_path)
    net, other = trained(make, shape, rng), make(np.float32)
    own_W = other.layers["Affine1"].W
    net.save_params()
    assert os.listdir() == ["params.pkl"]
    with open("params.pkl", "rb") as f:
        saved = pickle.load(f)
    assert type(saved) is dict and same(saved, net.state) and {type(array) for array in saved.values()} == {np.ndarray}
    for name in ((), ("params.pkl",), (tmp_path / "params.pkl",)):
        other.params = {key: array * 0 for key, array in other.params.items()}
        other.load_params(*name)
        assert same(net.state, other.state) and other.layers["Affine1"].W is own_W
    x = rng.normal(size=(20, *shape)).astype(np.float32)
    np.testing.assert_array_equal(net.predict(x), other.predict(x))     # the running statistics came along


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_files_of_the_books_readers_load(tmp_path, protocol):
    """They are pickles of a plain dict of float64 arrays."""
    net = Network({"Affine1": random_affine(6, 4, 1), "Relu1": Relu(), "Affine2": random_affine(4, 3, 1)})
    params = {key: np.asfortranarray(np.random.randn(*array.shape)) for key, array in net.params.items()}
    (tmp_path / "params.pkl").write_bytes(pickle.dumps(params, protocol))
    net.load_params(tmp_path / "params.pkl")
    assert same(net.params, {key: array.astype(np.float32) for key, array in params.items()})
    assert {array.dtype for array in net.params.values()} == {np.dtype(np.float32)}


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_file_that_does_not_fit_is_named_and_changes_nothing(kind, tmp_path, rng):
    make, shape = kind
    net, file = trained(make, shape, rng), tmp_path / "params.pkl"
    net.save_params(file)
    whole, before, last = file.read_bytes(), copies(net.state), list(net.params)[-1]
    other = {key: array + 1 for key, array in before.items()}
    without = {key: {k: v for k, v in other.items() if k != key} for key in ("b1", "running_var1")}
    for content, words in (({**other, last: np.ones(7)}, [last, "(7,)", "(3,)"]),
                           ({**other, "W1": other["W1"].T[..., None]}, ["W1: expected (", ", got ("]),
                           (without["b1"], ["; b1: expected (", "got nothing"]),
                           (without["running_var1"], ["running_var1: expected (", "got nothing"]),
                           ({"W1": other["W1"]}, ["b1", "W2", "running_mean1", "got nothing"]),
                           ({**other, "W7": np.ones(3)}, ["W7: expected nothing, got (3,)"]),
                           ({**other, last: np.array(["a", "b", "c"])}, [last]),
                           ({**other, last: ["a", None, "c"]}, [last]),
                           ({**other, last: np.array([None, 1, 2])}, []), ([np.ones(3)], ["dict", "list"]),
                           ({**other, last: Hostile(str(tmp_path / "hacked"))}, []),
                           (whole[:-40], []), (whole[:len(whole) // 2], []), (b"", []), (b"<html>", [])):
        file.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
        with pytest.raises(ValueError) as caught:
            net.load_params(file)
        assert all(word in str(caught.value) for word in ["params.pkl", *words])
        assert same(net.state, before)
    assert os.listdir(tmp_path) == ["params.pkl"]
    with pytest.raises(FileNotFoundError):
        net.load_params(tmp_path / "missing.pkl")


# ---- copies ------------------------------------------------

def arrays_in(thing):
    """Every array that can be reached from a net, those that its layers remember too."""
    if isinstance(thing, np.ndarray):
        return [thing]
    values = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else (
        vars(thing).values() if hasattr(thing, "__dict__") else ())
    return [array for value in values for array in arrays_in(value)]


def share_nothing(first, second):
    return not any(np.shares_memory(mine, its) for mine in arrays_in(first) for its in arrays_in(second))


def train_step(net, optimizer, step, shape):
    """One update; the loss before it."""
    x, t = examples(np.random.default_rng(step), shape, 30 - step, np.float32)
    np.random.seed(step)
    loss, grads = net.value_and_gradient(x, t)
    optimizer.update(net.params, grads)
    return float(loss)


def test_a_copy_is_a_net_of_its_own_and_in_step_with_itself(kind, duplicate, rng):
    make, shape = kind
    net, optimizer = make(np.float32), Adam()
    train_step(net, optimizer, 0, shape)
    net.loss(*examples(rng, shape, dtype=np.float32), train_flg=True)       # with a backward to come, too
    held = duplicate({"net": net, "params": net.params})                    # whoever holds both holds the same arrays
    assert all(held["params"][key] is array for key, array in held["net"].params.items())
    other, its_optimizer = duplicate(net), duplicate(optimizer)
    assert same(walk_back(other), walk_back(net))
    for copied in (other, duplicate(other)):
        assert all(array is mine for array, mine in zip(copied.params.values(), own(copied)))
        assert share_nothing(net, copied)
    before = copies(net.state)
    losses = [train_step(other, its_optimizer, step, shape) for step in range(3)]
    assert same(net.state, before)
    assert [train_step(net, optimizer, step, shape) for step in range(3)] == losses and same(net.state, other.state)
    params = duplicate(net.params)
    assert type(params) is dict and same(params, net.params) and share_nothing(params, net)


def test_astype_is_a_copy_that_computes_in_another_dtype(kind, rng):
    make, shape = kind
    net = trained(make, shape, rng)
    double, x = net.astype(np.float64), rng.normal(size=(20, *shape))
    assert double.predict(x).dtype == np.float64 and net.predict(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(double.predict(x), net.predict(x.astype(np.float32)), atol=1e-4)
    double.params["W1"] = double.params["W1"] * 0
    assert net.params["W1"].any() and net.params["W1"].dtype == np.float32


def test_a_parameter_that_is_a_plain_number_is_named():
    class Scale:
        def __init__(self):
            self.s = 1.0
            self.ds = None

        def forward(self, x):
            return self.s * x

        def backward(self, dout):
            return self.s * dout

    with pytest.raises(TypeError, match=r"layer Scale1: expected s as an array, got 1.0; write np.array\(1.0\)"):
        Network([Scale()])


def test_a_hook_on_backward_is_called_in_the_first_layer_too(rng):
    net, (x, t) = dense_net(), examples(rng, (6,))
    first, seen = net.layers["Affine1"], []
    plain = first.backward
    first.backward = lambda dout: seen.append(dout.shape) or plain(dout)
    net.gradient(x, t)
    assert seen == [(30, 4)]


def test_two_parameters_of_one_name_are_refused():
    class Double:
        """Its only parameter is called W1, so its key is W11: that of the eleventh W."""

        def __init__(self):
            self.W1, self.dW1 = np.ones(3), None

        def forward(self, x):
            return x * self.W1

        def backward(self, dout):
            return dout * self.W1

    with pytest.raises(ValueError, match="two parameters would be named W11; rename W of layer Affine12"):
        Network([Double(), *(Affine(np.ones((3, 3)), np.zeros(3)) for _ in range(11))])


def test_layers_of_a_list_are_called_by_kind_and_place():
    layers = [Affine(np.eye(2), np.zeros(2)), Relu()]
    assert list(Network(layers).layers) == ["Affine1", "Relu2"]
    assert list(Network(layer for layer in layers).layers) == ["Affine1", "Relu2"]
    assert [node.name for node in record(layers, np.ones((1, 2))).nodes] == ["Affine1", "Relu2"]


@pytest.mark.parametrize("build", [Network, lambda layers: record(layers, np.ones((1, 2)))], ids=["network", "record"])
def test_no_layer_is_lost_to_another_of_its_name(build):
    A, A1 = type("A", (Relu,), {}), type("A1", (Relu,), {})
    with pytest.raises(ValueError, match="expected some, of different names, got A11, Relu2"):
        build([A1(), *(Relu() for _ in range(9)), A()])
    for none in ([], {}):
        with pytest.raises(ValueError, match="expected some, of different names, got none"):
            build(none)


def test_two_threads_cannot_train_one_net():
    entered, leave = threading.Event(), threading.Event()

    class Waits(Relu):
        def forward(self, x, train_flg=True):
            entered.set()
            assert leave.wait(30)
            return super().forward(x, train_flg)

    net, (x, t) = Network([Waits()]), (np.ones((2, 3)), np.array([0, 1]))
    results = []
    first = threading.Thread(target=lambda: results.append(net.value_and_gradient(x, t)))
    first.start()
    try:
        assert entered.wait(30)
        with pytest.raises(RuntimeError, match="two threads train one network at the same time"):
            net.gradient(x, t)
    finally:
        leave.set()
        first.join()
    assert results == [net.value_and_gradient(x, t)]        # the first goes on; one after the other is right
