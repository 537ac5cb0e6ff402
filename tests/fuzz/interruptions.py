"""Nothing is lost: trainings that are stopped at random moments, and disks that are full at random places of a file.

    python tests/fuzz/interruptions.py [--times N]      default: 50 of each kind, about two minutes

Prints a line for each kind of damage; the exit code is 1 if one did harm. POSIX only.
"""
import argparse
import io
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))
from common.figures import plot
from common.training.checkpoint import Checkpoint
from common.training.log import Log
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.trainer import Trainer
from common.files import load_pickle

PROGRAM = textwrap.dedent("""
    import signal
    import sys
    import numpy as np
    from common.multi_layer_net_extend import MultiLayerNetExtend
    from common.trainer import Trainer
    from common.training.averaging import Averaging
    from common.training.checkpoint import Checkpoint

    for signum, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(signum, action)       # whatever the tests were started with
    np.random.seed(0)
    x = np.random.default_rng(0).random((60, 20), np.float32)
    t = np.arange(60) % 10
    net = MultiLayerNetExtend(20, [30], 10, use_batchnorm=True, use_dropout=True)
    trainer = Trainer(net, x, t, x, t, epochs=int(sys.argv[1]), mini_batch_size=20, optimizer="Adam",
                      callbacks=[Averaging(0.95), Checkpoint(*sys.argv[2:])])
    print("ready", flush=True)
    trainer.train()
    net.save_params("params.pkl")
    sys.exit(trainer.exit_code)
""")


def start(folder, *args):
    """Start a training of args[0] epochs in `folder`, with checkpoint args[1] and resume args[2]."""
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *map(str, args)], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})


def finish(process):
    """What it prints until its end, (out, err)."""
    try:
        return process.communicate(timeout=120)
    finally:
        process.kill()


def stopped(folder, signals):
    """A training that each of these signals stops at some moment, and that then goes on, ends as one in peace.

    Returns how many of the signals found it at work.
    """
    epochs, hits = 40 * len(signals), 0
    (folder / "whole").mkdir()
    finish(start(folder / "whole", epochs, "state"))
    args = epochs, "state"
    for signum in signals:
        process = start(folder, *args)
        process.stdout.readline()                           # ready
        if signum != signal.SIGKILL:
            process.stdout.readline()                       # an epoch: from here on it knows what to do
        time.sleep(random.uniform(0, 0.3))
        process.send_signal(signum)
        hits += check_end(process, signum)
        if (folder / "state").exists():
            load_pickle(folder / "state")                   # whole at any moment
            args = epochs, "state", "state"
    out, err = finish(process := start(folder, *args))
    assert process.returncode == 0, err
    for name in ("state", "params.pkl"):
        difference(load_pickle(folder / name), load_pickle(folder / "whole" / name), name)
    left = sorted(path.name for path in folder.iterdir() if path.suffix != ".tmp")      # those go after an hour
    assert left == ["params.pkl", "state", "whole"]
    return hits


def check_end(process, signum):
    """Did it end as this signal asks? False if it had come to its end before."""
    out, err = finish(process)
    if process.returncode == 0 or re.search(r"^epoch +(\d+)/\1 ", out, re.M):
        return False                # the last epoch was done: the signal may have met the program behind the training
    if signum == signal.SIGKILL:
        assert process.returncode == -signum, err
    else:
        assert process.returncode == 128 + signum, (process.returncode, err)
        assert f"stopped by {'Ctrl-C' if signum == signal.SIGINT else 'SIGTERM'}" in out and "Traceback" not in err, err
        assert err.splitlines()[-1].strip() == "", err      # the bar has been wiped away
    return True


def difference(one, other, where):
    """Fails, and says where, unless both are the same to the last bit; but for the seconds that something took."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one.keys() - {"seconds"}:
            difference(one[key], other[key], f"{where}: {key}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes(), where
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other)):
            difference(*pair, f"{where}[{i}]")
    else:
        assert one == other, where


@contextmanager
def files_no_longer_than(size):
    """What a program gets from a full disk: some of what it writes is written, then comes an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def writers(folder):
    """{file: a function that writes it, otherwise each time}"""
    x, t = np.random.rand(60, 20).astype(np.float32), np.arange(60) % 10
    net = MultiLayerNetExtend(20, [30], 10)
    trainer = Trainer(net, x, t, x, t, verbose=False)

    def figure():       # it is saved beside the running script
        script = patch.object(sys.modules["__main__"], "__file__", folder / "script.py", create=True)
        with script, redirect_stdout(io.StringIO()):
            plot.lines({"loss": np.random.rand(100)}, "step", "loss")
            plot.show("figure")

    def log(name):      # its first writing: later ones only say that they failed
        trainer.history["loss"][:] = np.random.rand(100).tolist()
        Log(folder / name).on_train_begin(trainer)

    return {"params.pkl": lambda: (trainer.train_step(x, t), net.save_params(folder / "params.pkl")),
            "state": lambda: (trainer.train_step(x, t), Checkpoint(folder / "state").write(trainer)),
            "log.json": lambda: log("log.json"),
            "log.csv": lambda: log("log.csv"),
            "figure.png": figure}


def full_disk(folder, times):
    """A file that cannot be written to its end leaves the old one, or none, and no other."""
    plot.plt.switch_backend("agg")
    for name, write in writers(folder).items():
        write()
        size = (folder / name).stat().st_size
        for n in range(times):
            if n % 5 == 4:
                (folder / name).unlink()
            before = {path.name: path.read_bytes() for path in folder.iterdir()}
            room = random.randrange(size // 2)
            try:
                with files_no_longer_than(room):
                    write()
            except OSError:
                pass
            else:
                raise AssertionError(f"{name}: no error with {room} bytes of room")
            finally:
                plot.plt.close("all")
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, (name, room)
            write()
            assert (folder / name).read_bytes() != before.get(name), name
    return times


KINDS = {
    "kill -9": lambda folder, times: stopped(folder, [signal.SIGKILL] * times),
    "Ctrl-C and SIGTERM": lambda folder, times: stopped(
        folder, random.choices((signal.SIGINT, signal.SIGTERM), k=times)),
    "full disk": full_disk,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50, metavar="N")
    times, failures = parser.parse_args().times, 0
    for kind, run in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                hits = run(Path(folder), times)
            except Exception as error:
                failures += 1
                print(f"{kind}: {type(error).__name__}: {error}", flush=True)
            else:
                print(f"{kind}: {times} times, {hits} of them at work; nothing lost", flush=True)
    print(f"{len(KINDS) - failures} of {len(KINDS)} kinds did no harm")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
