"""common/network.py: one set of parameters, however it is reached; gradients, accuracy, files and copies."""
import copy
import os
import pickle

import numpy as np
import pytest

from common.initializer import random_affine, random_convolution
from common.layers import Affine, BatchNormalization, Dropout, Pooling, Relu, Sigmoid
from common.network import Network


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


@pytest.fixture(params=NETS)
def kind(request):
    """(maker of a net, shape of one example)."""
    return NETS[request.param]


def examples(rng, shape, n=8, dtype=np.float64):
    return rng.normal(size=(n, *shape)).astype(dtype), rng.integers(3, size=n)


def weights(net):
    return {key: array.copy() for key, array in net.params.items()}


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


# ---- names and assignment ------------------------------------------------

def test_names_are_the_books():
    assert list(dense_net().params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    assert list(image_net().params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2", "W3", "b3",
                                        "gamma2", "beta2", "W4", "b4"]
    net = image_net()
    assert net.params["W2"] is net.layers["Conv2"].W
    assert net.params["W3"] is net.layers["Affine1"].W
    assert net.params["gamma2"] is net.layers["BatchNorm2"].gamma


def test_every_assignment_copies_into_the_layers_own_array(kind):
    make, shape = kind
    net = make()
    own = net.layers["Affine1"].b
    new = np.arange(own.size, dtype=np.float64)
    name = next(key for key, array in net.params.items() if array is own)

    def expect(values):
        np.testing.assert_array_equal(own, values)
        assert net.params[name] is own is net.layers["Affine1"].b

    net.params[name] = new
    expect(new)
    new[...] = 77               # the caller's array stays the caller's
    expect(np.arange(own.size))
    net.params[name] += 1
    expect(np.arange(own.size) + 1)
    net.params[name][0] = -5
    assert own[0] == -5
    net.params.update({name: np.zeros(own.size)})
    expect(0)
    net.params |= {name: np.ones(own.size)} | {key: array for key, array in net.params.items() if key != name}
    expect(1)
    net.params = {key: np.full(array.shape, 3.0) for key, array in net.params.items()}
    expect(3)
    net.params[name] = np.ones(own.size, np.float16)        # another dtype: the net keeps its own
    expect(1)
    assert own.dtype == np.float64
    kept = net.params           # a reader may hold on to it
    kept[name] = np.full(own.size, 9)
    expect(9)


def test_a_layers_array_may_be_replaced(kind, rng):
    """As in the book: the reader rebinds layer.W, and everything follows."""
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    net.gradient(x, t)
    layer = net.layers["Affine2"]
    before = net.predict(x)
    layer.W = layer.W * 2
    layer.b = layer.b * 2
    name = list(net.params)[-2]
    assert net.params[name] is layer.W
    np.testing.assert_allclose(net.predict(x), 2 * before)
    net.params[name] *= 2
    np.testing.assert_allclose(net.predict(x), 4 * before)
    first = next(iter(net.layers.values()))
    first.W = first.W * 0
    first.b = first.b * 0
    assert np.ptp(net.predict(x), axis=0).max() == 0          # nothing of x is left
    assert net.gradient(x, t).keys() == net.params.keys()


def test_the_set_of_names_is_fixed():
    net = dense_net()
    before = weights(net)
    with pytest.raises(KeyError, match="W9.*W1, b1, gamma1, beta1, W2, b2"):
        net.params["W9"] = np.ones((6, 4))
    with pytest.raises(KeyError, match="W9"):
        net.params.update(W9=1)
    for change in (lambda: net.params.pop("W1"), lambda: net.params.popitem(), lambda: net.params.clear(),
                   lambda: net.params.__delitem__("W1"), lambda: net.params.setdefault("W1", 0)):
        with pytest.raises(TypeError, match="added or removed"):
            change()
    assert same(weights(net), before)


@pytest.mark.parametrize("value", [np.ones((4, 6)), np.ones(24), np.ones((1, 6, 4)), 1.0, np.ones((6, 1))])
def test_wrong_shapes_are_named_and_never_broadcast(value):
    net = dense_net()
    before = weights(net)
    with pytest.raises(ValueError) as caught:
        net.params["W1"] = value
    assert "W1: expected shape (6, 4), got " + str(np.shape(value)) in str(caught.value)
    assert same(weights(net), before)


def test_all_params_at_once_or_none():
    net = dense_net()
    before = weights(net)
    good = {key: array + 1 for key, array in before.items()}
    for wrong, words in (({**good, "W2": np.ones(3)}, ["W2", "(3,)", "(4, 3)"]),
                         ({key: good[key] for key in good if key != "b1"}, ["missing: b1"]),
                         ({**good, "W3": np.ones(3)}, ["unknown: W3"]),
                         ({**good, "b2": np.array(["a", "b", "c"])}, ["b2", "<U1"]),
                         ({**good, "b2": [None, None, None]}, ["b2", "list"]),
                         ([1, 2], ["dict", "list"])):
        with pytest.raises(ValueError) as caught:
            net.params = wrong
        for word in words:
            assert word in str(caught.value)
        assert same(weights(net), before)


def test_a_copy_of_params_is_a_plain_dict_of_its_own():
    net = dense_net()
    before = weights(net)
    for copied in (copy.deepcopy(net.params), pickle.loads(pickle.dumps(net.params))):
        assert type(copied) is dict and same(copied, before)
        copied["W1"][...] = 0
        copied["new"] = 1
        assert same(weights(net), before)


# ---- loss and gradients ------------------------------------------------

@pytest.mark.parametrize("weight_decay_lambda", [0, 0.3])
@pytest.mark.parametrize("n", [8, 27])          # 27 images are more than one slice
def test_gradient_agrees_with_numerical_gradient(kind, weight_decay_lambda, n, rng):
    make, shape = kind
    net = make(weight_decay_lambda=weight_decay_lambda)
    x, t = examples(rng, shape, n)
    numerical = net.numerical_gradient(x, t)
    backprop = net.gradient(x, t)               # the generator is where it was: the same dropout masks
    assert list(backprop) == list(numerical) == list(net.params)
    for key in backprop:
        np.testing.assert_allclose(backprop[key], numerical[key], atol=2e-7, err_msg=key)
        # Batch normalization takes out what a b before it adds: that gradient is truly 0.
        assert np.abs(backprop[key]).max() > 1e-6 or key in ("b1", "b3"), key


def test_the_check_catches_a_wrong_layer(rng):
    net = dense_net()
    x, t = examples(rng, (6,))
    backward = net.layers["Sigmoid1"].backward
    net.layers["Sigmoid1"].backward = lambda dout: -backward(dout)
    assert np.abs(net.gradient(x, t)["W1"] - net.numerical_gradient(x, t)["W1"]).max() > 1e-4


def test_a_float32_net_has_the_gradients_of_its_float64_copy(kind, rng):
    make, shape = kind
    net = make(np.float32)
    x, t = examples(rng, shape, dtype=np.float32)
    numerical, backprop = net.numerical_gradient(x, t), net.gradient(x, t)
    for key in backprop:
        assert numerical[key].dtype == np.float64 and backprop[key].dtype == np.float32
        np.testing.assert_allclose(backprop[key], numerical[key], atol=1e-5)


def test_numerical_gradient_leaves_everything_as_it_was(kind, rng):
    make, shape = kind
    net = make(np.float32)
    x, t = examples(rng, shape, dtype=np.float32)
    net.gradient(x, t)
    before, statistics = weights(net), net.layers["BatchNorm1"].running_mean.copy()
    state = np.random.get_state()[1].copy(), np.random.get_state()[2]
    net.numerical_gradient(x, t)
    assert same(weights(net), before)
    np.testing.assert_array_equal(net.layers["BatchNorm1"].running_mean, statistics)
    np.testing.assert_array_equal(np.random.get_state()[1], state[0])
    assert np.random.get_state()[2] == state[1]
    with pytest.raises(ValueError):
        net.numerical_gradient(x, t + 3)
    np.testing.assert_array_equal(np.random.get_state()[1], state[0])


def test_value_and_gradient_is_loss_in_training_and_gradient(kind, rng):
    make, shape = kind
    net = make(weight_decay_lambda=0.1)
    x, t = examples(rng, shape, 20)
    np.random.seed(3)
    loss, grads = net.value_and_gradient(x, t)
    np.random.seed(3)
    assert net.loss(x, t, train_flg=True) == loss
    np.random.seed(3)
    assert same(net.gradient(x, t), grads)


def test_weight_decay(rng):
    x, t = examples(rng, (6,))
    np.random.seed(1)
    plain = dense_net()
    np.random.seed(1)
    decayed = dense_net(weight_decay_lambda=0.5)
    W1, W2 = plain.params["W1"], plain.params["W2"]
    extra = 0.5 / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    assert decayed.loss(x, t) == pytest.approx(plain.loss(x, t) + extra)
    ours, theirs = decayed.gradient(x, t), plain.gradient(x, t)
    for key in ours:
        expected = theirs[key] + (0.5 * plain.params[key] if key in ("W1", "W2") else 0)
        np.testing.assert_allclose(ours[key], expected, rtol=1e-12, atol=1e-15)


def test_weight_decay_by_a_number_of_numpys_keeps_float32(rng):
    net = dense_net(np.float32, weight_decay_lambda=np.float64(0.1))
    x, t = examples(rng, (6,), dtype=np.float32)
    assert {grad.dtype for grad in net.gradient(x, t).values()} == {np.dtype(np.float32)}
    assert net.loss(x, t).dtype == np.float32


def test_the_layers_hold_their_gradients(kind, rng):
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    grads = net.gradient(x, t)
    np.testing.assert_array_equal(net.layers["Affine2"].dW, grads[list(grads)[-2]])
    np.testing.assert_array_equal(net.layers["BatchNorm1"].dgamma, grads["gamma1"])
    if "Conv1" in net.layers:
        np.testing.assert_array_equal(net.layers["Conv1"].db, grads["b1"])


def test_what_was_returned_stays_as_it_is(kind, rng):
    make, shape = kind
    net = make()
    (x, t), (x2, t2) = examples(rng, shape, 30), examples(rng, shape, 30)
    first = [net.predict(x), net.predict(x, train_flg=True), *net.gradient(x, t).values()]
    before = [array.copy() for array in first]
    for n in (30, 17, 3):
        net.predict(x2[:n])
        net.predict(x2[:n], train_flg=True)
        net.gradient(x2[:n], t2[:n])
        net.accuracy(x2, t2)
    for array, value in zip(first, before):
        np.testing.assert_array_equal(array, value)


def test_neither_x_nor_t_is_written_to(kind, rng):
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    x.flags.writeable = t.flags.writeable = False
    net.gradient(x, t)
    net.numerical_gradient(x[:2], t[:2])
    net.accuracy(x, t)


def test_predict_and_loss_mean_prediction_unless_told_otherwise(kind, rng):
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    for n in range(5):
        net.gradient(x, t)
    statistics = net.layers["BatchNorm1"].running_var.copy()
    np.testing.assert_array_equal(net.predict(x), net.predict(x))               # no dropout
    assert net.loss(x, t) == net.loss(x, t)
    np.testing.assert_array_equal(net.layers["BatchNorm1"].running_var, statistics)
    alone = np.concatenate([net.predict(x[n:n + 1]) for n in range(len(x))])    # no batch statistics
    np.testing.assert_allclose(net.predict(x), alone, rtol=1e-9, atol=1e-12)
    assert np.abs(net.predict(x, train_flg=True) - net.predict(x)).max() > 1e-3


@pytest.mark.parametrize("n", [5, 20])
def test_no_backward_mixes_the_loss_of_one_batch_with_the_layers_of_another(kind, n, rng):
    """A backward by hand belongs to a loss in training; after one in prediction it says so."""
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, n)
    for step in (lambda: None, lambda: net.gradient(x, t), lambda: net.loss(x, t, train_flg=True)):
        step()
        net.loss(x[::-1], t)
        with pytest.raises(RuntimeError, match="SoftmaxWithLoss: backward needs a forward in training"):
            net.last_layer.backward()
    assert net.last_layer.y.shape == (n, 3)             # the probabilities may still be looked at


