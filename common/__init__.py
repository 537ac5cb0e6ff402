"""The framework: functions, layers, networks, optimizers and the trainer, all written by hand in NumPy."""
import sys

# Before anything else, and in words that every Python understands.
if sys.version_info < (3, 10):
    sys.exit("This project needs Python 3.10 or newer, this is %d.%d." % sys.version_info[:2])

import numpy        # noqa: E402

if int(numpy.__version__.split(".")[0]) < 2:
    sys.exit("This project needs NumPy 2.0 or newer, this is %s: pip install --upgrade numpy" % numpy.__version__)
