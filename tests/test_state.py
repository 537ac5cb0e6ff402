"""What a net remembers: no backward follows the wrong forward, nets and copies share nothing, params stay in step."""
import copy
import pickle

import numpy as np
import pytest

from common.training.evaluation import probabilities
from common.initializer import random_affine, random_convolution
from common.layers import Affine, BatchNormalization, Dropout, Pooling, Relu, Sigmoid
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.network import Network
from common.optimizer import Adam


def dense_net():
    return MultiLayerNetExtend(36, [4, 4], 3, use_dropout=True, use_batchnorm=True, weight_decay_lambda=0.1)


def image_net():
    return Network({"Conv1": random_convolution(1, "he", 3, 3), "Norm1": BatchNormalization(np.ones(3), np.zeros(3)),
                    "Relu1": Relu(), "Pool1": Pooling(2, 2), "Dropout1": Dropout(0.3), "Sigmoid1": Sigmoid(),
                    "Affine1": random_affine(12, 3, "he")})


NETS = {"dense": dense_net, "images": image_net}
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}


@pytest.fixture(params=NETS)
def make(request):
    return NETS[request.param]


@pytest.fixture(params=COPIES)
def duplicate(request):
    return COPIES[request.param]


def batch(n=30, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 1, 6, 6)).astype(np.float32), rng.integers(3, size=n)


def walk_back(net):
    """backward by hand, as in the book; what it leaves in the layers."""
    dout = net.last_layer.backward(1)
    for layer in reversed(list(net.layers.values())):
        dout = layer.backward(dout)
    return {"dx": dout, **copy.deepcopy(net._named("param_names", prefix="d"))}


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


def train_step(net, optimizer, step, seed):
    """One update; the loss before it."""
    x, t = batch(30 - step, seed + step)
    np.random.seed(seed + step)
    loss, grads = net.value_and_gradient(x, t)
    optimizer.update(net.params, grads)
    return float(loss)


# ---- forward and backward ------------------------------------------------

def test_a_look_between_loss_and_backward_changes_nothing(make):
    net, (x, t), (x2, t2) = make(), batch(), batch(seed=1)
    net.loss(x, t, train_flg=True)
    expected = walk_back(net)
    for look in (lambda: net.predict(x2), lambda: net.predict(x2[:1]), lambda: net.accuracy(x2, t2),
                 lambda: probabilities(net, x2), lambda: net.numerical_gradient(x2[:2], t2[:2]),
                 lambda: copy.deepcopy(net).gradient(x2, t2), lambda: make().gradient(x2, t2),
                 lambda: pickle.dumps(net), lambda: net.astype(np.float64).predict(x2)):
        look()
        assert same(walk_back(net), expected)


def test_another_pass_between_loss_and_backward_is_an_error(make):
    """Their batches have the same size: nothing else would tell."""
    net, (x, t), (x2, t2) = make(), batch(), batch(seed=1)

    def wrong_labels():
        with pytest.raises(ValueError, match="0 to 2, got 3 at index 5"):
            net.gradient(x2, np.where(np.arange(30) == 5, 3, t2))

    for other in (lambda: net.predict(x2, train_flg=True), lambda: net.loss(x2, t2), lambda: net.gradient(x2, t2),
                  lambda: net.value_and_gradient(x2, t2), wrong_labels):
        net.loss(x, t, train_flg=True)
        other()
        with pytest.raises(RuntimeError, match="SoftmaxWithLoss: backward needs a forward in training before it"):
            net.last_layer.backward(1)
    net.loss(x, t, train_flg=True)
    assert np.isfinite(walk_back(net)["dx"]).all()


def test_backward_before_forward_says_so(make, duplicate):
    for net in (make(), duplicate(make())):
        for layer in (net.last_layer, *net.layers.values()):
            with pytest.raises(RuntimeError, match=f"{type(layer).__name__}: backward needs a forward in training"):
                layer.backward(np.ones((2, 3), np.float32))
        net.predict(batch()[0])
        for layer in net.layers.values():
            with pytest.raises(RuntimeError, match=f"{type(layer).__name__}: backward needs a forward in training"):
                layer.backward(np.ones((30, 3), np.float32))


def test_a_layer_that_stands_in_two_places_is_an_error():
    """It would remember the second of its two forwards only."""
    relu = Relu()
    with pytest.raises(ValueError, match="the same layer stands in two places.*got A1, R1, A2, R2"):
        Network({"A1": random_affine(6, 6, 1), "R1": relu, "A2": random_affine(6, 3, 1), "R2": relu})


# ---- nets and copies ------------------------------------------------

def arrays_in(thing):
    """Every array that can be reached from a net, those that its layers remember too."""
    if isinstance(thing, np.ndarray):
        return [thing]
    values = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else (
        vars(thing).values() if hasattr(thing, "__dict__") else ())
    return [array for value in values for array in arrays_in(value)]


