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


RULES = [(SGD, sgd, {"lr": 0.1}), (Momentum, momentum, {"lr": 0.1, "momentum": 0.8}),
         (Nesterov, nesterov, {"lr": 0.1, "momentum": 0.8}), (AdaGrad, adagrad, {"lr": 0.1}),
         (RMSprop, rmsprop, {"lr": 0.1, "decay_rate": 0.7}),
         (Adam, adam, {"lr": 0.1, "beta1": 0.8, "beta2": 0.95})]
DEFAULTS = {SGD: {"lr": 0.01}, Momentum: {"lr": 0.01, "momentum": 0.9},
            Nesterov: {"lr": 0.01, "momentum": 0.9}, AdaGrad: {"lr": 0.01},
            RMSprop: {"lr": 0.01, "decay_rate": 0.99}, Adam: {"lr": 0.001, "beta1": 0.9, "beta2": 0.999}}


@pytest.fixture(params=RULES, ids=lambda rule: rule[0].__name__)
def rule(request):
    return request.param


@pytest.mark.parametrize("optimizer_class", DEFAULTS)
def test_defaults_are_the_books(optimizer_class):
    parameters = inspect.signature(optimizer_class).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == DEFAULTS[optimizer_class]
    assert list(parameters) == list(DEFAULTS[optimizer_class])
    optimizer = optimizer_class()
    assert all(getattr(optimizer, name) == value for name, value in DEFAULTS[optimizer_class].items())


def test_formula_on_plain_floats(rule):
    """Chapter 6 draws the paths of optimizers with dicts of floats."""
    optimizer_class, formula, settings = rule
    optimizer, params = optimizer_class(**settings), {"x": 1.0, "y": -7.0}
    paths = formula(1.0, GRADS, **settings), formula(-7.0, [-2 * g for g in GRADS], **settings)
    for g, x, y in zip(GRADS, *paths):
        optimizer.update(params, {"x": g, "y": -2 * g})
        assert params["x"] == pytest.approx(x, rel=1e-6)
        assert params["y"] == pytest.approx(y, rel=1e-6)
        assert isinstance(params["x"], float)


@pytest.mark.parametrize("dtype, rel", [(np.float64, 1e-6), (np.float32, 1e-5)])
def test_formula_on_arrays_that_stay_where_they_are(rule, dtype, rel):
    optimizer_class, formula, settings = rule
    optimizer = optimizer_class(**settings)
    W, b = np.array([[1.0, 2.0], [3.0, 4.0]], dtype), np.array(5.0, dtype)
    params = {"W1": W, "b1": b}
    scale = np.array([[1, 10], [-1, 0.1]])
    paths = [list(formula(x, [s * g for g in GRADS], **settings)) for x, s in zip(W.flat, scale.flat)]
    for g, values in zip(GRADS, np.transpose(paths)):
        optimizer.update(params, {"W1": (g * scale).astype(dtype), "b1": np.array(g, dtype)})
        np.testing.assert_allclose(params["W1"].ravel(), values, rtol=rel)
    assert params["W1"] is W and params["W1"].dtype == dtype
    assert params["b1"] == pytest.approx(list(formula(5.0, GRADS, **settings))[-1], rel=rel)


def test_adam_by_hand():
    # The first step is lr against the sign of g, however large g is.
    for g in (1e-4, 1.0, -1e4):
        params = {"x": 0.0}
        Adam(lr=0.01).update(params, {"x": g})
        assert params["x"] == pytest.approx(-0.01 * np.sign(g), rel=0.05)


@pytest.mark.parametrize("optimizer, g, step", [
    (AdaGrad(lr=1), 1e-7, -1 / 2),                          # 1e-7 / (1e-7 + 1e-7)
    (RMSprop(lr=1, decay_rate=0.75), 2e-7, -1),             # 2e-7 / (sqrt(0.25) 2e-7 + 1e-7)
    (Adam(lr=1, beta1=0.9, beta2=0.75), 2e-7, -1 / 2),      # 5 * 0.1 * 2e-7 / (sqrt(0.25) 2e-7 + 1e-7)
])
def test_what_keeps_from_dividing_by_zero_by_hand(optimizer, g, step):
    params = {"x": 0.0}
    optimizer.update(params, {"x": g})
    assert params["x"] == pytest.approx(step)