def test_integer_images_work(rng):
    net = image_net(np.float32)
    x = rng.integers(0, 256, (20, 1, 6, 6)).astype(np.uint8)
    scores = net.predict(x)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, net.predict(x.astype(np.float32)), rtol=1e-5)
    assert {grad.dtype for grad in net.gradient(x, np.zeros(20, np.uint8)).values()} == {np.dtype(np.float32)}


def test_the_same_seed_gives_the_same_numbers(kind, rng):
    make, shape = kind
    x, t = examples(rng, shape, 20)
    runs = []
    for _ in range(2):
        np.random.seed(0)
        net = make(np.float32)
        runs.append([net.gradient(x, t) for _ in range(3)])
    assert all(same(first, second) for first, second in zip(*runs))
    assert not same(runs[0][0], runs[0][1]) or make is dense_net        # dropout draws new masks every time


def test_two_nets_share_nothing(kind, rng):
    make, shape = kind
    x, t = examples(rng, shape, 20)
    first, second = make(), make()
    expected = second.predict(x)
    for key, grad in first.gradient(x, t).items():
        first.params[key] -= grad
    np.testing.assert_array_equal(second.predict(x), expected)


def test_bad_targets_and_input_are_named(kind, rng):
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    for compute in (net.loss, net.gradient, net.value_and_gradient, net.accuracy, net.numerical_gradient):
        for bad_t, error, word in ((t + 1, ValueError, "0 to 2, got 3"),
                                   (t - 1, ValueError, "0 to 2, got -1"), (t * 1.0, TypeError, "integers"),
                                   (np.zeros((20, 4)), ValueError, "(20, 4)"),
                                   (t[:, None], ValueError, "(20, 1)"), (t[:19], ValueError, "19"),
                                   (t.reshape(4, 5), ValueError, "4")):
            with pytest.raises(error) as caught:
                compute(x, bad_t)
            assert word in str(caught.value), compute.__name__
        with pytest.raises(ValueError) as caught:
            compute(x[:0], t[:0])
        assert "0" in str(caught.value)
        with pytest.raises(ValueError, match=r"expected .*\b5, 7, 7\)"):
            compute(np.zeros((20, 5, 7, 7)), t)


