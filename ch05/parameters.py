"""Trained parameters for the scripts that look at a net: the reader's own, or those of the project."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def load_trained(network, own, provided, script):
    """Load parameters into `network` and say from where; without any, end the program with exit code 2.

    Parameters
    ----------
    own : name of the file that `script` leaves in this folder
    provided : name of the file in `trained/`, used where there is no `own`
    script : name of the script that trains such a net
    """
    for path in (HERE / own, HERE / "trained" / provided):
        if path.exists():
            try:
                network.load_params(path)
            except ValueError as error:
                print(f"{error}\nRemove the file, or train again: python {script}", file=sys.stderr)
                sys.exit(2)
            print(f"Parameters: {path}")
            return
    print(f"There are no trained parameters yet. First run: python {HERE / script}", file=sys.stderr)
    sys.exit(2)
