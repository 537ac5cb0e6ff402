"""The framework: functions, layers, networks, optimizers and the trainer, all written by hand in NumPy."""
import sys

# Before anything else, and in words that every Python understands.
if sys.version_info < (3, 10):
    sys.exit("This project needs Python 3.10 or newer, this is %d.%d." % sys.version_info[:2])

import numpy        # noqa: E402

if int(numpy.__version__.split(".")[0]) < 2:
    sys.exit("This project needs NumPy 2.0 or newer, this is %s: pip install --upgrade numpy" % numpy.__version__)

# A letter that the terminal does not have must not end a script. To be deleted when every script begins with
# common.script.start, which does the same.
if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(errors="backslashreplace")
