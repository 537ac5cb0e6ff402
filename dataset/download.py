"""Fetching a file over HTTP so that nothing a server does can hang or flood the program."""
import ctypes
import ssl
import threading
import time
from urllib.request import Request, urlopen

from tqdm import tqdm

USER_AGENT = "deep-learning-from-scratch/1.0 (MNIST loader)"
ANSWER_SECONDS = 10         # the longest silence of a server
GRACE_SECONDS = 20          # after this a file must have come ...
BYTES_PER_SECOND = 20_000   # ... at this speed on average


def fetch(url, max_bytes):
    """The body of a web page or file, as bytes.

    Raises an OSError if the server cannot be reached, answers with an error or with more than `max_bytes`, breaks off,
    is silent for `ANSWER_SECONDS`, or after `GRACE_SECONDS` has not sent `BYTES_PER_SECOND` on average.
    """
    body, errors = bytearray(), []
    # In a thread of its own: some waits, as for a name lookup, know no time limit.
    thread = threading.Thread(target=_receive, args=(url, max_bytes, body, errors), name="download", daemon=True)
    start = time.monotonic()
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.1)
            seconds = time.monotonic() - start
            if seconds > GRACE_SECONDS + len(body) / BYTES_PER_SECOND:
                raise OSError(f"too slow: {len(body)} bytes in {seconds:.0f} seconds")
    finally:
        if thread.is_alive():       # end it, also where http.client reads on for as long as the server sends
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
    if errors:
        raise OSError(f"{type(errors[0]).__name__}: {errors[0]}") from errors[0]
    return bytes(body)


def _receive(url, max_bytes, body, errors):
    """Append what the server sends to `body`, and what goes wrong to `errors`."""
    try:
        request = Request(url, headers={"User-Agent": USER_AGENT})
        context = ssl.create_default_context()      # urllib would keep its first one, with the certificates of then
        with (urlopen(request, timeout=ANSWER_SECONDS, context=context) as response,
              tqdm(desc=url.rpartition("/")[2], total=response.length, unit="B", unit_scale=True) as bar):
            while chunk := response.read1(1 << 16):
                body += chunk
                bar.update(len(chunk))
                if len(body) > max_bytes:
                    raise ValueError(f"expected at most {max_bytes} bytes, got more")
    except (Exception, SystemExit) as error:        # what http.client and ssl raise, or the end from `fetch`
        errors.append(error)
