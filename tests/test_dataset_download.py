"""The loader against a server on this machine that serves good, wrong, missing, slow and hanging files."""
import contextlib
import dataclasses
import gzip
import os
import re
import shutil
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common import files
from dataset import download, mnist, source
from dataset.mnist import MINI_DIR, MINI_FILES, MiniMnistWarning, load_mnist
from test_dataset import assert_good

pytestmark = pytest.mark.filterwarnings("error::dataset.mnist.MiniMnistWarning")
LONG = 30       # seconds
BOMB = gzip.compress(bytes(50_000_000), 1)


class Handler(BaseHTTPRequestHandler):
    """Answers /how/file in the way that the function `how` below has."""
    def do_GET(self):
        _, how, name = self.path.partition("?")[0].split("/")
        self.server.asked.append((how, name, self.headers["User-Agent"]))
        ANSWERS[how](self, MINI_DIR.joinpath(name).read_bytes())

    def answer(self, body, length=None, status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Length", len(body) if length is None else length)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, data):
        """One byte every 0.05 seconds: never silent for long, and never done."""
        for byte in data:
            if self.server.stopped.wait(0.05):
                break
            self.wfile.write(bytes([byte]))

    def log_message(self, *_):
        pass


def hang(handler, good):
    handler.server.stopped.wait(LONG)


def hang_in_the_middle(handler, good):
    handler.answer(good[:len(good) // 2], len(good))
    handler.server.stopped.wait(LONG)


def drip_body(handler, good):
    handler.answer(b"", len(good))
    handler.drip(good)


def drip_header(handler, good):
    handler.drip(b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 1000)


def reset(handler, good):
    handler.answer(good[:1000], len(good))
    linger = b"\1\0\0\0\0\0\0\0"                    # closing sends a reset, without the rest
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def endless(handler, good):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


def without_length(handler, good):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(good)


def chunked_and_cut(handler, good):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n" % len(good) + good[:10])


ANSWERS = {
    "good": lambda handler, good: handler.answer(good),
    "bad_length": lambda handler, good: handler.answer(good, "many"),
    "without_length": without_length,
    "unzipped": lambda handler, good: handler.answer(gzip.decompress(good)),
    "redirected": lambda handler, good: handler.answer(b"", status=302, Location=handler.path.replace(
        "redirected", "good")),
    "truncated": lambda handler, good: handler.answer(good[:-500]),
    "cut_off": lambda handler, good: handler.answer(good[:-500], len(good)),
    "longer_than_stated": lambda handler, good: handler.answer(good + b"more", len(good) - 4),
    "more_than_stated": lambda handler, good: handler.answer(good + b"more", len(good)),
    "too_long": lambda handler, good: handler.answer(good + bytes(5_000_000)),
    "wrong_bytes": lambda handler, good: handler.answer(bytes(len(good))),
    "another_set": lambda handler, good: handler.answer(gzip.compress(bytes(len(gzip.decompress(good))), 1)),
    "another_pixel": lambda handler, good: handler.answer(gzip.compress(gzip.decompress(good)[:-1] + b"\7", 1)),
    "steering": lambda handler, good: handler.wfile.write(b"HTTP/1.0 404 \x1b[2J\x07" + b"x" * 9999 + b"\r\n\r\n"),
    "empty_parts": lambda handler, good: handler.answer(len(good) // 20 * gzip.compress(b"")),
    "web_page": lambda handler, good: handler.answer(b"<html>Please log in</html>"),
    "empty": lambda handler, good: handler.answer(b""),
    "missing": lambda handler, good: handler.answer(b"404", status=404),
    "forbidden": lambda handler, good: handler.answer(b"403", status=403),
    "broken": lambda handler, good: handler.answer(b"500", status=500),
    "redirected_on_and_on": lambda handler, good: handler.answer(
        b"", status=302, Location=handler.path.split("?")[0] + f"?{len(handler.server.asked)}"),
    "redirect_loop": lambda handler, good: handler.answer(b"", status=302, Location=handler.path),
    "redirect_to_file": lambda handler, good: handler.answer(b"", status=302, Location=f"file://{MINI_DIR}"),
    "no_http": lambda handler, good: handler.wfile.write(b"220 mail.example.com ESMTP\r\n" * 100),
    "silent": lambda handler, good: None,
    "bomb": lambda handler, good: handler.answer(BOMB),
    "endless": endless,
    "reset": reset,
    "chunked_and_cut": chunked_and_cut,
    "hang": hang,
    "hang_in_the_middle": hang_in_the_middle,
    "drip_body": drip_body,
    "drip_header": drip_header,
}
REASONS = {      # what is printed about each bad answer
    "truncated": "damaged gzip data", "cut_off": "damaged gzip data", "too_long": "expected at most",
    "endless": "expected at most", "wrong_bytes": "got [0-9]+ bytes", "another_set": "got 3136016 bytes",
    "another_pixel": "expected train-images.* got 3136016 bytes", "empty_parts": "got 0 bytes",
    "steering": r"HTTP Error 404: \?\[2J\?x{50,300}\n",
    "web_page": "got 26 bytes", "empty": "got 0 bytes", "bomb": "got 3136016 bytes",
    "missing": "HTTP Error 404", "forbidden": "HTTP Error 403", "broken": "HTTP Error 500",
    "redirect_loop": "infinite loop", "redirected_on_and_on": "infinite loop",
    "redirect_to_file": "not allowed", "no_http": "220 mail",
    "silent": "RemoteDisconnected",
    "reset": "Connection reset", "chunked_and_cut": "IncompleteRead", "hang": "timed out",
    "hang_in_the_middle": "timed out", "drip_body": "too slow", "drip_header": "too slow",
}
SILENT = {"hang", "hang_in_the_middle"}
SLOW = {"drip_body", "drip_header", "endless_headers", "endless_trailers", "mirror.invalid"}
NOT_THERE = ("http://127.0.0.1:1/", "http://mirror.invalid/", "no://a/b/", "http://[")
GOOD = sorted(ANSWERS.keys() - REASONS.keys())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass                                        # the loader hangs up on some answers: that is right

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


@contextlib.contextmanager
def serve(context=None):
    """A running server, over HTTPS with the SSLContext, if there is one; no proxy stands before it."""
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.stopped = [], threading.Event()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        patch.delenv("MNIST_OFFLINE", raising=False)
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def running():
    with serve() as server:
        yield server


@pytest.fixture
def server(running, tmp_path, monkeypatch):
    """The server, and `use(*answers)`, which makes load_mnist ask it as mirrors that answer so."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    fetch = source.fetch

    def impatient(url, max_bytes):
        """fetch, which waits a moment only for the mirrors that are slow or silent on purpose."""
        how = url.split("/")[-2]
        with monkeypatch.context() as patch:
            if how in SILENT:
                patch.setattr(download, "ANSWER_SECONDS", 0.2)
            if how in SLOW:
                patch.setattr(download, "GRACE_SECONDS", 0.3)
            return fetch(url, max_bytes)
    monkeypatch.setattr(source, "fetch", impatient)

    def use(*mirrors):
        mirrors = tuple(how if "//" in how else f"{running.url}{how}/" for how in mirrors)
        small = dataclasses.replace(mnist.MNIST, files=MINI_FILES, mirrors=mirrors, folder=tmp_path,
                                    cache=tmp_path / "mnist.pkl")
        monkeypatch.setattr(mnist, "MNIST", small)
    running.use = use
    running.asked.clear()
    return running


@pytest.mark.parametrize("how", GOOD)
def test_a_good_mirror(server, tmp_path, capsys, how):
    server.use(how)
    assert_good(load_mnist())
    shown = capsys.readouterr()
    for name in mnist.key_file.values():
        assert f"Downloading {server.url}{how}/{name}" in shown.out
        assert f"{name}: " in shown.err             # the progress bar
    assert sorted(os.listdir(tmp_path)) == sorted([*mnist.key_file.values(), "mnist.pkl"])
    assert {agent for _, _, agent in server.asked} == {download.USER_AGENT}
    server.asked.clear()
    assert_good(load_mnist())
    (tmp_path / "mnist.pkl").unlink()
    assert_good(load_mnist())
    mnist.download_mnist()
    assert server.asked == []                       # the cache and then the kept files are enough


@pytest.mark.parametrize("how", sorted(REASONS))
def test_a_bad_mirror_is_reported_and_the_next_one_is_asked(server, tmp_path, capsys, how):
    server.use(how, "good")
    assert_good(load_mnist())
    shown = capsys.readouterr().out
    url = re.escape(f"{server.url}{how}/train-images-idx3-ubyte.gz")
    assert re.search(f"Downloading {url}\n  failed: .*{REASONS[how]}", shown)
    if not how.startswith("redirect"):
        assert [asked for asked, _, _ in server.asked].count(how) == 1
    assert sorted(os.listdir(tmp_path)) == sorted([*mnist.key_file.values(), "mnist.pkl"])


@pytest.mark.parametrize("mirror", NOT_THERE)
def test_a_mirror_that_is_not_there(server, capsys, mirror):
    server.use(mirror, "good")
    assert_good(load_mnist())
    assert "  failed: " in capsys.readouterr().out


def test_a_name_lookup_that_hangs(server, monkeypatch, capsys):
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **options: (
        time.sleep(LONG) if host == "mirror.invalid" else None) or found(host, *rest, **options))
    server.use("http://mirror.invalid/", "good")
    assert_good(load_mnist())
    assert "too slow" in capsys.readouterr().out


def endless_headers(handler, good):
    while True:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def endless_trailers(handler, good):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"1\r\n\x1f\r\n0\r\n")
    while True:
        handler.wfile.write(b"X: y\r\n" * 1000)


@pytest.mark.parametrize("how", [endless_headers, endless_trailers])
def test_an_answer_that_never_ends_leaves_no_thread(server, monkeypatch, capsys, how):
    """http.client reads on for as long as the server sends, in a thread that takes a whole core."""
    others = threading.enumerate()                  # another test's name lookup, say, which may still hang
    monkeypatch.setitem(ANSWERS, how.__name__, how)
    server.use(how.__name__, "good")
    assert_good(load_mnist())
    out = capsys.readouterr().out
    assert "  failed: too slow" in out or "  failed: HTTPException: got more than" in out      # Python 3.14 counts them
    for thread in set(threading.enumerate()) - set(others):
        if thread.name == "download":
            thread.join(LONG)
            assert not thread.is_alive()


# In tests/certificates, made for this test; they end in 2120, but for the one that is out of date.
CERTIFICATES = {        # whether we trust who has signed it, and the complaint
    "good": (True, ""), "signed by itself": (False, "self-signed|self signed"),
    "out of date": (True, "has expired"), "of another host": (True, "Hostname mismatch"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_certificates_are_verified(server, monkeypatch, capsys, kind):
    trusted, complaint = CERTIFICATES[kind]
    folder = Path(__file__).with_name("certificates")
    certificate = folder / ("good.pem" if kind == "signed by itself" else f"{kind.replace(' ', '_')}.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    monkeypatch.setattr("urllib.request._opener", None)     # some Pythons keep the certificates that they trust
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve(context) as secure:
        server.use(f"https://localhost:{secure.server_port}/good/", "good")
        assert_good(load_mnist())
    assert len(secure.asked) == (0 if complaint else 4)
    failed = re.search("  failed: .*CERTIFICATE_VERIFY_FAILED.*", capsys.readouterr().out)
    assert re.search(complaint, failed[0]) if complaint else failed is None


def test_no_mirror_left(server, tmp_path):
    server.use("missing", "web_page", "reset")
    with pytest.warns(MiniMnistWarning) as warned:
        assert_good(load_mnist())
    assert [warning.category for warning in warned].count(MiniMnistWarning) == 1
    assert os.listdir(tmp_path) == []


def test_half_of_the_files(server, tmp_path, capsys):
    """A file that is there already is not fetched; a wrong one is replaced."""
    server.use("good")
    shutil.copy(MINI_DIR / "t10k-labels-idx1-ubyte.gz", tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"half a file")
    mnist.download_mnist()
    assert sorted(name for _, name, _ in server.asked) == [
        "t10k-images-idx3-ubyte.gz", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    for name in mnist.key_file.values():
        assert (tmp_path / name).read_bytes() == (MINI_DIR / name).read_bytes()
    assert not (tmp_path / "mnist.pkl").exists()


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch, capsys):
    server.use("good")

    def refuse(*_):
        raise OSError("Read-only file system")
    monkeypatch.setattr(files, "open", refuse, raising=False)
    assert_good(load_mnist())
    shown = capsys.readouterr().out
    assert "Cannot keep train-images-idx3-ubyte.gz (Read-only file system)" in shown
    assert "Cannot write it (Read-only file system)" in shown
    assert os.listdir(tmp_path) == []


def test_ctrl_c_stops_at_once(server, tmp_path, monkeypatch):
    server.use("hang")

    def interrupt(self, timeout=None):
        raise KeyboardInterrupt
    monkeypatch.setattr(threading.Thread, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_mnist()
    assert os.listdir(tmp_path) == []