def test_momentum_by_hand():
    # v: -1, then 0.5 * -1 - 1 = -1.5, then 0.5 * -1.5 - 1 = -1.75
    params, optimizer = {"x": 0.0}, Momentum(lr=1, momentum=0.5)
    path = []
    for _ in range(3):
        optimizer.update(params, {"x": 1.0})
        path.append(params["x"])
    assert path == [-1, -2.5, -4.25]


def test_gradients_are_not_changed(rule):
    optimizer_class, _, settings = rule
    optimizer, params = optimizer_class(**settings), {"W": np.ones(3, np.float32)}
    grad = np.array([1, 2, 3], np.float32)
    grad.flags.writeable = False
    for _ in range(3):
        optimizer.update(params, {"W": grad})


def test_state_is_not_the_gradients_array(rule):
    """Gradients may live in arrays that the next step overwrites."""
    optimizer_class, formula, settings = rule
    optimizer, params, grad = optimizer_class(**settings), {"W": np.array([1.0])}, np.zeros(1)
    for g, expected in zip(GRADS, formula(1.0, GRADS, **settings)):
        grad[0] = g
        optimizer.update(params, {"W": grad})
        assert params["W"][0] == pytest.approx(expected, rel=1e-6)


def test_float32_stays_float32_everywhere(rule):
    optimizer_class, _, settings = rule
    optimizer = optimizer_class(**{name: np.float64(value) for name, value in settings.items()})
    params = {"W": np.ones(3, np.float32)}
    for _ in range(2):
        optimizer.update(params, {"W": np.ones(3, np.float32)})
        assert optimizer.delta("W", np.ones(3, np.float32)).dtype == np.float32
    memories = [memory["W"] for memory in vars(optimizer).values() if isinstance(memory, dict)]
    assert all(memory.dtype == np.float32 for memory in memories)


def test_gradients_of_whole_numbers(rule):
    optimizer_class, formula, settings = rule
    optimizer, params, grads = optimizer_class(**settings), {"x": 1.0, "W": np.ones(1)}, [3, -1, 2]
    for g, expected in zip(grads, formula(1.0, grads, **settings)):
        optimizer.update(params, {"x": g, "W": np.array([g])})
        assert params["x"] == pytest.approx(expected, rel=1e-6)
        assert params["W"][0] == pytest.approx(expected, rel=1e-6)


def test_extreme_gradients_stay_finite(rule):
    optimizer_class, _, settings = rule
    optimizer, params = optimizer_class(**settings), {"W": np.zeros(4, np.float32)}
    for _ in range(3):
        optimizer.update(params, {"W": np.array([0, 1e4, -1e4, 1e-30], np.float32)})
    assert np.isfinite(params["W"]).all() and params["W"][0] == 0


def test_weights_decay_apart_from_the_gradients(rule):
    """Algorithm 2 of Loshchilov and Hutter: x <- x - lr weight_decay x + the rule's own step."""
    optimizer_class, formula, settings = rule
    optimizer, W, b = optimizer_class(**settings), np.array([2.0]), np.array([2.0])
    optimizer.weight_decay = 0.5
    params, x = {"W1": W, "b1": b, "beta1": b.copy()}, 2.0
    plain = [2.0, *formula(2.0, GRADS, **settings)]
    for g, before, after in zip(GRADS, plain, plain[1:]):
        optimizer.update(params, dict.fromkeys(params, np.array([g])))
        x = x - settings["lr"] * 0.5 * x + (after - before)
        assert W[0] == pytest.approx(x, rel=1e-5) and params["W1"] is W
        assert b[0] == params["beta1"][0] == pytest.approx(after, rel=1e-5)


