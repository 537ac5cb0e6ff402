"""The framework: functions, layers, networks, optimizers and the trainer, all written by hand in NumPy."""
import sys

# A folder's name or a formula that the terminal or a redirected output has no letters for must not end a training:
# it is printed as \u6df1.
if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(errors="backslashreplace")
