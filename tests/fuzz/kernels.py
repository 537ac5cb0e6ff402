"""Do the numbers hold on other processors? Runs the numeric tests as if this one had fewer instructions.

    python tests/fuzz/kernels.py [NAME ...]     default: all of Nehalem Sandybridge Haswell SkylakeX simd thread least

A BLAS library multiplies matrices by other instructions on every kind of processor, NumPy likewise: both then round
otherwise. Four kernels of OpenBLAS, NumPy without SIMD, one thread, and "least": the least of all three at once.
What this processor or this NumPy does not have is left out, and named. The exit code is 1 if a test fails.
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
NUMERIC = ["fast", "functions", "gradient", "gradient_check", "initializer", "layers", "multi_layer_net", "network",
           "number_kinds", "optimizer", "util"]
SIMD = " ".join(np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", []))
KERNELS = {name: {"OPENBLAS_CORETYPE": name} for name in ("Nehalem", "Sandybridge", "Haswell", "SkylakeX")}
NO_SIMD, ONE_THREAD = {"NPY_DISABLE_CPU_FEATURES": SIMD}, {"OMP_NUM_THREADS": "1"}
SETTINGS = {**KERNELS, "simd": NO_SIMD, "thread": ONE_THREAD, "least": {**KERNELS["Nehalem"], **NO_SIMD, **ONE_THREAD}}
KERNEL = """
import numpy as np
from threadpoolctl import threadpool_info
np.ones((300, 300), np.float32) @ np.ones((300, 300), np.float32)
print(*(library.get("architecture") for library in threadpool_info() if library["user_api"] == "blas"))
"""


def kernel(variables):
    """The kernel that BLAS takes with these environment variables; or the last line of an error."""
    result = subprocess.run([sys.executable, "-c", KERNEL], env=variables, capture_output=True, text=True)
    return (result.stdout or result.stderr or f"exit code {result.returncode}").strip().splitlines()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*SETTINGS, []])
    failed = False
    for name in parser.parse_args().names or SETTINGS:
        variables = {**os.environ, **SETTINGS[name]}
        used = kernel(variables)
        if SETTINGS[name].get("OPENBLAS_CORETYPE", used).lower() != used.lower():
            print(f"{name}: left out, BLAS says {used}")
        elif not all(SETTINGS[name].values()):
            print(f"{name}: left out, this NumPy uses no SIMD that can be switched off")
        else:
            print(f"{name}: kernel {used}", flush=True)
            tests = [f"tests/test_{name}.py" for name in NUMERIC]
            failed |= subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=ROOT, env=variables).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
