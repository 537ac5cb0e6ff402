"""Update rules (book, 6.1). Every rule changes a parameter p, given its gradient g and what it remembers of p."""
import numpy as np

from common.fast import blocks, run_blocks


class Optimizer:
    """Goes through the parameters and applies its rule to each.

    `update` works on any dict: arrays are changed where they are, plain numbers are replaced. `lr` and `weight_decay`
    may be changed at any time. Before each step W <- (1 - lr weight_decay) W, for the weights: the parameters whose
    names begin with "W" (Loshchilov, Hutter 2019, arXiv:1711.05101).
    """
    weight_decay = 0.0
    memory_names = ()       # what is remembered of each parameter: with "v", `self.v["W1"]` is like W1, at first zeros

    def __init__(self, lr):
        self.lr = _not_negative("lr", lr)
        for name in self.memory_names:
            setattr(self, name, None)           # self.v = None, as in the book

    def update(self, params, grads):
        """One step. params, grads: {"W1": array or number, ...}; grads may have more keys than params.

        Without blocks and threads it would be:

            for key in params:
                self.rule(params[key], grads[key], self.v[key])     # self.v: whatever `memory_names` names
        """
        check_gradients_fit(params, grads)
        arrays = {key: _floats(param) for key, param in params.items()}
        parts = []
        for key, p in arrays.items():
            if self.weight_decay and key[0] == "W":
                p *= 1 - self.lr * self.weight_decay
            remembered = [self._remembered(name, key, p) for name in self.memory_names]
            parts += blocks(p, _wide(grads[key]).reshape(p.shape), *remembered)
        run_blocks(lambda part: self.rule(*part), parts)
        for key, p in arrays.items():
            if p is not params[key]:
                params[key] = p if p.ndim else p.item()     # a list becomes an array, a number stays one

    def rule(self, p, g):
        """Change p in place, and what is remembered, the other arguments.

        It is called for every block of a parameter, on several threads: it sets no attribute, and uses no sum over the
        whole parameter. What counts steps stands in `update`, see Adam.
        """
        raise NotImplementedError

    def _remembered(self, name, key, p):
        if getattr(self, name) is None:
            setattr(self, name, {})
        of_name = getattr(self, name)
        if key not in of_name:
            of_name[key] = np.zeros_like(p, np.result_type(p, np.float32))
        elif not isinstance(of_name[key], np.ndarray):
            of_name[key] = np.array(of_name[key])       # a number, from a file
        return of_name[key]


class SGD(Optimizer):
    """Stochastic gradient descent (book, 6.1.2)."""

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def rule(self, p, g):
        p -= self.lr * g


class Momentum(Optimizer):
    """v is the velocity of a ball that rolls downhill (book, 6.1.4; Polyak 1964)."""
    memory_names = ("v",)

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__(lr)
        self.momentum = float(momentum)

    def rule(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += v


class Nesterov(Momentum):
    """Nesterov's accelerated gradient, in the form of Bengio et al. (2012), arXiv:1212.0901."""

    def rule(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += self.momentum * v - self.lr * g        # the step that Momentum would take next, from there


class AdaGrad(Optimizer):
    """The larger a parameter's gradients were, the smaller its steps (book, 6.1.5; Duchi, Hazan, Singer 2011)."""
    memory_names = ("h",)

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def rule(self, p, g, h):
        h += g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)


class RMSprop(Optimizer):
    """AdaGrad that forgets old gradients (book, 6.1.5; Tieleman, Hinton 2012)."""
    memory_names = ("h",)

    def __init__(self, lr=0.01, decay_rate=0.99):
        super().__init__(lr)
        self.decay_rate = float(decay_rate)

    def rule(self, p, g, h):
        h *= self.decay_rate
        h += (1 - self.decay_rate) * g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)


class Adam(Optimizer):
    """m is an average of the gradients, v one of their squares (book, 6.1.6; Kingma, Ba 2015, arXiv:1412.6980).

    Both begin at 0 and are too small at first: lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t) corrects this, at step t.
    """
    memory_names = ("m", "v")

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        super().__init__(lr)
        self.beta1 = float(beta1)
        self.beta2 = float(beta2)
        self.iter = 0

    def update(self, params, grads):
        check_gradients_fit(params, grads)      # a step that fails is not counted
        self.iter += 1
        super().update(params, grads)

    def rule(self, p, g, m, v):
        lr_t = self.lr * (1 - self.beta2 ** self.iter) ** 0.5 / (1 - self.beta1 ** self.iter)
        m += (1 - self.beta1) * (g - m)             # = beta1 m + (1 - beta1) g
        v += (1 - self.beta2) * (g * g - v)
        p -= lr_t * m / (np.sqrt(v) + 1e-7)


class AdamW(Adam):
    """Adam with weight decay, which `Optimizer.update` does (Loshchilov, Hutter 2019, arXiv:1711.05101).

    As a part of the gradient the decay would be divided by sqrt(v), and weights with large gradients would decay less.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01):
        super().__init__(lr, beta1, beta2)
        self.weight_decay = _not_negative("weight_decay", weight_decay)


def check_gradients_fit(params, grads):
    """Every parameter has a gradient of its size, before any parameter is changed."""
    for key, param in params.items():
        if key not in grads:
            raise KeyError(f"{key}: expected a gradient for every parameter, got "
                           + (f"those of {', '.join(map(str, grads))}" if grads else "none; does `gradient` return it?"))
        if _without_ones(grads[key]) != _without_ones(param):
            raise ValueError(f"{key}: expected a gradient of shape {np.shape(param)}, got {np.shape(grads[key])}")


def _without_ones(array):
    """The shape; (1, M) and (M,) are alike, and so are all arrays of one number."""
    return [size for size in np.shape(array) if size != 1]


def _floats(param):
    """The parameter itself, if it is an array; a plain number as an array."""
    if not isinstance(param, np.ndarray):
        return np.array(param, np.float64)
    if param.dtype.kind != "f":
        raise TypeError(f"expected parameters of floats, got {param.dtype}: whole numbers cannot take small steps")
    return param


def _wide(grad):
    """A gradient as float32 or wider: in float16 its square would overflow or vanish."""
    grad = np.asarray(grad)
    return grad.astype(np.result_type(grad, np.float32), copy=False)


def _not_negative(name, value):
    if not np.size(value) == 1 or not value >= 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value}")
    return float(np.reshape(value, ()))     # a NumPy float64 would turn float32 steps into float64


def create_optimizer(name, **param):
    """The optimizer of that name (upper or lower case), with these settings; every one takes `weight_decay`.

    Raises
    ------
    ValueError : no such name, and the message lists those that exist; or a negative lr or weight_decay
    TypeError : a setting that this optimizer does not have
    """
    known = {cls.__name__.lower(): cls for cls in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW)}
    if str(name).lower() not in known:
        raise ValueError(f"no optimizer {name!r}; known: {', '.join(cls.__name__ for cls in known.values())}")
    weight_decay = param.pop("weight_decay", None)
    optimizer = known[str(name).lower()](**param)
    if weight_decay is not None:
        optimizer.weight_decay = _not_negative("weight_decay", weight_decay)
    return optimizer
