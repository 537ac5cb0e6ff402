"""What is wrong with the examples, found out before the training."""
import warnings

import numpy as np

from common.functions import as_batch
from common.layers import SoftmaxWithLoss
from common.network import Network
from common.training.not_finite import each_example, finite, first_bad


def check_examples(network, name, x, t):
    """ValueError or TypeError: no examples, NaN or inf, text, labels that the network has no class for.

    NaN or inf in examples to train on are named by the step that meets them.
    """
    if len(x) == 0:
        raise ValueError(f"x_{name}, t_{name}: expected some examples, got 0")
    if x.dtype.kind not in "biufc":
        raise TypeError(f"x_{name}: expected numbers, got {x.dtype}")
    if name == "train":
        if x.min() >= 0 and 128 <= x.max() <= 255:
            warnings.warn(f"x_train has values up to {x.max():g}. A network learns badly from pixels of 0 to 255: "
                          "divide them by 255, or load_mnist(normalize=True)", stacklevel=3)
    elif not finite(x):
        raise ValueError(first_bad(each_example(f"x_{name}", x)))
    if isinstance(network, Network) and type(network.last_layer) is SoftmaxWithLoss:
        y = network.predict(x[:1])
        try:
            as_batch(np.broadcast_to(y, (len(t), y.shape[1])), t)
        except (TypeError, ValueError) as error:
            raise type(error)(f"t_{name}: {error}") from None
