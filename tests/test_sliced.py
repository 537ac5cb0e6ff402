"""common/sliced.py: a net's pass in slices is the plain one, layer after layer; and common/arrays.py, its memory."""
import copy
import pickle

import numpy as np
import pytest

from common import parallel, sliced
from common.arrays import KeptArrays, empty_images, empty_like, work_array
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, Layer, Pooling, Relu, Sigmoid)
from common.network import Network


class Doubling(Layer):
    """A reader's own layer, derived from Layer."""
    def forward(self, x, train_flg=True):
        self.seen = len(x)
        return 2 * x

    def backward(self, dout):
        return 2 * dout


class Centring:
    """A reader's own class, derived from nothing: its out depends on the whole batch."""
    def forward(self, x, train_flg=True):
        return x - x.mean(axis=0)

    def backward(self, dout):
        return dout - dout.mean(axis=0)


class CentredRelu(Relu):
    """Derived from a layer of ours, but not treating every example by itself."""
    def forward(self, x, train_flg=True):
        return super().forward(x - x.mean(axis=0), train_flg)

    def backward(self, dout):
        dx = super().backward(dout)
        return dx - dx.mean(axis=0)


rng_of_weights = np.random.default_rng(8)


def conv(C, FN, size=3, stride=1, pad=1):
    W, b = 0.4 * rng_of_weights.normal(size=(FN, C, size, size)), rng_of_weights.normal(size=FN)
    return Convolution(W, b, stride, pad)


def affine(D, M=3):
    return Affine(0.2 * rng_of_weights.normal(size=(D, M)), rng_of_weights.normal(size=M))


def norm(size):
    return BatchNormalization(1 + rng_of_weights.random(size), rng_of_weights.normal(size=size))


NETS = {        # of images (N, 2, 6, 6), three classes
    "plain": lambda: [conv(2, 4), Relu(), Pooling(2, 2), affine(36)],
    "deep": lambda: [conv(2, 4), Relu(), conv(4, 3, pad=2), Sigmoid(), Pooling(2, 2), Dropout(0.25),
                     conv(3, 4, stride=2), Relu(), affine(16, 5), Relu(), Dropout(0.5), affine(5)],
    "batch norm": lambda: [conv(2, 4), norm(4), Relu(), conv(4, 4), norm(4 * 36), Relu(), Dropout(), Pooling(2, 2),
                           affine(36, 5), norm(5), Relu(), affine(5)],
    "own layer in the middle": lambda: [conv(2, 4), Relu(), Doubling(), conv(4, 4), Dropout(), affine(144)],
    "own class in the middle": lambda: [conv(2, 4), Relu(), Centring(), conv(4, 4), Pooling(2, 2), affine(36)],
    "own class first and last": lambda: [Centring(), conv(2, 4), affine(144), Doubling()],
    "derived layer": lambda: [conv(2, 4), CentredRelu(), Pooling(2, 2), affine(36)],
    "dropout first": lambda: [Dropout(0.2), conv(2, 4), Relu(), affine(144)],
    "pooling first": lambda: [Pooling(2, 2), conv(2, 4), affine(36)],
    "affine first": lambda: [affine(72, 10), Relu(), Dropout(), affine(10)],
    "derived affine after images": lambda: [conv(2, 4), type("Mine", (Affine,), {})(np.ones((144, 3)), np.ones(3))],
}


def net_of(name, dtype=np.float64):
    global rng_of_weights
    rng_of_weights = np.random.default_rng(8)
    return Network({str(n): layer for n, layer in enumerate(NETS[name]())})


def batch(n, seed=0):
    rng = np.random.default_rng(seed + n)
    return rng.normal(size=(n, 2, 6, 6)), rng.integers(3, size=n)


def plain_step(net, x, t):
    """Loss and gradients by the book's loops over the layers."""
    for layer in net.layers.values():
        x = layer.forward(x, True)
    loss = net.last_layer.forward(x, t)
    return loss, walk_back(net)


def walk_back(net):
    dout = net.last_layer.backward()
    for layer in reversed(net.layers.values()):
        dout = layer.backward(dout)
    return gradients_in_layers(net)


