"""Ctrl-C and SIGTERM, in a place of the program's choosing."""
import signal
import threading
from contextlib import contextmanager


@contextmanager
def stop_signals():
    """`with stop_signals() as received:` Ctrl-C and SIGTERM only add their number to the list `received`.

    So nothing is cut in half that ought to be whole, if the program looks there now and then. A second signal ends it
    at once. Python hands signals to the main thread alone: in other threads the list stays empty.
    """
    received = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def handler(signum, frame):
        if received:
            raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(128 + signum)
        received.append(signum)

    before = {signum: signal.signal(signum, handler) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for signum, old_handler in before.items():
            signal.signal(signum, old_handler)