# ---- accuracy ------------------------------------------------

class Identity(Network):
    """Its scores are the input."""

    def __init__(self):
        super().__init__({"Affine1": Affine(np.eye(3), np.zeros(3))})


@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 10, 100])
def test_accuracy_counts_every_example(batch_size):
    x = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]]
    t = np.array([0, 1, 2, 0, 0, 0, 0, 1, 1, 0])                # 7 of 10, the last one right
    assert Identity().accuracy(x, t, batch_size) == 0.7
    assert Identity().accuracy(x, np.eye(3)[t], batch_size) == 0.7
    t[-1] = 2
    assert Identity().accuracy(x, t.astype(np.uint8), batch_size) == 0.6
    assert Identity().accuracy(x, list(t), batch_size) == 0.6


def test_accuracy_of_100_by_default_is_a_plain_number():
    accuracy = Identity().accuracy(np.eye(3)[np.zeros(250, int)], np.zeros(250, int))
    assert type(accuracy) is float and accuracy == 1


def test_accuracy_names_bad_arguments():
    for batch_size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size.*{batch_size}"):
            Identity().accuracy(np.eye(3), np.arange(3), batch_size)
    with pytest.raises(ValueError, match="2.*3"):
        Identity().accuracy(np.eye(3), np.arange(2))


