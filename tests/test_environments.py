"""Machines as they are: a project in any folder, read-only, terminals of few letters, no home, one core."""
import ast
import ctypes
import os
import re
import subprocess
import sys

import pytest
from PIL import Image
from scripts import ROOT, copy_project, run_script


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """In a folder as a reader in Japan may have it."""
    folder = tmp_path_factory.mktemp("ゼロから 作る") / "my project"
    folder.mkdir()
    return copy_project(folder, "ch03", "ch05")


def test_a_training_in_few_letters_without_a_home_on_one_core(project, tmp_path):
    """What it prints goes to a file in a code page that lacks the letters of the folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        result = run_script(project / "ch05/train_neuralnet.py", "--epochs", 1, "--limit", 200, cwd=elsewhere,
                            HOME=None, XDG_CONFIG_HOME=None, XDG_CACHE_HOME=None, MPLCONFIGDIR=None,
                            PYTHONIOENCODING="ascii")
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    assert result.stdout.isascii() and "parameters in" in result.stdout.splitlines()[-1]
    assert "of 1,000 test images right" in result.stdout and list(elsewhere.iterdir()) == []
    for name in ("train_neuralnet.png", "two_layer_net_params.pkl"):
        (project / "ch05" / name).unlink()


def test_help_with_a_formula_in_few_letters(project):
    help_of = run_script(project / "ch05/optimizer_compare_naive.py", "--help", LC_ALL="C", PYTHONUTF8="0",
                         PYTHONCOERCECLOCALE="0").stdout
    assert r"x\xb2/20" in help_of and "--steps" in help_of


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="takes away root's right to write everywhere")
def test_a_project_that_cannot_be_written(project, tmp_path):
    """Figures go to the current folder; a training says at once that it could not save what it learned."""
    def as_anyone():
        ctypes.CDLL(None).prctl(24, 1)          # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: root too minds permissions now

    folders = [project, *(path for path in project.rglob("*") if path.is_dir())]
    ours = tmp_path / "ours"
    ours.mkdir()
    try:
        for folder in folders:
            folder.chmod(0o500)
        run_script(project / "ch03/sigmoid.py", cwd=ours, preexec_fn=as_anyone)
        training = run_script(project / "ch05/train_neuralnet.py", cwd=ours, check=False, preexec_fn=as_anyone)
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert Image.open(ours / "sigmoid.png").size[0] > 100
    assert training.returncode == 2 and f"files cannot be written to {project / 'ch05'}" in training.stderr
    assert not list(project.rglob("*.tmp")) and not (project / "ch05/two_layer_net_params.pkl").exists()


OLD = {     # what an old machine is made to look like, and the one sentence that a reader of it gets
    "sys.version_info = (3, 9, 18)": "This project needs Python 3.10 or newer, this is 3.9.",
    "import numpy; numpy.__version__ = '1.26.4'":
        "This project needs NumPy 2.0 or newer, this is 1.26.4: pip install --upgrade numpy",
}


@pytest.mark.parametrize("old", OLD)
@pytest.mark.parametrize("module", ["common.layers", "dataset.mnist"])
def test_an_old_python_or_numpy_gets_one_sentence(old, module):
    result = subprocess.run([sys.executable, "-c", f"import sys; {old}; import {module}"], cwd=ROOT, check=False,
                            capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (1, OLD[old] + "\n")


@pytest.mark.parametrize("package", ["common", "dataset"])
def test_old_pythons_can_read_the_check_of_their_version(package):
    source = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 4))
    assert not re.search(r"""\bf["']|:=""", source)       # `ast` lets f-strings through
