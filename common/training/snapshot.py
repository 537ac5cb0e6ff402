"""What a network has learned, kept aside and put back."""
import numpy as np

from common.network import Network


def arrays_of(network):
    """{name: array} of all that decides what the network predicts: parameters and running statistics, no copies."""
    return network.state if isinstance(network, Network) else network.params


def snapshot(network):
    """Copies of them."""
    return {key: np.array(array) for key, array in arrays_of(network).items()}


def restore(network, arrays):
    """Copy the values of a snapshot into the network's own arrays."""
    own = arrays_of(network)
    for key, mine in own.items():
        if isinstance(mine, np.ndarray):
            mine[...] = arrays[key]
        else:
            own[key] = arrays[key].item()       # a plain number
