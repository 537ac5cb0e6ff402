"""Ctrl-C and SIGTERM, in a place of the program's choosing."""
import signal
import threading
from contextlib import contextmanager


@contextmanager
def stop_signals():
    """`with stop_signals() as received:` Ctrl-C and SIGTERM only add their number to the list `received`.

    So a program that looks there now and then can end in good order. A second signal ends it at once. A signal that
    the program was started to ignore (by `&` in a shell script, by nohup) stays ignored. Python hands signals to the
    main thread alone: in other threads the list stays empty.
    """
    received, before = [], {}

    def handler(signum, frame):
        if received:
            raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(128 + signum)
        received.append(signum)

    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(signum) not in (signal.SIG_IGN, None):      # None: it is handled by a C library
                before[signum] = signal.signal(signum, handler)
    try:
        yield received
    finally:
        for signum, old_handler in before.items():
            signal.signal(signum, old_handler)
