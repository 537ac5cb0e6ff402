"""The data: `from dataset.mnist import load_mnist`."""
import common       # noqa: F401, it checks the versions of Python and NumPy
