"""Activation and loss functions (book, chapters 3 and 4). Pure: no state, no argument is changed."""
import numpy as np


def identity_function(x):
    """The output layer's activation in regression: x itself."""
    return x


def step_function(x):
    """1 where x > 0, else 0, as integers; the activation of the perceptron (book, 3.2)."""
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x):
    """1 / (1 + exp(-x)), any shape (book, 3.2)."""
    x = _as_floats(x)
    e = np.exp(-np.abs(x))      # at most 1: exp(-x) itself overflows, in float32 from x = -89
    return np.where(x >= 0, 1, e) / (1 + e)


def sigmoid_grad(x):
    """The derivative of sigmoid at x: y (1 - y) with y = sigmoid(x)."""
    y = sigmoid(x)
    return y * (1 - y)


def relu(x):
    """max(0, x) (book, 3.2)."""
    return np.maximum(0, x)


def relu_grad(x):
    """The derivative of relu: 1 where x > 0, else 0 (at 0 too, as in the Relu layer)."""
    x = _as_floats(x)
    return (x > 0).astype(x.dtype)


def softmax(x):
    """exp(x_k) / sum_i exp(x_i) over the last axis: one example (K,) or a batch (N, K) (book, 3.5)."""
    x = _as_floats(x)
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))    # the shift cancels, and keeps exp from overflowing
    return e / np.sum(e, axis=-1, keepdims=True)


def sum_squared_error(y, t):
    """1/2 sum_k (y_k - t_k)^2, summed over everything that is given (book, 4.2)."""
    return 0.5 * np.sum((_wide(y) - t) ** 2)


def as_batch(y, t):
    """y and its targets as a batch, checked: y (N, K), and t (N,) or (N, K).

    y : (K,) or (N, K), scores or probabilities
    t : class indices, an integer or (N,); or one-hot (or any distribution over classes), of y's shape
    """
    y, t = np.atleast_2d(_wide(y)), np.asarray(t)
    if y.ndim != 2 or y.shape[0] == 0:
        raise ValueError(f"expected scores of shape (N, K) with N > 0, or (K,), got {y.shape}")
    if t.shape == y.shape or y.shape == (1, *t.shape) and t.size > 1:
        return y, t.reshape(y.shape).astype(y.dtype)
    if t.size != len(y) or t.ndim > 1 and t.size > 1:       # (1, 1) can only mean one index
        raise ValueError(f"expected {len(y)} class indices or one-hot targets of shape {y.shape}, "
                         f"got shape {t.shape}")
    t = t.reshape(-1)
    if t.dtype.kind not in "iu":
        raise TypeError(f"class indices must be integers, got {t.dtype}")
    if t.min() < 0 or t.max() >= y.shape[1]:
        wrong = np.flatnonzero((t < 0) | (t >= y.shape[1]))[0]
        raise ValueError(f"class indices must lie in 0 to {y.shape[1] - 1}, got {t[wrong]} at index {wrong}")
    return y, t


def cross_entropy_error(y, t):
    """-log y_t, the mean over the batch (book, 4.2), for probabilities y and targets t as `as_batch` takes them."""
    y, t = as_batch(y, t)
    log_y = np.log(y + 1e-7)    # log 0 is -inf; 1e-7 is the book's
    return -_pick(log_y, t) / len(y)


def softmax_loss(x, t):
    """cross_entropy_error(softmax(x), t), exact also where a probability underflows to 0.

    log softmax(x) = x - log sum exp(x), so no logarithm of 0 can occur and nothing has to be added.
    """
    x, t = as_batch(x, t)
    x = x - np.max(x, axis=1, keepdims=True)
    log_y = x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))
    return -_pick(log_y, t) / len(x)


def guesses(y, t):
    """y (N, K), the right classes (N,), and the classes with the highest scores (N,), -1 where a score is NaN."""
    y, t = as_batch(y, t)
    t = t.argmax(axis=1) if t.ndim == 2 else t
    return y, t, np.where(np.isnan(y).any(axis=1), -1, y.argmax(axis=1))


def _as_floats(x):
    """x as an array; integers as floats, because the differences of unsigned integers wrap around."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _wide(x):
    """x as an array of floats that sums fit in: float16 ends at 65504."""
    x = _as_floats(x)
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _pick(log_y, t):
    """sum_n log_y[n, t_n] for class indices, sum of t * log_y for one-hot targets."""
    return np.sum(log_y[np.arange(len(t)), t] if t.ndim == 1 else t * log_y)
