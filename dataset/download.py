"""Fetching a file over HTTP so that nothing a server does can hang or flood the program."""
import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from common.files import printable

USER_AGENT = "deep-learning-from-scratch/1.0 (MNIST loader)"
ANSWER_SECONDS = 10         # the longest silence of a server
GRACE_SECONDS = 20          # after this a file must have come ...
BYTES_PER_SECOND = 20_000   # ... at this speed on average


class Unreachable(OSError):
    """The server cannot be reached, is too slow or broke off: it is not worth asking it again."""


class BadAnswer(OSError):
    """The server answered, but with an error, with too much or with too little."""


class _Transfer(threading.Thread):
    """Receives one file, in a thread of its own: some waits, as for a name lookup, know no time limit."""

    def __init__(self, url, max_bytes):
        super().__init__(daemon=True)
        self.url, self.max_bytes = url, max_bytes
        self.body, self.error = bytearray(), None
        self.abandoned = False

    def run(self):
        try:
            self.receive()
        except BadAnswer as error:
            self.error = error
        except HTTPError as error:
            self.error = BadAnswer(str(error))
            error.close()
        except Exception as error:      # also what http.client and ssl raise
            self.error = Unreachable(f"{type(error).__name__}: {getattr(error, 'reason', error)}")

    def receive(self):
        request = Request(self.url, headers={"User-Agent": USER_AGENT})
        with urlopen(request, timeout=ANSWER_SECONDS) as response:
            size = response.headers.get("Content-Length", "")
            size = int(size) if size.isdecimal() else None
            with tqdm(desc=self.url.rpartition("/")[2], total=size, unit="B", unit_scale=True,
                      disable=self.abandoned) as bar:
                while not self.abandoned and (chunk := response.read1(1 << 16)):
                    self.body += chunk
                    bar.update(len(chunk))
                    if len(self.body) > self.max_bytes:
                        raise BadAnswer(f"expected at most {self.max_bytes} bytes, got more")
            if size is not None and len(self.body) != size:
                raise BadAnswer(f"expected {size} bytes, got {len(self.body)}")


def fetch(url, max_bytes):
    """The body of a web page or file.

    Parameters
    ----------
    url : str
    max_bytes : int
        A longer body is cut off, and is an error.

    Returns
    -------
    bytes

    Raises
    ------
    Unreachable, BadAnswer
        Both are OSErrors, and say what happened. Every wait ends: a server may be silent for
        `ANSWER_SECONDS`, and after `GRACE_SECONDS` must have sent `BYTES_PER_SECOND` on average.
    """
    transfer = _Transfer(url, max_bytes)
    start = time.monotonic()
    transfer.start()
    try:
        while transfer.is_alive():
            transfer.join(0.1)
            seconds, received = time.monotonic() - start, len(transfer.body)
            if seconds > GRACE_SECONDS + received / BYTES_PER_SECOND:
                raise Unreachable(f"too slow: {received} bytes in {seconds:.0f} seconds")
    finally:
        transfer.abandoned = True
    if transfer.error:
        raise transfer.error
    return bytes(transfer.body)


def fetch_from(mirrors, name, max_bytes, check):
    """Fetch a file from the first of several mirrors that has the right one.

    Parameters
    ----------
    mirrors : list of str
        URLs of folders, tried in turn. Mirrors that cannot be reached are taken out of the list.
    name : str
        Name of the file.
    max_bytes : int
    check : function
        Turns the body into what is wanted, or raises a ValueError.

    Returns
    -------
    body : bytes
    checked
        What `check` made of the body.
    url : str

    Raises
    ------
    OSError
        No mirror had it.
    """
    for mirror in list(mirrors):
        url = mirror + name
        print(f"Downloading {url}")
        try:
            body = fetch(url, max_bytes)
            print(f"Converting {name}")
            return body, check(body), url
        except (OSError, ValueError) as error:
            print(f"  failed: {printable(error)}")
            if isinstance(error, Unreachable):
                mirrors.remove(mirror)
    raise OSError(f"no mirror has {name}")