# ---- files ------------------------------------------------

def trained(make, shape, rng):
    """A net whose running statistics are no longer the first ones."""
    net = make(np.float32)
    net.gradient(*examples(rng, shape, 20, np.float32))
    return net


def test_saved_and_loaded(kind, tmp_path, rng):
    make, shape = kind
    net = trained(make, shape, rng)
    net.save_params(tmp_path / "params.pkl")
    other = make(np.float32)
    own = other.layers["Affine1"].W
    other.load_params(str(tmp_path / "params.pkl"))
    assert same(weights(net), weights(other)) and other.layers["Affine1"].W is own
    x = rng.normal(size=(20, *shape)).astype(np.float32)
    np.testing.assert_array_equal(net.predict(x), other.predict(x))     # the running statistics came along
    assert os.listdir(tmp_path) == ["params.pkl"]


def test_the_file_is_a_pickle_as_in_the_book(tmp_path, rng):
    net = trained(*NETS["dense"], rng)
    net.save_params(tmp_path / "params.pkl")
    with open(tmp_path / "params.pkl", "rb") as f:
        params = pickle.load(f)
    assert type(params) is dict
    assert set(params) == {*net.params, "running_mean1", "running_var1"}
    assert all(type(array) is np.ndarray for array in params.values())


def test_params_pkl_is_the_default_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = dense_net()
    net.save_params()
    assert os.listdir() == ["params.pkl"]
    before = weights(net)
    net.params["W1"] = np.zeros((6, 4))
    net.load_params()
    assert same(weights(net), before)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_files_of_the_books_readers_load(tmp_path, protocol):
    """They are pickles of a plain dict of float64 arrays."""
    net = Network({"Affine1": random_affine(6, 4, 1), "Relu1": Relu(), "Affine2": random_affine(4, 3, 1)})
    params = {key: np.asfortranarray(np.random.randn(*array.shape)) for key, array in net.params.items()}
    (tmp_path / "params.pkl").write_bytes(pickle.dumps(params, protocol))
    net.load_params(tmp_path / "params.pkl")
    for key, array in net.params.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, params[key].astype(np.float32))


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_file_that_does_not_fit_is_named_and_changes_nothing(kind, tmp_path, rng):
    make, shape = kind
    net = trained(make, shape, rng)
    file = tmp_path / "params.pkl"
    net.save_params(file)
    whole = file.read_bytes()
    good = pickle.loads(whole)
    other = {key: array + 1 for key, array in good.items()}
    last = list(net.params)[-1]
    before = {**weights(net), "mean": net.layers["BatchNorm1"].running_mean.copy()}
    without = {key: {k: v for k, v in other.items() if k != key} for key in ("b1", "running_var1")}
    for content, words in ((pickle.dumps({**other, last: np.ones(7)}), [last, "(7,)", "(3,)"]),
                           (pickle.dumps({**other, "W1": other["W1"].T[..., None]}), ["misshapen", "W1"]),
                           (pickle.dumps(without["b1"]), ["missing: b1"]),
                           (pickle.dumps(without["running_var1"]), ["missing: running_var1"]),
                           (pickle.dumps({"W1": other["W1"]}), ["missing: ", "b1", "W2", "running_mean1"]),
                           (pickle.dumps({**other, "W7": np.ones(3)}), ["unknown", "W7"]),
                           (pickle.dumps({**other, last: np.array(["a", "b", "c"])}), [last]),
                           (pickle.dumps({**other, last: ["a", None, "c"]}), [last]),
                           (pickle.dumps({**other, last: np.array([None, 1, 2])}), []),
                           (pickle.dumps([np.ones(3)]), ["dict", "list"]),
                           (pickle.dumps({**other, last: Hostile(str(tmp_path / "hacked"))}), []),
                           (whole[:-40], []), (whole[:len(whole) // 2], []), (b"", []), (b"<html>", [])):
        file.write_bytes(content)
        with pytest.raises(ValueError) as caught:
            net.load_params(file)
        for word in ["params.pkl", *words]:
            assert word in str(caught.value)
        assert same({**weights(net), "mean": net.layers["BatchNorm1"].running_mean}, before)
    assert os.listdir(tmp_path) == ["params.pkl"]
    with pytest.raises(FileNotFoundError):
        net.load_params(tmp_path / "missing.pkl")


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    net = dense_net()
    net.save_params(tmp_path / "params.pkl")
    before = (tmp_path / "params.pkl").read_bytes()

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, disk_full)
            with pytest.raises(OSError, match="No space"):
                dense_net().save_params(tmp_path / "params.pkl")
        assert (tmp_path / "params.pkl").read_bytes() == before
        assert os.listdir(tmp_path) == ["params.pkl"]


# ---- copies ------------------------------------------------

@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
                         ids=["deepcopy", "pickle"])
def test_a_copy_is_a_net_of_its_own(kind, duplicate, rng):
    make, shape = kind
    net = make()
    x, t = examples(rng, shape, 20)
    net.gradient(x, t)                  # also in the middle of work
    other = duplicate(net)
    np.random.seed(2)
    expected = net.gradient(x, t)
    np.random.seed(2)
    assert same(other.gradient(x, t), expected)
    before, scores = weights(net), net.predict(x)
    np.testing.assert_array_equal(other.predict(x), scores)
    for key, array in other.params.items():
        assert not np.shares_memory(array, net.params[key])
        other.params[key] = array * 0
    assert same(weights(net), before)
    assert (other.predict(x) == 0).all() and other.params["W1"] is next(iter(other.layers.values())).W
    np.testing.assert_array_equal(net.predict(x), scores)


def test_astype_is_a_copy_that_computes_in_another_dtype(kind, rng):
    make, shape = kind
    net = trained(make, shape, rng)
    double = net.astype(np.float64)
    x = rng.normal(size=(20, *shape))
    assert double.predict(x).dtype == np.float64 and net.predict(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(double.predict(x), net.predict(x.astype(np.float32)), atol=1e-4)
    double.params["W1"] = double.params["W1"] * 0
    assert net.params["W1"].any() and net.params["W1"].dtype == np.float32