def gradients_in_layers(net):
    return {f"{key} d{name}": getattr(layer, f"d{name}") for key, layer in net.layers.items()
            for name in getattr(layer, "param_names", ())}


def plain_scores(net, x):
    for layer in net.layers.values():
        x = layer.forward(x, False)
    return x


def assert_same(mine, expected):
    assert mine.keys() == expected.keys()
    for key in mine:
        np.testing.assert_allclose(mine[key], expected[key], rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.fixture(params=NETS)
def name(request):
    return request.param


def test_a_step_is_that_of_layer_after_layer(name):
    net, plain = net_of(name), net_of(name)
    for n in (40, 100, 5, 25, 26, 51, 40):                  # growing, shrinking, too few to slice
        x, t = batch(n)
        np.random.seed(n)
        loss, grads = net.value_and_gradient(x, t)
        after = np.random.rand()
        np.random.seed(n)
        expected_loss, expected = plain_step(plain, x, t)
        assert np.random.rand() == after                    # as many random numbers drawn
        assert loss == pytest.approx(expected_loss, rel=1e-12)
        assert_same(gradients_in_layers(net), expected)
        for grad, in_layer in zip(grads.values(), net._named("param_names", "d").values()):
            assert grad is in_layer
        for mine, its in zip(net._named("buffer_names").values(), plain._named("buffer_names").values()):
            np.testing.assert_allclose(mine, its, rtol=1e-12)
        np.testing.assert_allclose(net.predict(x), plain_scores(plain, x), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(net.predict(x, train_flg=False), net.predict(x), rtol=0)


def test_gradients_by_central_differences():
    """Slices, copies and seeds of masks at once: what the plain loops cannot have wrong in the same way."""
    net = net_of("deep")
    x, t = batch(27)
    np.random.seed(2)
    numerical = net.numerical_gradient(x, t)
    grads = net.gradient(x, t)
    for key in grads:
        np.testing.assert_allclose(grads[key], numerical[key], atol=1e-6, err_msg=key)


@pytest.mark.parametrize("n", [5, 25, 26, 60])
def test_backward_by_hand_after_loss(name, n):
    """As in the book: loss, then last_layer.backward and layer.backward in reverse; whatever came before."""
    net, plain = net_of(name), net_of(name)
    for earlier in (60, n):                                 # steps that must leave nothing behind
        np.random.seed(0)
        net.value_and_gradient(*batch(earlier, seed=1))
        np.random.seed(0)
        plain_step(plain, *batch(earlier, seed=1))
    x, t = batch(n)
    np.random.seed(1)
    loss = net.loss(x, t, train_flg=True)
    net.predict(batch(n, seed=2)[0])                        # does not disturb what is to come
    net.predict(batch(40, seed=2)[0])
    grads = walk_back(net)
    np.random.seed(1)
    expected_loss, expected = plain_step(plain, x, t)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert_same(grads, expected)


def test_backward_after_prediction_alone_is_an_error(name):
    net = net_of(name)
    x, t = batch(40)
    net.loss(x, t)
    with pytest.raises(RuntimeError, match="forward in training"):
        walk_back(net)


class Halving(Network):
    """A reader's net that prepares its data."""
    def predict(self, x, train_flg=False):
        return super().predict(x / 2, train_flg)


class Walking(Network):
    """A reader's net that goes through its layers by itself."""
    def predict(self, x, train_flg=False):
        for layer in self.layers.values():
            x = layer.forward(x / 2 if layer is self.layers["0"] else x, train_flg)
        return x


class Weighing(Halving):
    """A reader's net with a loss of its own."""
    def loss(self, x, t, train_flg=False):
        return super().loss(x, t, train_flg) + 1


@pytest.mark.parametrize("cls, more", [(Halving, 0), (Walking, 0), (Weighing, 1)])
@pytest.mark.parametrize("n", [5, 60])
def test_a_subclass_is_asked(cls, more, n):
    net, plain = cls(net_of("deep").layers), net_of("deep")
    x, t = batch(n)
    np.testing.assert_allclose(net.predict(x), plain.predict(x / 2), rtol=1e-10, atol=1e-12)
    assert net.loss(x, t) == pytest.approx(plain.loss(x / 2, t) + more)
    for _ in range(2):
        np.random.seed(1)
        loss, grads = net.value_and_gradient(x, t)
        np.random.seed(1)
        expected_loss, expected = plain.value_and_gradient(x / 2, t)
        assert loss == pytest.approx(expected_loss + more)
        assert_same(grads, expected)


def test_layers_changed_between_steps():
    net, plain = net_of("deep"), net_of("deep")

    def compare():
        np.random.seed(1)
        net.value_and_gradient(*batch(40))
        np.random.seed(1)
        assert_same(gradients_in_layers(net), plain_step(plain, *batch(40))[1])
        np.testing.assert_allclose(net.predict(batch(40)[0]), plain_scores(plain, batch(40)[0]), rtol=1e-10)

    compare()
    for each in (net, plain):
        each.layers["0"].W = np.full((4, 2, 3, 3), 0.1)     # rebound
        each.layers["2"].W *= 2                             # in place
    compare()
    for each in (net, plain):
        each.layers["1"] = Sigmoid()
        each.layers["5"].dropout_ratio = 0.5
    compare()
    for each in (net, plain):
        del each.layers["3"]
    compare()


def test_a_dropout_with_a_seed_of_its_own_keeps_its_mask():
    net, plain = net_of("plain"), net_of("plain")
    for each in (net, plain):
        each.layers["1"] = Dropout(0.5)
        each.layers["1"].seed = 7
    for _ in range(2):
        net.value_and_gradient(*batch(40))
        assert_same(gradients_in_layers(net), plain_step(plain, *batch(40))[1])


def test_large_images_go_one_by_one():
    x = np.zeros((3, 1, 300, 300), np.float32)
    assert sliced._parts([Relu()], x, True) == parallel.slices(3, 1)


def test_nothing_given_is_written_to(name):
    net = net_of(name)
    x, t = batch(40)
    x.flags.writeable = t.flags.writeable = False
    for array in net.params.values():
        array.flags.writeable = False
    net.value_and_gradient(x, t)
    net.predict(x)


def test_what_was_returned_stays_as_it_is(name):
    net = net_of(name)
    net.value_and_gradient(*batch(40))              # the kept arrays exist
    x, t = batch(40)
    scores, (_, grads) = net.predict(x), net.value_and_gradient(x, t)
    in_training = net.predict(x, train_flg=True)
    arrays = [scores, in_training, *grads.values()]
    before = [array.copy() for array in arrays]
    other = net_of(name)
    for n in (40, 60, 5):
        for each in (net, other):
            each.value_and_gradient(*batch(n, seed=3))
            each.predict(batch(n, seed=3)[0], train_flg=True)
            each.predict(batch(n, seed=3)[0])
    for array, value in zip(arrays, before):
        np.testing.assert_array_equal(array, value)


def test_what_a_readers_layer_was_given_stays_as_it_is():
    class Keeping(Doubling):
        def __init__(self):
            self.given = []

        def forward(self, x, train_flg=True):
            self.given.append((x, x.copy()))
            return super().forward(x, train_flg)

        def backward(self, dout):
            self.given.append((dout, dout.copy()))
            return super().backward(dout)

    keeping = Keeping()
    net = Network({"1": conv(2, 4), "2": keeping, "3": conv(4, 4), "4": affine(144)})
    for seed in range(3):
        net.value_and_gradient(*batch(40, seed))
        net.predict(batch(40, seed)[0])
    assert len(keeping.given) == 9
    for array, value in keeping.given:
        np.testing.assert_array_equal(array, value)


@pytest.mark.parametrize("layers", [[Relu()], [Pooling(2, 2)], [Dropout(0)], [conv(2, 3)]],
                         ids=lambda layers: type(layers[0]).__name__)
def test_images_may_be_the_result(layers):
    """A net that ends in images hands out arrays of the caller's own."""
    net = Network({"only": layers[0]})
    x = batch(40)[0]
    out = net.predict(x)
    before = out.copy()
    net.predict(x + 1)
    np.testing.assert_array_equal(out, before)
    np.testing.assert_allclose(out, layers[0].forward(x, False), rtol=1e-10, atol=1e-12)


def test_an_empty_batch_is_named():
    with pytest.raises(ValueError, match=r"Convolution.*\(0, 2, 6, 6\)"):
        net_of("plain").predict(np.zeros((0, 2, 6, 6)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
                         ids=["deepcopy", "pickle"])
def test_a_copy_of_a_trained_net_works_and_is_small(copied):
    net = net_of("deep")
    net.value_and_gradient(*batch(100))
    net.value_and_gradient(*batch(40))
    assert kept_bytes(net) > 100_000
    again = copied(net)
    assert kept_bytes(again) == 0
    np.random.seed(1)
    expected = net.value_and_gradient(*batch(40))
    np.random.seed(1)
    loss, grads = again.value_and_gradient(*batch(40))
    assert loss == expected[0]
    assert_same(grads, expected[1])
    again.params["W1"] += 1
    assert not np.array_equal(again.params["W1"], net.params["W1"])


def kept_bytes(net):
    return sum(block.nbytes for kept in net._step._kept for block in kept._blocks)


def test_kept_arrays_follow_the_batch_size():
    net, sizes = net_of("deep"), {}
    for n in (100, 51, 400, 55, 100, 51, 26, 400, 100, 51):
        net.value_and_gradient(*batch(n))
        net.predict(batch(n)[0])
        assert kept_bytes(net) <= sizes.setdefault(n, kept_bytes(net)) * 1.2
        assert len(net._step._kept) == len(parallel.slices(n))
    assert sizes[400] > 3 * sizes[100]
    assert len(sliced._idle) <= 16


def test_an_error_leaves_the_net_as_good_as_before():
    net = net_of("deep")
    x, t = batch(40)
    np.random.seed(1)
    expected = net.value_and_gradient(x, t)
    with pytest.raises(ValueError):
        net.value_and_gradient(x[:, :1], t)
    with pytest.raises(ValueError):
        net.value_and_gradient(x, t + 5)
    assert net._step.active is False
    np.random.seed(1)
    loss, grads = net.value_and_gradient(x, t)
    assert loss == expected[0]
    assert_same(grads, expected[1])


# ---- arrays ------------------------------------------------

def test_kept_arrays_are_each_their_own_until_rewound():
    kept = KeptArrays()
    with kept:
        first, second = empty_images((2, 3, 4, 5), np.float32), empty_like(np.ones((4, 5)), bool)
        assert not np.shares_memory(first, second)
    assert first.shape == (2, 3, 4, 5) and first.transpose(0, 2, 3, 1).flags.c_contiguous
    assert second.shape == (4, 5) and second.dtype == bool
    assert kept.rewind() == 2
    with kept:
        assert np.shares_memory(empty_images((2, 3, 4, 5), np.float32), first)
        assert empty_images((9, 9, 9, 9), np.float64).shape == (9, 9, 9, 9)         # grows where it must
    for array in (empty_images((2, 3, 4, 5), np.float32), empty_like(first)):       # outside: fresh ones
        assert not np.shares_memory(array, first)
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_kept_arrays_in_kept_arrays():
    outer, inner = KeptArrays(), KeptArrays()
    with outer:
        with inner:
            empty_like(np.ones(3))
        empty_like(np.ones(3)), empty_like(np.ones(3))
    assert (outer.rewind(), inner.rewind()) == (2, 1)


def test_work_arrays_are_used_again():
    first = work_array("test", (3, 4), np.float64)
    assert first.shape == (3, 4) and first.dtype == np.float64
    assert np.shares_memory(work_array("test", (2, 2), np.float32), first)
    assert not np.shares_memory(work_array("another test", (3, 4), np.float64), first)
    assert work_array("test", (30, 40), np.float64).shape == (30, 40)
