"""Does the loader survive? Servers that misbehave, full disks, kills at any moment, damaged caches, eight starts.

    python tests/fuzz/loader.py [--times N]         N tries of each random kind, 100 if omitted (200 for caches)

After each there must be the right data or an error in words, no half-written file, and a next run that ends with the
right data and leaves nothing behind but the four files and the cache. All happens in a temporary folder, with the mini
digits in the place of MNIST and a server on this machine. Prints a line for each kind; the exit code is 1 if anything
was wrong.
"""
import argparse
import contextlib
import dataclasses
import io
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tqdm import tqdm

sys.path += [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]
from dataset import download, mnist, source
from dataset.mnist import MINI_DIR, MINI_FILES
from test_dataset_download import ANSWERS, NOT_THERE, serve

FILES = {file.name: file for file in MINI_FILES.values()}


def mini_at(folder, *mirrors, files=None):
    """The mini digits as a data set that keeps its files in `folder`; `files` is one more folder that has them."""
    return dataclasses.replace(mnist.MNIST, files=MINI_FILES, mirrors=mirrors, folder=folder, variable="NO_VARIABLE",
                               cache=folder / "mnist.pkl", package=files)


def load(dataset):
    """What the loader prints; its data is compared with what it must be."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        arrays = dataset.arrays()
    for key, file in MINI_FILES.items():
        file.check(arrays[key])
    return said.getvalue()


def load_or_say(dataset):
    """`load`, where the data may be nowhere to be found, if that is said."""
    try:
        return load(dataset)
    except FileNotFoundError as error:
        assert "was not found. Tried:" in str(error)
        return ""


def check_files(dataset, allowed=".tmp"):
    """Each file of the folder is whole, but for those of which the ending is allowed."""
    for path in dataset.folder.iterdir():
        if path.name in FILES:
            source.read_file(path, FILES[path.name])
        elif path == dataset.cache:
            dataset.read_cache()
        else:
            assert path.suffix == allowed, f"there is {path.name}"


def check_next_run(dataset):
    """A run an hour later has the right data and sweeps up; the one after it needs nothing but the cache."""
    for left in dataset.folder.glob("*.tmp"):
        os.utime(left, (time.time() - 4000,) * 2)
    if list(dataset.folder.glob("*.tmp")):
        dataset.cache.unlink(missing_ok=True)           # only who writes sweeps up
    load(dataset)
    check_files(dataset, allowed=None)
    alone = dataclasses.replace(dataset, folder=dataset.folder / "none", mirrors=(), package=None)
    assert load(alone) == "", "no cache"


# ---- the kinds of harm: each gives (what, count, remark)

def answers(folder):
    """A mirror that misbehaves is the only one; then it has come to its senses."""
    patience = download.ANSWER_SECONDS, download.GRACE_SECONDS
    download.ANSWER_SECONDS, download.GRACE_SECONDS = 0.7, 1.5
    try:
        with serve() as server:
            for how in (*sorted(ANSWERS), *NOT_THERE):
                here = folder / "answers"
                here.mkdir()
                bad, good = (mini_at(here, url) for url in (how if "//" in how else f"{server.url}{how}/",
                                                            f"{server.url}good/"))
                started = time.perf_counter()
                said = load_or_say(bad)
                seconds = time.perf_counter() - started
                check_files(bad, allowed=None)
                check_next_run(good)
                shutil.rmtree(here)
                yield f"the server answers: {how}", 1, f"{'right data' if said else 'said so'}, {seconds:.1f} s"
    finally:
        download.ANSWER_SECONDS, download.GRACE_SECONDS = patience


def damaged_bodies(folder, times, rng):
    """Bodies with a changed bit, cut off, or with bytes left out or put in; the length is stated truly."""
    def answer(handler, good):
        body, place = bytearray(good), rng.randrange(len(good))
        match rng.randrange(4):
            case 0: body[place] ^= 1 << rng.randrange(8)
            case 1: del body[place:]
            case 2: del body[place:place + rng.randint(1, 9)]
            case 3: body[place:place] = rng.randbytes(rng.randint(1, 9))
        handler.answer(bytes(body))
    ANSWERS["damaged"] = answer
    harmless = 0
    try:
        with serve() as server:
            for _ in range(times):
                here = folder / "bodies"
                here.mkdir()
                bad, good = (mini_at(here, f"{server.url}{how}/") for how in ("damaged", "good"))
                harmless += bool(load_or_say(bad))
                check_files(bad, allowed=None)
                check_next_run(good)
                shutil.rmtree(here)
    finally:
        del ANSWERS["damaged"]
    yield "damaged bodies", times, f"{times - harmless} noticed, in {harmless} only the gzip header was touched"


def full_disk(folder, times, rng):
    """No file can grow beyond a random size, as if the disk was full."""
    import resource
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    without = 0
    with serve() as server:
        for _ in range(times):
            here = folder / "full"
            here.mkdir()
            dataset = mini_at(here, f"{server.url}good/")
            resource.setrlimit(resource.RLIMIT_FSIZE, (rng.choice([rng.randrange(3000), rng.randrange(5_000_000)]),
                                                       whole[1]))
            try:
                said = load(dataset)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, whole)
            without += "Cannot" in said
            assert dataset.cache.exists() or "Cannot write it" in said
            check_files(dataset, allowed=None)
            check_next_run(dataset)
            shutil.rmtree(here)
    yield "files that cannot grow", times, f"right data, {without} times said what could not be kept"


def read_only():
    """A folder that this user cannot write in; root gives up being root first."""
    with serve() as server, tempfile.TemporaryDirectory() as here:
        dataset = mini_at(Path(here), f"{server.url}good/")
        load(dataset)                                   # so that all is imported: nobody may read less than root
        for path in dataset.folder.iterdir():
            path.unlink()
        os.chmod(here, 0o555)
        child = start(_load_as_nobody, dataset)
        child.join(60)
        os.chmod(here, 0o755)
        assert child.exitcode == 0, f"exit code {child.exitcode}"
        assert os.listdir(here) == []
        check_next_run(dataset)
    yield "a read-only folder", 1, "right data, said that it cannot be kept"


def _load_as_nobody(dataset):
    if os.getuid() == 0:
        os.setuid(65534)
    said = load(dataset)
    assert said.count("Cannot keep") == 4 and "Cannot write it" in said, said


def start(function, *arguments):
    """A process that runs a function. It is a copy of this one, so that nothing is imported again."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(function, *arguments))
    process.start()
    return process


