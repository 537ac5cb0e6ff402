"""common/optimizer.py: each rule against its formula from the book or the paper, written plainly."""
import inspect

import numpy as np
import pytest

from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop, create_optimizer

GRADS = [0.5, -1.0, 3.0, 0.0, 2.0, -0.1]        # of one parameter, step after step


def sgd(x, grads, lr):
    for g in grads:
        x = x - lr * g
        yield x


def momentum(x, grads, lr, momentum):
    v = 0
    for g in grads:
        v = momentum * v - lr * g
        x = x + v
        yield x


def nesterov(x, grads, lr, momentum):
    """As in the book: in terms of the v before this step."""
    v = 0
    for g in grads:
        x = x + momentum * momentum * v - (1 + momentum) * lr * g
        v = momentum * v - lr * g
        yield x


def adagrad(x, grads, lr):
    h = 0
    for g in grads:
        h = h + g * g
        x = x - lr * g / (np.sqrt(h) + 1e-7)
        yield x


def rmsprop(x, grads, lr, decay_rate):
    h = 0
    for g in grads:
        h = decay_rate * h + (1 - decay_rate) * g * g
        x = x - lr * g / (np.sqrt(h) + 1e-7)
        yield x


def adam(x, grads, lr, beta1, beta2):
    """As in the paper: m and v are divided by what they lack for having started at 0."""
    m = v = 0
    for step, g in enumerate(grads, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        x = x - lr * (m / (1 - beta1 ** step)) / np.sqrt(v / (1 - beta2 ** step))
        yield x


RULES = {SGD: (sgd, {"lr": 0.1}), Momentum: (momentum, {"lr": 0.1, "momentum": 0.8}),
         Nesterov: (nesterov, {"lr": 0.1, "momentum": 0.8}), AdaGrad: (adagrad, {"lr": 0.1}),
         RMSprop: (rmsprop, {"lr": 0.1, "decay_rate": 0.7}), Adam: (adam, {"lr": 0.1, "beta1": 0.8, "beta2": 0.95})}
DEFAULTS = {SGD: {"lr": 0.01}, Momentum: {"lr": 0.01, "momentum": 0.9}, Nesterov: {"lr": 0.01, "momentum": 0.9},
            AdaGrad: {"lr": 0.01}, RMSprop: {"lr": 0.01, "decay_rate": 0.99},
            Adam: {"lr": 0.001, "beta1": 0.9, "beta2": 0.999},
            AdamW: {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01}}


@pytest.fixture(params=RULES, ids=lambda rule: rule.__name__)
def rule(request):
    """(optimizer, path): path(x, grads) is where the rule's formula goes from x."""
    formula, settings = RULES[request.param]
    return request.param(**settings), lambda x, grads: formula(x, grads, **settings)


@pytest.mark.parametrize("optimizer_class", DEFAULTS)
def test_defaults_are_the_books(optimizer_class):
    parameters = inspect.signature(optimizer_class).parameters
    defaults = {"weight_decay": 0, **DEFAULTS[optimizer_class]}
    assert {name: parameter.default for name, parameter in parameters.items()} == defaults
    assert list(parameters) == [*(name for name in defaults if name != "weight_decay"), "weight_decay"]
    optimizer = optimizer_class()
    assert all(getattr(optimizer, name) == value for name, value in DEFAULTS[optimizer_class].items())


def test_formula_on_plain_floats(rule):
    """Chapter 6 draws the paths of optimizers with dicts of floats."""
    (optimizer, path), params = rule, {"x": 1.0, "y": -7.0}
    for g, x, y in zip(GRADS, path(1.0, GRADS), path(-7.0, [-2 * g for g in GRADS])):
        optimizer.update(params, {"x": g, "y": -2 * g})
        assert params == pytest.approx({"x": x, "y": y}, rel=1e-6)
        assert isinstance(params["x"], float)


@pytest.mark.parametrize("dtype, rel", [(np.float64, 1e-6), (np.float32, 1e-5)])
def test_formula_on_arrays_that_stay_where_they_are(rule, dtype, rel):
    """The gradient's array is one that the next step overwrites, and it is not written to."""
    optimizer, path = rule
    params = {"W1": np.array([[1.0, 2.0], [3.0, 4.0]], dtype), "b1": np.array(5.0, dtype)}
    (W, b), scale, grad = params.values(), np.array([[1, 10], [-1, 0.1]]), np.empty((2, 2), dtype)
    paths = [list(path(x, [s * g for g in GRADS])) for x, s in zip(W.flat, scale.flat)]
    for g, values in zip(GRADS, np.transpose(paths)):
        grad[...] = g * scale
        grad.flags.writeable = False
        optimizer.update(params, {"W1": grad, "b1": np.array(g, dtype)})
        grad.flags.writeable = True
        np.testing.assert_allclose(W.ravel(), values, rtol=rel)
    assert params["W1"] is W and params["b1"] is b
    assert b == pytest.approx(list(path(5.0, GRADS))[-1], rel=rel)


def test_large_arrays_are_updated_everywhere(rule):
    """An update may be computed block after block."""
    optimizer, path = rule
    for shape in ((3, 200, 501), (100001,), (2, 100001)):
        params = {f"{shape}": np.ones(shape)}
        for g in (1, 2):
            optimizer.update(params, {f"{shape}": np.full(shape, g)})
        assert np.ptp(params[f"{shape}"]) == 0
        if shape[0] == 3:
            assert params[f"{shape}"].flat[0] == pytest.approx(list(path(1.0, [1, 2]))[-1])


@pytest.mark.parametrize("optimizer, grads, path", [
    (Momentum(lr=1, momentum=0.5), [1, 1, 1], [-1, -2.5, -4.25]),   # v: -1, then 0.5 * -1 - 1 = -1.5, then -1.75
    *[(Adam(lr=0.01), [g], [-0.01 * np.sign(g)]) for g in (1.0, -1e4)],     # the first step is lr, however large g is
    # what keeps from dividing by zero: 1e-7 / (1e-7 + 1e-7), ...
    (AdaGrad(lr=1), [1e-7], [-1 / 2]),
    (RMSprop(lr=1, decay_rate=0.75), [2e-7], [-1]),             # 2e-7 / (sqrt(0.25) 2e-7 + 1e-7)
    (Adam(lr=1, beta1=0.9, beta2=0.75), [2e-7], [-1 / 2])])     # 5 * 0.1 * 2e-7 / (sqrt(0.25) 2e-7 + 1e-7)
def test_by_hand(optimizer, grads, path):
    params = {"x": 0.0}
    for g, x in zip(grads, path):
        optimizer.update(params, {"x": g})
        assert params["x"] == pytest.approx(x, rel=1e-5)


def test_float32_stays_float32_and_finite_everywhere(rule):
    """A NumPy float64 as a setting makes no float64."""
    optimizer = type(rule[0])(**{name: np.float64(value) for name, value in RULES[type(rule[0])][1].items()})
    params = {"W": np.zeros(4, np.float32)}
    for _ in range(3):
        optimizer.update(params, {"W": np.array([0, 1e4, -1e4, 1e-30], np.float32)})
    assert np.isfinite(params["W"]).all() and params["W"][0] == 0
    memories = [memory["W"] for memory in vars(optimizer).values() if isinstance(memory, dict)]
    assert len(memories) == {"SGD": 0, "Adam": 2}.get(type(optimizer).__name__, 1)
    assert {array.dtype for array in (params["W"], *memories)} == {np.dtype(np.float32)}


def test_weights_decay_apart_from_the_gradients(rule):
    """Algorithm 2 of Loshchilov and Hutter: x <- x - lr weight_decay x + the rule's own step."""
    (optimizer, path), W, b = rule, np.array([2.0]), np.array([2.0])
    optimizer.weight_decay = 0.5
    params, x = {"W1": W, "b1": b, "beta1": b.copy()}, 2.0
    plain = [2.0, *path(2.0, GRADS)]
    for g, before, after in zip(GRADS, plain, plain[1:]):
        optimizer.update(params, dict.fromkeys(params, np.array([g])))
        x = x - optimizer.lr * 0.5 * x + (after - before)
        assert W[0] == pytest.approx(x, rel=1e-5) and params["W1"] is W
        assert b[0] == params["beta1"][0] == pytest.approx(after, rel=1e-5)


def test_adamw_is_adam_with_weight_decay():
    optimizers = [AdamW(0.1, 0.8, 0.95, 0.3), Adam(0.1, 0.8, 0.95), AdamW(0.1, 0.8, 0.95, 0)]
    optimizers[1].weight_decay, ends = 0.3, []
    for optimizer in optimizers:
        params = {"W1": np.array([1.0, -3.0], np.float32)}
        for g in GRADS:
            optimizer.update(params, {"W1": np.array([g, 2 * g], np.float32)})
        ends.append(params["W1"])
    assert np.array_equal(ends[0], ends[1]) and not np.array_equal(ends[0], ends[2])


def test_the_learning_rate_may_change_on_the_way():
    params, optimizer = {"x": 0.0}, SGD(lr=1)
    for optimizer.lr in (1, 0.25):
        optimizer.update(params, {"x": 1.0})
    assert params["x"] == -1.25


def test_every_parameter_and_every_optimizer_has_its_own_memory():
    params, optimizer = {"a": 0.0, "b": 0.0}, Momentum(lr=1, momentum=0.5)
    optimizer.update(params, {"a": 1.0, "b": 0.0})
    optimizer.update(params, {"a": 0.0, "b": 1.0})
    assert params == {"a": -1.5, "b": -1}
    optimizer.update({"c": 0.0}, {"c": 1.0})            # one that comes later
    Momentum(lr=1).update(params, {"a": 0.0, "b": 0.0})
    assert params == {"a": -1.5, "b": -1}


def test_only_gradients_of_params_matter():
    params = {"W": np.ones(2)}
    SGD(lr=1).update(params, {"W": np.ones(2), "other": np.ones(3)})
    assert (params["W"] == 0).all() and list(params) == ["W"]


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()])
@pytest.mark.parametrize("wrong, error, words", [
    ({"W1": np.ones(4)}, ValueError, r"^W1: expected a gradient of shape \(6, 4\), got \(4,\)"),
    ({"W1": np.ones((4, 6))}, ValueError, r"^W1: expected .* \(6, 4\), got \(4, 6\)"),
    ({"W1": 1.0}, ValueError, r"^W1: expected .* \(6, 4\), got \(\)"), ({"b1": np.ones(1)}, ValueError, r"^b1: "),
    ({"lr": np.ones(2)}, ValueError, r"^lr: expected a gradient of shape \(\), got \(2,\)"), (None, KeyError, "b1"),
    ({"lr": None}, KeyError, "lr")])
