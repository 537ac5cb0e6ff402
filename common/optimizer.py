"""Update rules (book, 6.1). Every rule changes a parameter p, given its gradient g and what it remembers of p."""
import numpy as np

from common.fast import in_blocks
from common.params import check_gradients_fit


class Optimizer:
    """Applies its rule to every parameter.

    `update` works on any dict: arrays are changed where they are, plain numbers are replaced. `lr` and `weight_decay`
    may be changed at any time. Before each step W <- (1 - lr weight_decay) W, for the weights: the parameters whose
    names begin with "W" (Loshchilov, Hutter 2019, arXiv:1711.05101). `iter` counts the steps.
    """
    memory_names = ()       # what is remembered of each parameter: ("v",) makes self.v["W1"], an array like W1

    def __init__(self, lr=0.01, weight_decay=0):
        # A NumPy float64 would turn float32 steps into float64.
        self.lr, self.weight_decay = float(np.squeeze(lr)), float(np.squeeze(weight_decay))
        if not (self.lr >= 0 and self.weight_decay >= 0):
            raise ValueError(f"expected lr and weight_decay >= 0, got {lr} and {weight_decay}")
        self.iter = 0
        for name in self.memory_names:
            setattr(self, name, {})         # self.v = {}

    def update(self, params, grads):
        """One step. params, grads: {"W1": array or number, ...}; grads may have more keys than params."""
        check_gradients_fit(params, grads)      # before anything is changed
        self.iter += 1
        memories = [getattr(self, name) for name in self.memory_names]      # [self.v]
        for key, param in params.items():
            p = param if isinstance(param, np.ndarray) else np.array(param, np.float64)
            g = np.asarray(grads[key]).reshape(p.shape)
            g = g.astype(np.result_type(g, np.float32), copy=False)     # in float16 its square would overflow or vanish
            for memory in memories:
                if key not in memory:
                    memory[key] = np.zeros_like(p, np.result_type(p, np.float32))
            if self.weight_decay and key[0] == "W":
                p *= 1 - self.lr * self.weight_decay
            # self.rule(p, g, self.v[key]), in blocks that stay in the processor's caches, on several threads
            in_blocks(self.rule, p, g, *(memory[key] for memory in memories))
            if p is not param:
                params[key] = p if p.ndim else p.item()     # a list becomes an array, a number stays one

    def rule(self, p, g):
        """Change p in place, and the arguments after g: what is remembered of p. g stays as it is.

        It is called for every block of a parameter, on several threads: it sets no attribute, and uses no sum over the
        whole parameter.
        """
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent (book, 6.1.2)."""

    def rule(self, p, g):
        p -= self.lr * g


class Momentum(Optimizer):
    """v is the velocity of a ball that rolls downhill (book, 6.1.4; Polyak 1964)."""
    memory_names = ("v",)

    def __init__(self, lr=0.01, momentum=0.9, weight_decay=0):
        super().__init__(lr, weight_decay)
        self.momentum = float(momentum)

    def rule(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += v


class Nesterov(Momentum):
    """Momentum with the gradient taken at a point ahead. p is that point: Momentum's p + momentum * v.

    Nesterov's accelerated gradient, in the form of Bengio et al. (2012), arXiv:1212.0901.
    """

    def rule(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += self.momentum * v - self.lr * g


class AdaGrad(Optimizer):
    """The larger a parameter's gradients were, the smaller its steps (book, 6.1.5; Duchi, Hazan, Singer 2011)."""
    memory_names = ("h",)

    def rule(self, p, g, h):
        h += g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)


class RMSprop(Optimizer):
    """AdaGrad that forgets old gradients (book, 6.1.5; Tieleman, Hinton 2012)."""
    memory_names = ("h",)

    def __init__(self, lr=0.01, decay_rate=0.99, weight_decay=0):
        super().__init__(lr, weight_decay)
        self.decay_rate = float(decay_rate)

    def rule(self, p, g, h):
        h *= self.decay_rate
        h += (1 - self.decay_rate) * g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)


class Adam(Optimizer):
    """m is an average of the gradients, v an average of their squares (book, 6.1.6; Kingma, Ba 2015, arXiv:1412.6980).

    Both begin at 0 and are too small at first: lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t) corrects this; t is `iter`.
    """
    memory_names = ("m", "v")

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0):
        super().__init__(lr, weight_decay)
        self.beta1 = float(beta1)
        self.beta2 = float(beta2)

    def rule(self, p, g, m, v):
        lr_t = self.lr * (1 - self.beta2 ** self.iter) ** 0.5 / (1 - self.beta1 ** self.iter)
        m += (1 - self.beta1) * (g - m)             # = beta1 m + (1 - beta1) g
        v += (1 - self.beta2) * (g * g - v)
        p -= lr_t * m / (np.sqrt(v) + 1e-7)


class AdamW(Adam):
    """Adam with a weight_decay of 0.01 by default (Loshchilov, Hutter 2019, arXiv:1711.05101).

    As a part of the gradient the decay would be divided by sqrt(v), and weights with large gradients would decay less.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01):
        super().__init__(lr, beta1, beta2, weight_decay)


def create_optimizer(name, **param):
    """The optimizer of that name (upper or lower case), with these settings. ValueError: there is none of that name."""
    known = {cls.__name__.lower(): cls for cls in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW)}
    if str(name).lower() not in known:
        raise ValueError(f"no optimizer {name!r}; known: {', '.join(cls.__name__ for cls in known.values())}")
    return known[str(name).lower()](**param)
