"""Pictures: curves, grids of images, filters, the computational graph."""
import os
import sys


def save_to_files(error):
    """MPLBACKEND, which chooses the window, was meant for another machine or program: say so, and do without."""
    print(f"MPLBACKEND={os.environ.get('MPLBACKEND')}: {str(error).splitlines()[0].split(';')[0].rstrip('.')}; "
          "figures are saved to files instead.", file=sys.stderr)
    os.environ["MPLBACKEND"] = sys.modules["matplotlib"].rcParams["backend"] = "agg"


if os.environ.get("MPLBACKEND") and "matplotlib" not in sys.modules:
    backend = os.environ.pop("MPLBACKEND")
    import matplotlib               # with an MPLBACKEND that it does not know this would end in an error

    os.environ["MPLBACKEND"] = backend
    try:
        matplotlib.rcParams["backend"] = backend
    except ValueError as error:
        save_to_files(error)
