"""Pictures: curves, grids of images, filters, the computational graph."""
import os
import sys

if os.environ.get("MPLBACKEND") and "matplotlib" not in sys.modules:
    # It chooses the window, and may be meant for another machine or program, a notebook for instance.
    backend = os.environ.pop("MPLBACKEND")          # the import would end in an error if it does not know this name
    import matplotlib.pyplot as plt

    try:
        plt.switch_backend(backend)
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"MPLBACKEND={backend}: {str(error).splitlines()[0].rstrip('.')}; figures are saved to files instead.",
              file=sys.stderr)
        plt.switch_backend(backend := "agg")
    os.environ["MPLBACKEND"] = backend
