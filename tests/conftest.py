"""What all tests share: the same random numbers every run, figures without a window, and Ctrl-C that works."""
import os
import signal
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

threadpool_limits(1, "blas")            # tests run side by side: more threads would wait for each other
os.environ["MPLBACKEND"] = "agg"        # also for the scripts that tests start: no window waits to be closed
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)    # pytest was started in the background, `pytest &`


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """The framework draws from np.random: no test depends on those that ran before it."""
    np.random.seed(0)


@pytest.fixture
def rng():
    """The tests' own generator, so that drawing inputs does not shift what the framework draws."""
    return np.random.default_rng(1)