def test_a_gradient_that_is_missing_or_of_another_shape_is_named_and_changes_nothing(optimizer, wrong, error, words):
    params = {"W1": np.ones((6, 4)), "b1": np.ones(4), "lr": 1.0}
    grads = {key: np.ones_like(array) for key, array in params.items()} | (wrong or {})
    if wrong is None:
        del grads["b1"]
    with pytest.raises(error, match=words):
        optimizer.update(params, grads)
    assert all((array == np.ones_like(array)).all() for array in params.values()) and optimizer.iter == 0


def test_a_parameter_of_whole_numbers_is_named_and_changes_nothing():
    params, optimizer = {"W1": np.ones(2), "W2": np.ones(2, int)}, Adam()
    with pytest.raises(TypeError, match="W2: expected an array of floats, got int64"):
        optimizer.update(params, {"W1": np.ones(2), "W2": np.ones(2)})
    assert (params["W1"] == 1).all() and optimizer.iter == 0
    params = {"x": 1}                           # a Python number is replaced
    optimizer.update(params, {"x": 1})
    assert isinstance(params["x"], float) and params["x"] < 1


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam", "ADAM", "AdamW"])
def test_optimizers_by_name(name):
    optimizer = create_optimizer(name, lr=0.5)
    assert type(optimizer).__name__.lower() == name.lower() and optimizer.lr == 0.5
    assert optimizer.weight_decay == (0.01 if name == "AdamW" else 0)
    assert create_optimizer(name, weight_decay=0.5).weight_decay == 0.5


@pytest.mark.parametrize("name, param, error, words", [
    ("SGD", {"lr": -1}, ValueError, "lr and weight_decay >= 0, got -1 and 0"),
    ("AdamW", {"weight_decay": -1}, ValueError, "weight_decay >= 0, got 0.001 and -1"),
    ("SGD", {"weight_decay": -0.1}, ValueError, "weight_decay >= 0, got 0.01 and -0.1"),
    ("Adam", {"lr": np.nan}, ValueError, "lr and weight_decay >= 0, got nan and 0"),
    ("SGD", {"beta1": 0.9}, TypeError, "beta1"),
    *[(name, {}, ValueError, f"{name!r}; known: SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW")
      for name in ("Adamm", "", None, "Optimizer", SGD)]])
def test_wrong_names_and_settings_are_named(name, param, error, words):
    with pytest.raises(error) as caught:
        create_optimizer(name, **param)
    assert words in str(caught.value)


def test_an_optimizer_without_a_rule_says_so():
    with pytest.raises(NotImplementedError):
        Optimizer(lr=1).update({"x": 1.0}, {"x": 1.0})
