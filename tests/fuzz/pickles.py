"""Can a stranger's pickle do anything? Has every loader of the project read hostile, damaged and random files.

    python tests/fuzz/pickles.py [--times N]        N random files of each kind, 20,000 if omitted

Each hostile file is read as mnist.pkl, sample_weight.pkl, params.pkl and a checkpoint. It must be refused, in words and
without anything having been run: the interpreter's own audit events say so. Prints a line for each kind of file; the
exit code is 1 if anything was wrong.
"""
import argparse
import codecs
import contextlib
import dataclasses
import hashlib
import pickle
import random
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

try:
    import resource
except ImportError:         # Windows
    resource = None

sys.path += [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]
from ch03.neuralnet_mnist import init_network
from common.training.checkpoint import Checkpoint, load_checkpoint
from common.multi_layer_net import MultiLayerNet
from common.trainer import Trainer
from common import files
from dataset import idx, mnist, source
from test_pickles import ARRAYS, HAND_MADE, PLAIN, PROTOCOLS, UINT8, array, hostile, text

EVENTS = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "pickle.", "exec", "compile", "import", "code.")
watchers = []


def _audit(event, arguments):
    if watchers and event.startswith(EVENTS):
        watchers[-1].append((event, arguments))


sys.addaudithook(_audit)
for codec in ("raw_unicode_escape", "unicode_escape"):
    codecs.lookup(codec)        # Python imports them at first use: not while we watch


@contextlib.contextmanager
def nothing_runs():
    """Fails if what is inside starts a process, imports, compiles or runs code, or changes files."""
    watchers.append([])
    try:
        yield
    finally:
        ran = watchers.pop()
    assert not ran, f"it ran {ran[0]}"