def test_two_nets_share_nothing(make):
    """In turns they learn what each learns alone, though both work in memory that is used again and again."""
    seeds, losses, ends = (1, 2), [], []
    for in_turns in (False, True):
        np.random.seed(0)
        nets, optimizers = [make(), make()], [Adam(), Adam()]
        order = [(i, step) for step in range(4) for i in (0, 1)]
        losses.append({(i, step): train_step(nets[i], optimizers[i], step, seeds[i])
                       for i, step in (order if in_turns else sorted(order))})
        ends.append(nets)
    assert losses[0] == losses[1]
    for alone, in_turns in zip(*ends):
        assert same(alone.state, in_turns.state)
    for mine in arrays_in(nets[0]):
        assert not any(np.shares_memory(mine, other) for other in arrays_in(nets[1]))


def test_a_copy_stays_in_step_with_itself_alone(make, duplicate):
    net, optimizer = make(), Adam()
    train_step(net, optimizer, 0, 0)
    net.loss(*batch(), train_flg=True)          # with a backward to come, too
    other, its_optimizer = duplicate(net), duplicate(optimizer)
    assert same(walk_back(other), walk_back(net))
    for copied in (other, duplicate(other)):
        by_layer = {**copied._named("param_names"), **copied._named("buffer_names")}
        assert all(copied.state[key] is array for key, array in by_layer.items())
        assert all(copied.params[key] is by_layer[key] for key in net.params)
        for mine in arrays_in(net):
            assert not any(np.shares_memory(mine, array) for array in arrays_in(copied))
    before = copy.deepcopy(dict(net.state))
    losses = [train_step(other, its_optimizer, step, 5) for step in range(3)]
    assert same(net.state, before)
    assert [train_step(net, optimizer, step, 5) for step in range(3)] == losses
    assert same(net.state, other.state)


def test_whoever_holds_net_and_params_holds_the_same_arrays_after_a_copy(make, duplicate):
    net = make()
    held = duplicate({"net": net, "params": net.params})
    assert all(held["params"][key] is array for key, array in held["net"].params.items())


def test_given_statistics_are_not_written_to():
    """Nor is what is learned lost because they were whole numbers."""
    mean, var = np.array([1, 2]), np.array([4, 9])
    layers = [BatchNormalization(np.ones(2, np.float32), np.zeros(2, np.float32), 0.9, mean, var) for _ in range(2)]
    layers[0].forward(np.array([[3.5, 1], [4.5, 1]], np.float32))
    assert mean.tolist() == [1, 2] and var.tolist() == [4, 9]
    np.testing.assert_allclose(layers[0].running_mean, [1.3, 1.9], rtol=1e-6)
    np.testing.assert_allclose(layers[0].running_var, [3.625, 8.1], rtol=1e-6)
    assert layers[1].running_mean.tolist() == [1, 2] and layers[1].running_mean.dtype == np.float32


# ---- params ------------------------------------------------

def test_what_cannot_be_stored_is_an_error_not_a_rounded_value():
    net = Network({"Affine1": Affine(np.ones((2, 2), int), np.zeros(2, np.float32))})
    for key, value in (("W1", np.full((2, 2), 0.5)), ("b1", np.array([1j, 2])), ("b1", ["1", "2"]),
                       ("b1", [None, None])):
        for assign in (lambda: net.params.__setitem__(key, value), lambda: net.params.update({key: value})):
            with pytest.raises(TypeError):
                assign()
    assert (net.params["W1"] == 1).all() and (net.params["b1"] == 0).all()
    net.params["W1"] = [[2, 3], [4, 5]]
    net.params["b1"] = np.array([1.5, 2.5], np.float64)
    assert net.layers["Affine1"].W.tolist() == [[2, 3], [4, 5]] and net.layers["Affine1"].b.tolist() == [1.5, 2.5]


def test_every_way_to_change_params_acts_on_the_layers_or_is_an_error(make):
    net = make()
    for name, array in net._named("param_names").items():       # the layers' own arrays
        ways = [lambda p, value: p.__setitem__(name, value), lambda p, value: p.update({name: value}),
                lambda p, value: p.update(**{name: value}), lambda p, value: p.update([(name, value)]),
                lambda p, value: p.__ior__({name: value}), lambda p, value: setattr(net, "params", {**p, name: value})]
        for number, change in enumerate(ways, start=2):
            change(net.params, np.full(array.shape, float(number)))
            assert (array == number).all() and net._named("param_names")[name] is net.params[name] is array
            for wrong in (np.ones((*array.shape, 1)), np.ones(7 * array.size), np.float64(1),
                          np.ones((1, *array.shape))):
                with pytest.raises(ValueError, match=name):
                    change(net.params, wrong)
            assert (array == number).all()
        for change in (lambda p: p.pop(name), lambda p: p.pop("W77", None), lambda p: p.__delitem__(name),
                       lambda p: p.popitem(), lambda p: p.clear(), lambda p: p.setdefault("W77", array)):
            with pytest.raises(TypeError, match="assigned but not added or removed"):
                change(net.params)
    with pytest.raises(AttributeError):
        del net.params


def test_layers_may_be_exchanged_and_params_follow():
    net = Network({"Affine1": random_affine(36, 7, 1), "Relu1": Relu(), "Affine2": random_affine(7, 3, 1)})
    net.layers["Affine2"] = random_affine(7, 4, 1)
    assert net.params["W2"] is net.layers["Affine2"].W and net.predict(batch()[0]).shape == (30, 4)
    assert net.gradient(*batch())["W2"].shape == (7, 4)
