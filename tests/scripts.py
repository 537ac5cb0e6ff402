"""Run a chapter script as a reader does: in a process of its own, from some folder; figures go to files."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    "MPLBACKEND": "agg",       # with a screen every script would wait for its window to be closed
    "MNIST_DIR": None, "MNIST_OFFLINE": "1",
    "OPENBLAS_NUM_THREADS": "1",    # small nets gain nothing by two, and tests run side by side
    "PYTHONDONTWRITEBYTECODE": None,    # each copy of the project is compiled once, not by every script
    "PYTHONWARNINGS": "error::RuntimeWarning,error:Glyph:UserWarning",
}


def copy_project(folder, *chapters):
    """Copy `common`, `dataset` and the named chapters, without what their scripts made, into `folder`.

    So a test leaves nothing in the project's own folders, and tests may run side by side. What is compiled is copied
    too, so that it need not be compiled again.
    """
    made_by_scripts = shutil.ignore_patterns("*.png", "*.pkl", "*.tmp", "*ubyte*")

    def ignored(directory, names):
        if Path(directory).name == "mini":
            return set()
        return made_by_scripts(directory, names) - {"sample_weight.pkl"}

    for name in ("common", "dataset", *chapters):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def run_script(script, *options, cwd=None, check=True, timeout=120, preexec_fn=None, **environment):
    """Run `script` with `options`, headless and on the mini MNIST; return the finished process.

    Parameters
    ----------
    script : Path
    options : command line, turned to str
    cwd : Path, optional
        The folder to run in; the script's own, called by its bare name, if omitted.
    check : bool
        Fail the test, showing what the script printed, if it exits with an error.
    timeout : float
        Seconds.
    preexec_fn : function, optional
        Called in the new process before the script, as by `subprocess.run`.
    environment
        Variables to set, or with None to leave out.
    """
    variables = {**os.environ, **ENVIRONMENT, **environment}
    command = [sys.executable, script.name if cwd is None else script, *options]
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd or script.parent, timeout=timeout,
        env={key: value for key, value in variables.items() if value is not None},
        preexec_fn=preexec_fn, capture_output=True, text=True, encoding="utf-8")
    if check:
        assert result.returncode == 0, f"{script.name} failed:\n{result.stdout}\n{result.stderr}"
    return result


def run_elsewhere(script, elsewhere, *options, **settings):
    """Run `script` from the empty folder `elsewhere`, where no file may be left; as `run_script` otherwise."""
    result = run_script(script, *options, cwd=elsewhere, **settings)
    assert list(elsewhere.iterdir()) == []
    return result


def run_in_turn(elsewhere, *commands, **settings):
    """Run several scripts, each given as (script, *options), in one process; as `run_elsewhere` otherwise.

    They import NumPy and matplotlib once, which takes longer than most of them run.

    Returns
    -------
    list with a result for each, of which the `stdout` and `stderr` are its own
    """
    words = json.dumps([[str(word) for word in command] for command in commands])
    result = run_elsewhere(ROOT / "tests/in_turn.py", elsewhere, words, **settings)
    outputs = zip(result.stdout.split("\f")[1:], result.stderr.split("\f")[1:], strict=True)
    return [SimpleNamespace(stdout=stdout, stderr=stderr) for stdout, stderr in outputs]


def last_line(result):
    """The last line that the script printed."""
    return result.stdout.strip().splitlines()[-1]
