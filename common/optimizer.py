"""Update rules (book, 6.1): every rule is one `delta`, the step that a parameter takes for a gradient."""
import numpy as np

from common import parallel


class Optimizer:
    """Adds delta(key, grad) to every parameter.

    `update` works on any dict: arrays are changed where they are, plain floats are replaced.
    `lr` may be changed at any time (where a Trainer has a schedule, `trainer.lr`), and so may `weight_decay`: every
    step takes the share lr * weight_decay off the weights, the parameters whose names begin with "W"
    (Loshchilov, Hutter 2019, arXiv:1711.05101).
    """
    weight_decay = 0.0

    def __init__(self, lr):
        self.lr = _not_negative("lr", lr)

    def update(self, params, grads):
        for key in params:
            if np.size(grads[key]) != np.size(params[key]):
                raise ValueError(f"{key}: expected a gradient of shape {np.shape(params[key])}, "
                                 f"got {np.shape(grads[key])}")
            if self.weight_decay and key[0] == "W":
                params[key] *= 1 - self.lr * self.weight_decay
            params[key] += self.delta(key, np.asarray(grads[key]))

    def delta(self, key, grad):
        raise NotImplementedError

    def _state(self, name, key, grad):
        """This rule's memory of one parameter, zeros at first: self.v["W1"], say."""
        memory = self.__dict__.setdefault(name, {})
        if key not in memory:
            memory[key] = np.zeros(grad.shape, np.result_type(grad, np.float16))     # floats, even for ints
        return memory[key]


class SGD(Optimizer):
    """-lr g: stochastic gradient descent."""

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def delta(self, key, grad):
        return -self.lr * grad


class Momentum(Optimizer):
    """v <- momentum v - lr g; the step is v."""

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__(lr)
        self.momentum = float(momentum)

    def delta(self, key, grad):
        v = self._state("v", key, grad)
        v *= self.momentum
        v -= self.lr * grad
        return v


class Nesterov(Momentum):
    """Nesterov's accelerated gradient, in the form of Bengio et al. (2012), arXiv:1212.0901.

    v <- momentum v - lr g; the step is momentum v - lr g, with the new v.
    """

    def delta(self, key, grad):
        return self.momentum * super().delta(key, grad) - self.lr * grad


class AdaGrad(Optimizer):
    """h <- h + g^2; the step is -lr g / sqrt(h). Duchi, Hazan, Singer (2011)."""

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def delta(self, key, grad):
        h = self._state("h", key, grad)
        h += grad * grad
        return -self.lr * grad / (np.sqrt(h) + 1e-7)


class RMSprop(Optimizer):
    """h <- decay_rate h + (1 - decay_rate) g^2; the step is -lr g / sqrt(h). Tieleman, Hinton (2012)."""

    def __init__(self, lr=0.01, decay_rate=0.99):
        super().__init__(lr)
        self.decay_rate = decay_rate

    def delta(self, key, grad):
        h = self._state("h", key, grad)
        h *= self.decay_rate
        h += (1 - self.decay_rate) * grad * grad
        return -self.lr * grad / (np.sqrt(h) + 1e-7)


class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2; the step is -lr_t m / sqrt(v).

    lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t) makes up for m and v having started at 0.
    Kingma, Ba (2015), arXiv:1412.6980.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        super().__init__(lr)
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0

    def update(self, params, grads):
        self.iter += 1
        super().update(params, grads)

    def delta(self, key, grad):
        m, v = self._state("m", key, grad), self._state("v", key, grad)
        lr_t = self.lr * (1 - self.beta2 ** self.iter) ** 0.5 / (1 - self.beta1 ** self.iter)
        step = np.empty_like(m)

        def compute(part):
            # In place in one work array: fresh arrays for each term would cost more than the arithmetic.
            g, m_part, v_part, work = grad[part], m[part], v[part], step[part]
            np.subtract(g, m_part, out=work)
            work *= 1 - self.beta1
            m_part += work
            np.multiply(g, g, out=work)
            work -= v_part
            work *= 1 - self.beta2
            v_part += work
            np.sqrt(v_part, out=work)
            work += 1e-7
            np.divide(m_part, work, out=work)
            work *= -lr_t

        parallel.run(compute, parallel.blocks(m))
        return step


class AdamW(Adam):
    """Adam, and the weights decay apart from the gradients, so that v does not weaken the decay of busy weights.

    Loshchilov, Hutter (2019), arXiv:1711.05101.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01):
        super().__init__(lr, beta1, beta2)
        self.weight_decay = _not_negative("weight_decay", weight_decay)


def _not_negative(name, value):
    if not value >= 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value}")
    return float(value)     # a NumPy float64 would turn float32 steps into float64


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