def test_adamw_is_adam_with_weight_decay():
    parameters = inspect.signature(AdamW).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert defaults == {**DEFAULTS[Adam], "weight_decay": 0.01}
    ends = []
    for optimizer in (AdamW(0.1, 0.8, 0.95, 0.3), Adam(0.1, 0.8, 0.95), AdamW(0.1, 0.8, 0.95, 0)):
        optimizer.weight_decay = 0.3 if type(optimizer) is Adam else optimizer.weight_decay
        params = {"W1": np.array([1.0, -3.0], np.float32)}
        for g in GRADS:
            optimizer.update(params, {"W1": np.array([g, 2 * g], np.float32)})
        ends.append(params["W1"])
    assert np.array_equal(ends[0], ends[1]) and not np.array_equal(ends[0], ends[2])
    assert ends[0].dtype == np.float32


def test_the_learning_rate_may_change_on_the_way():
    params, optimizer = {"x": 0.0}, SGD(lr=1)
    optimizer.update(params, {"x": 1.0})
    optimizer.lr = 0.25
    optimizer.update(params, {"x": 1.0})
    assert params["x"] == -1.25


def test_every_parameter_has_its_own_memory():
    params, optimizer = {"a": 0.0, "b": 0.0}, Momentum(lr=1, momentum=0.5)
    optimizer.update(params, {"a": 1.0, "b": 0.0})
    optimizer.update(params, {"a": 0.0, "b": 1.0})
    assert params == {"a": -1.5, "b": -1}
    optimizer.update({"c": 0.0}, {"c": 1.0})            # one that comes later


def test_two_optimizers_share_nothing():
    params = {"x": 0.0}
    Momentum(lr=1).update(params, {"x": 1.0})
    Momentum(lr=1).update(params, {"x": 0.0})
    assert params["x"] == -1


def test_only_gradients_of_params_matter():
    params = {"W": np.ones(2)}
    SGD(lr=1).update(params, {"W": np.ones(2), "other": np.ones(3)})
    assert (params["W"] == 0).all() and list(params) == ["W"]
    with pytest.raises(KeyError, match="W"):
        SGD().update(params, {})


def test_a_rule_of_ones_own_is_one_method():
    class SignSGD(Optimizer):
        def delta(self, key, grad):
            return -self.lr * np.sign(grad)

    params = {"W": np.zeros(3)}
    SignSGD(lr=0.5).update(params, {"W": np.array([3.0, -0.1, 0.0])})
    assert params["W"].tolist() == [-0.5, 0.5, 0]
    with pytest.raises(NotImplementedError):
        Optimizer(lr=1).update(params, params)


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam", "ADAM", "AdamW"])
def test_optimizers_by_name(name):
    optimizer = create_optimizer(name, lr=0.5)
    assert type(optimizer).__name__.lower() == name.lower() and optimizer.lr == 0.5


def test_weight_decay_by_name():
    for name in ("SGD", "Momentum", "AdamW"):
        assert create_optimizer(name, weight_decay=0.5).weight_decay == 0.5
    assert create_optimizer("AdamW").weight_decay == 0.01 and create_optimizer("Adam").weight_decay == 0


@pytest.mark.parametrize("name, param", [("SGD", {"lr": -1}), ("AdamW", {"weight_decay": -1}), ("Adam", {"lr": np.nan}),
                                         ("SGD", {"weight_decay": -0.1})])
def test_negative_settings_are_named(name, param):
    (setting, value), = param.items()
    with pytest.raises(ValueError, match=f"{setting}: expected a number >= 0, got {value}"):
        create_optimizer(name, **param)


def test_a_misspelt_optimizer_lists_those_that_exist():
    for name in ("Adamm", "", None, "Optimizer", SGD):
        with pytest.raises(ValueError) as caught:
            create_optimizer(name)
        for word in ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam", repr(name)):
            assert word in str(caught.value)
    with pytest.raises(TypeError, match="beta1"):
        create_optimizer("SGD", beta1=0.9)