def _run(function, *arguments):
    tqdm.set_lock(threading.RLock())    # its own: copies share one, which a killed one would never give back
    function(*arguments)


def killed(folder, times, rng):
    """kill -9 at a random moment of the first run."""
    left = early = late = 0
    with serve() as server:
        for n in range(times + 1):
            here = folder / "killed"
            here.mkdir()
            dataset = mini_at(here, f"{server.url}good/")
            started = time.perf_counter()
            child = start(load, dataset)
            if n == 0:                                  # undisturbed, to know how long it takes
                child.join()
                seconds = time.perf_counter() - started
            else:
                time.sleep(rng.uniform(0, seconds))
                child.kill()
                child.join()
                late += child.exitcode == 0
                early += not os.listdir(here)
            check_files(dataset)
            left += bool(list(here.glob("*.tmp")))
            check_next_run(dataset)
            shutil.rmtree(here)
    yield "killed", times, f"{left} left a half-written file, swept up next time; {early} too early, {late} too late"


def together(folder, times, processes=8):
    """Several processes begin at the same time."""
    with serve() as server:
        for n in range(times):
            here = folder / "together"
            here.mkdir()
            dataset = mini_at(here, f"{server.url}good/", files=MINI_DIR if n % 2 else None)
            children = [start(load, dataset) for _ in range(processes)]
            for child in children:
                child.join(120)
                assert child.exitcode == 0, f"one of {processes} ended with {child.exitcode}"
            check_files(dataset, allowed=None)
            check_next_run(dataset)
            shutil.rmtree(here)
    yield f"{processes} processes at once", times, "right data in each"


def damaged_caches(folder, times, rng):
    """A cache cut off at a random length, and one with a flipped bit."""
    here = folder / "caches"
    here.mkdir()
    dataset = mini_at(here, files=MINI_DIR)
    load(dataset)
    whole = dataset.cache.read_bytes()
    for what, damage in (("cache cut off", _cut), ("a flipped bit in the cache", _flip)):
        for _ in range(times):
            dataset.cache.write_bytes(damage(whole, rng))
            assert load(dataset).startswith("Not using the pickle file"), f"{what} was not noticed"
            assert dataset.cache.read_bytes() == whole, "the cache was not made anew"
        yield what, times, "noticed, said, and made anew"
    assert os.listdir(here) == ["mnist.pkl"]


def _cut(data, rng):
    # without the last 14 bytes, the checksum, it is what a plain pickle.dump has written: the SHA-256 must do then
    return data[:rng.choice([rng.randrange(len(data) - 14), len(data) - rng.randint(1, 13)])]


def _flip(data, rng):
    flipped = bytearray(data)
    flipped[rng.choice([rng.randrange(len(data)), rng.randrange(200), -rng.randint(1, 200)])] ^= 1 << rng.randrange(8)
    return flipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    times, rng = options.times, random.Random(options.seed)
    total, started = 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        checks = [answers(folder), damaged_bodies(folder, times, rng), damaged_caches(folder, 2 * times, rng)]
        if os.name == "posix":
            checks += [full_disk(folder, times, rng), read_only(), killed(folder, times, rng),
                       together(folder, -(-times // 10))]
        for check in checks:
            try:
                for what, count, remark in check:
                    total += count
                    print(f"{what:45} {count:4}  {remark}", flush=True)
            except (AssertionError, OSError, ValueError) as error:
                sys.exit(f"FAILED: {type(error).__name__}: {error}")
    print(f"{total} tries, right data or an error in words each time, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
