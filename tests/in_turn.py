"""Runs several scripts in one process, each as if alone: for `run_in_turn` of scripts.py.

    python in_turn.py '[["folder/script.py", "--option", "value"], ...]'

A form feed stands before what each of them prints.
"""
import json
import runpy
import sys
from pathlib import Path

import numpy as np

for script, *options in json.loads(sys.argv[1]):
    print(end="\f", flush=True)
    print(end="\f", file=sys.stderr, flush=True)
    np.random.seed(0)
    sys.argv = [script, *options]
    sys.path[0] = str(Path(script).parent)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
