"""Fetching a file over HTTP so that nothing a server does can hang or flood the program."""
import contextlib
import http.client
import socket
import ssl
import threading
import time
from urllib.error import HTTPError
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from tqdm import tqdm

from common.files import printable, say

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
        self.socket, self.abandoned = None, False

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
        with self.opener().open(request, timeout=ANSWER_SECONDS) as response:
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

    def opener(self):
        """urllib's, but its connections show their sockets to this transfer, so that `abandon` can close them."""
        transfer = self

        def shown(kind):
            class Connection(kind):
                def connect(self):
                    super().connect()
                    transfer.socket = self.sock
                    if transfer.abandoned:
                        transfer.abandon()
            return Connection

        class Http(HTTPHandler):
            def http_open(self, request):
                return self.do_open(shown(http.client.HTTPConnection), request)

        class Https(HTTPSHandler):
            def https_open(self, request):
                return self.do_open(shown(http.client.HTTPSConnection), request, context=ssl.create_default_context())

        return build_opener(Http, Https)

    def abandon(self):
        """Let the thread end, also where http.client reads on for as long as the server sends."""
        self.abandoned = True
        if self.socket:
            with contextlib.suppress(OSError):          # it may be closed already
                self.socket.shutdown(socket.SHUT_RDWR)


def fetch(url, max_bytes):
    """The body of a web page or file, as bytes; one of more than `max_bytes` is an error.

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
        transfer.abandon()
    if transfer.error:
        raise transfer.error
    return bytes(transfer.body)


def fetch_from(mirrors, name, max_bytes, check):
    """Fetch a file from the first of several mirrors (URLs of folders) that has the right one.

    `check` turns the body into what is wanted, or raises a ValueError. Returns the body, what `check` made of it, and
    the URL. Mirrors that cannot be reached are taken out of the list. Raises an OSError if no mirror has it.
    """
    for mirror in list(mirrors):
        url = mirror + name
        say(f"Downloading {url}")
        try:
            body = fetch(url, max_bytes)
            say(f"Converting {name}")
            return body, check(body), url
        except (OSError, ValueError) as error:
            say(f"  failed: {printable(error)}")
            if isinstance(error, Unreachable):
                mirrors.remove(mirror)
    raise OSError(f"no mirror has {name}")