@contextlib.contextmanager
def little_memory(gigabytes=8):
    """A hostile file with a true checksum may ask for all the memory there is: here it gets an error."""
    if resource is None:
        yield
        return
    whole = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (gigabytes * 10 ** 9, whole[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, whole)


class Doors:
    """The loaders, each a method that reads `path` and lets nothing but honest data in.

    They raise the loader's error, after they have made sure that it has left all as it was.
    """

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        np.random.seed(0)
        self.path = folder / "file.pkl"
        arrays = {"train_img": rng.integers(0, 256, (8, 28, 28), np.uint8), "train_label": np.arange(8, dtype=np.uint8),
                  "test_img": rng.integers(0, 256, (4, 28, 28), np.uint8), "test_label": np.arange(4, dtype=np.uint8)}
        sums = [hashlib.sha256(idx.encode(values)).hexdigest() for values in arrays.values()]
        self.dataset = dataclasses.replace(mnist.MNIST, files=source.four_files(8, 4, sums), cache=self.path)
        self.net = MultiLayerNet(3, [4], 2)
        x, t = rng.random((8, 3), np.float32), np.arange(8) % 2
        checkpoint = folder / "checkpoint"
        self.trainer = Trainer(self.net, x, t, x, t, epochs=2, mini_batch_size=4, optimizer="Adam", verbose=False,
                               callbacks=[Checkpoint(checkpoint)])
        self.trainer.train()
        self.honest = {
            "mnist.pkl": arrays,
            "sample_weight.pkl": {"W1": np.ones((784, 2)), "b1": np.ones(2), "W2": np.ones((2, 2)), "b2": np.ones(2),
                                  "W3": np.ones((2, 10)), "b3": np.ones(10)},
            "params.pkl": {key: values.copy() for key, values in self.net.state.items()},
            "checkpoint": pickle.loads(checkpoint.read_bytes()),
        }
        self.load = {"mnist.pkl": lambda: self.dataset.read_cache(),
                     "sample_weight.pkl": lambda: init_network(self.path),
                     "params.pkl": lambda: self.net.load_params(self.path),
                     "checkpoint": lambda: load_checkpoint(self.path, self.trainer)}

    def read(self, door, data):
        """The error in which reading `data` there ends, or None if it was let in."""
        self.path.write_bytes(data)
        before = {key: values.copy() for key, values in self.net.state.items()}
        try:
            with nothing_runs():
                self.load[door]()
        except ValueError as error:
            assert (door == "mnist.pkl" or str(self.path) in str(error)) and len(str(error)) < 2000, f"unclear: {error}"
            for key, values in self.net.state.items():
                np.testing.assert_array_equal(values, before[key], "the net has changed")
            return error
        return None

    def check(self):
        """The doors are open to honest files: if not, their refusing the others means nothing."""
        for door, data in self.honest.items():
            for protocol in PROTOCOLS:
                error = self.read(door, pickle.dumps(data, protocol))
                assert error is None, f"{door}, protocol {protocol}: {error}"


def attacks(marker, honest, protocols=PROTOCOLS):
    """(name, a hostile pickle), alone and amid honest data; those that call a command would write `marker`."""
    for name, obj in hostile(marker).items():
        for protocol in protocols:
            for data in (obj, {**honest, "more": obj}, {**honest, list(honest)[0]: obj}):
                yield name, pickle.dumps(data, protocol)
    yield from HAND_MADE.items()


def obfuscated(rng, marker):
    """A call of os.system in another dress: names by GLOBAL, INST, from text or the memo, among honest arrays."""
    module, name = rng.choice([("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"),
                               ("subprocess", "call"), ("numpy", "f2py.os.system"), ("numpy.core.multiarray", "load"),
                               ("numpy._core.multiarray", "scalar.__class__"), ("common.files", "write_atomically")])
    argument = text(f"echo hacked > {marker}")
    fetched = b"(" + text(module) + b"q\x01" + text(name) + b"q\x02lh\x01h\x02"
    call = rng.choice([
        f"c{module}\n{name}\n".encode() + argument + b"\x85R",
        b"(" + argument + f"i{module}\n{name}\n".encode(),
        f"(c{module}\n{name}\n".encode() + argument + b"o",
        f"c{module}\n{name}\n".encode() + argument + b"\x85\x81",
        text(module) + text(name) + b"\x93" + argument + b"\x85R",
        fetched + b"\x93" + argument + b"\x85R",
        fetched + b"\x93q\x03" + b"h\x03" + argument + b"\x85R\x86",
        f"c{module}\n{name}\nq\x05".encode() + argument + b"\x85q\x06\x86h\x05h\x06R\x86",
    ])
    wrap = rng.choice([b"%s.", b"](%se.", b"}" + text("W1") + b"%ss.",
                       b"(" + array(b"K\x01\x85", raw=b"C\x01x") + b"%sl.", b"%s" + array(b"K\x00\x85") + b"\x86.",
                       array(b"K\x00\x85") + b"%sb.",
                       b"cnumpy\ndtype\n(%s\x89\x88tR.", UINT8 + b"(K\x03%sNNNK\x01K\x01K\x00tb."])
    return wrap.replace(b"%s", call)


PIECES = [bytes([code]) for code in b"().]}NRbasudtle0\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"] + [
    b"K\x00", b"K\x01", b"K\x08", b"M\xff\xff", b"J\xff\xff\xff\xff", b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
    b"G" + bytes(8), b"C\x01b", b"C\x00", b"C\x08" + b"\xff" * 8, b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"h\x02",
    text("C"), text("F"), text("<"), text("u1"), text("f8"), text("O8"), text("V8"), text("U2"), text("b1"), text("x"),
    UINT8, array(b"K\x01\x85", raw=b"C\x01x"), array(b"K\x00K\x00\x86"),
] + [f"c{name}\n".encode() for name in (
    "numpy\nndarray", "numpy\ndtype", "numpy.core.multiarray\n_reconstruct", "numpy._core.numeric\n_frombuffer",
    "numpy._core.multiarray\nscalar", "_codecs\nencode", "builtins\nbytearray", "builtins\nset", "builtins\nfrozenset",
    "builtins\ncomplex", "collections\nOrderedDict", "os\nsystem", "copyreg\n_reconstructor", "builtins\ngetattr")]


def random_program(rng):
    """Instructions in a random order; some are whole arrays, so that deep ones are reached."""
    return b"".join(rng.choices(PIECES, k=rng.randint(1, 40))) + b"."


def damaged(rng, pickled):
    """An honest pickle with some bytes changed, left out, doubled or moved."""
    data = bytearray(pickled)
    for _ in range(rng.randint(1, 4)):
        i, j, n = rng.randrange(len(data)), rng.randrange(len(data)), rng.randint(1, 8)
        match rng.randrange(4):
            case 0: data[i] = rng.randrange(256)
            case 1: data[i] ^= 1 << rng.randrange(8)
            case 2: data[i:i + n] = data[j:j + n]
            case 3: data[i:i] = data[j:j + n]
    return bytes(data)


# ---- the checks: each gives (what, count, remark) for every kind

def hostile_files(folder, protocols=PROTOCOLS):
    """Every attack at every door, whole and as one value of an honest file."""
    doors, marker = Doors(folder), folder / "hacked"
    doors.check()
    counts = Counter()
    for door, honest in doors.honest.items():
        for name, data in attacks(marker, honest, protocols):
            assert doors.read(door, data), f"{name} was let in as {door}"
            counts[name] += 1
    assert not marker.exists()
    for name, count in counts.items():
        yield name, count, "refused"


def random_files(folder, times, seed=0):
    """Random files, with and without a checksum, and some of them at every door."""
    rng = random.Random(seed)
    doors = Doors(folder)
    marker = folder / "hacked"
    honest = [pickle.dumps(data, protocol)
              for data in (*doors.honest.values(), PLAIN, ARRAYS) for protocol in PROTOCOLS]
    makers = {"obfuscated calls": lambda: obfuscated(rng, marker), "random programs": lambda: random_program(rng),
              "damaged honest files": lambda: damaged(rng, rng.choice(honest))}
    for name, make in makers.items():
        loaded = 0
        for i in range(times):
            data = make()
            for checksum in (b"", files.CHECKSUM % zlib.crc32(data)):
                try:
                    with nothing_runs(), little_memory() if checksum else contextlib.nullcontext():
                        files._read(data + checksum)
                    loaded += 1
                    assert name != "obfuscated calls", f"a call was let in: {data}"
                except AssertionError:
                    raise
                except Exception:       # `load_pickle` makes an UnreadableFile of it
                    pass
            if i % 20 == 0:
                doors.read(rng.choice(list(doors.load)), data)
        yield name, 2 * times, f"{2 * times - loaded} refused, {loaded} gave plain data"
    assert not marker.exists()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20_000)
    times = parser.parse_args().times
    total, started = 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for check in (hostile_files(Path(folder)), random_files(Path(folder), times)):
            try:
                for what, count, remark in check:
                    total += count
                    print(f"{what:40} {count:6}  {remark}", flush=True)
            except AssertionError as error:
                sys.exit(f"FAILED: {error}")
    print(f"{total} files, nothing was run, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
