"""The small steps that a layer is made of, each a layer itself (book, chapter 5 and appendix A).

`graph.record(net, x, t, opened=["Affine"])` runs these in the layer's place: the graph shows what goes on inside.
The layers themselves compute the same at once, faster and, for large values, more exactly.
"""
import numpy as np

from common.functions import as_batch, softmax


class MatMul:
    """out = x W: x (N, D) or any (N, ...) of D values per example, W (D, M) -> (N, M)."""

    def forward(self, x, W):
        self.x_shape, self.x, self.W = x.shape, x.reshape(len(x), -1), W
        return self.x @ W

    def backward(self, dout):
        """dx = dout W^T, dW = x^T dout."""
        return (dout @ self.W.T).reshape(self.x_shape), self.x.T @ dout


class AddBias:
    """out = x + b, the same b for each of the N examples: x (N, M), b (M,) -> (N, M)."""

    def forward(self, x, b):
        return x + b

    def backward(self, dout):
        """dx = dout, db = the sum of dout over the examples: b was used N times, and gradients add."""
        return dout, dout.sum(axis=0)


class Negate:
    """out = -x"""

    def forward(self, x):
        return -x

    def backward(self, dout):
        """dx = -dout."""
        return -dout


class Exp:
    """out = exp(x), or the largest number of x's dtype where that is too large."""

    def forward(self, x):
        with np.errstate(over="ignore"):
            out = np.exp(x)
        self.out = np.minimum(out, np.finfo(out.dtype).max)     # inf would turn into 0 * inf going back
        return self.out

    def backward(self, dout):
        """dx = dout exp(x)."""
        return dout * self.out


class AddOne:
    """out = x + 1"""

    def forward(self, x):
        return x + 1

    def backward(self, dout):
        """dx = dout."""
        return dout


class Reciprocal:
    """out = 1 / x"""

    def forward(self, x):
        self.out = 1 / x
        return self.out

    def backward(self, dout):
        """dx = -dout / x^2, and 1 / x is out."""
        return -dout * self.out ** 2


class Softmax:
    """out_k = exp(x_k) / sum_i exp(x_i): x (N, K) -> (N, K)."""

    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        """dx = out (dout - sum_i dout_i out_i): every output moves with every input."""
        return self.out * (dout - (dout * self.out).sum(axis=1, keepdims=True))


class CrossEntropyError:
    """out = the mean over the examples of -log y_t: y (N, K) probabilities, t class indices or one-hot -> a number."""

    def forward(self, y, t):
        self.y, t = as_batch(np.maximum(y, np.finfo(y.dtype).tiny), t)      # log 0 is -inf
        self.t = t if t.ndim == 2 else np.eye(y.shape[1], dtype=y.dtype)[t]
        return -(self.t * np.log(self.y)).sum() / len(y)

    def backward(self, dout):
        """dy = -t / y / N, with t one-hot."""
        return -self.t / self.y * (dout / len(self.y))


# What to put in a layer's place: the steps, and what each takes beside the output of the step before.
STEPS = {
    "Affine": ((MatMul, "W"), (AddBias, "b")),
    "Sigmoid": ((Negate,), (Exp,), (AddOne,), (Reciprocal,)),
    "SoftmaxWithLoss": ((Softmax,), (CrossEntropyError, "t")),
}
