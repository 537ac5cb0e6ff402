"""common.script: what a script prints first, and how it ends, in a terminal and in a notebook."""
import argparse
import ast
import io
import sys
from types import SimpleNamespace

import pytest
from scripts import ROOT, copy_project, run_in_turn, run_script

from common.script import end, start

DOC = """What it is.

Look at this,
then at that.

Before: nothing; next: 100 % more.
"""


def run(monkeypatch, *arguments, parser=None):
    monkeypatch.setattr("sys.argv", ["script.py", *arguments])
    return start(DOC, parser)


def test_it_says_what_to_look_at_and_returns_the_options(monkeypatch, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    assert run(monkeypatch, "--seed", "3", parser=parser).seed == 3
    assert capsys.readouterr().out == "What it is.\n\nLook at this, then at that.\n\n"


@pytest.mark.parametrize("arguments, code, words", [(["--help"], 0, DOC), (["--sed"], 2, "--sed")])
def test_help_and_wrong_options_end_the_script(monkeypatch, capsys, arguments, code, words):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == code
    output = capsys.readouterr()
    assert words in output.out + output.err and ("What it is." in output.out) == (code == 0)


def test_every_script_knows_what_it_is_for(tmp_path):
    scripts = [path for chapter in ("ch03", "ch04", "ch05") for path in sorted((ROOT / chapter).glob("*.py"))
               if path.name != "parameters.py"]
    results = run_in_turn(tmp_path, *((path, "--help") for path in scripts), COLUMNS="1000", PYTHONIOENCODING="utf-8")
    for path, result in zip(scripts, results):
        assert result.stdout.startswith(f"usage: {path.name} [-h]")
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))) in result.stdout


@pytest.mark.parametrize("code", [0, 2, 130])
def test_a_notebook_sees_no_error_in_the_end(monkeypatch, code):
    for ipython, expected in ((None, code), (SimpleNamespace(get_ipython=lambda: None), code),
                              (SimpleNamespace(get_ipython=object), 0)):
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        with pytest.raises(SystemExit) as stopped:
            end(code)
        assert stopped.value.code == expected


@pytest.mark.parametrize("encoding", ["cp932", "gbk", "cp949", "ascii", "latin-1"])
def test_letters_that_the_terminal_lacks_are_printed_as_numbers(monkeypatch, encoding):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", terminal)
    run(monkeypatch)
    print("深度 ゼロ 숫자 é", flush=True)
    assert "\\" in terminal.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("stdout", [None, io.StringIO()])
def test_an_output_that_is_no_terminal(monkeypatch, stdout):
    monkeypatch.setattr("sys.stdout", stdout)
    run(monkeypatch)


def test_installed_packages_of_the_same_names_are_not_taken(tmp_path):
    project = copy_project(tmp_path / "project", "ch03")
    for name in ("common", "dataset"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the wrong package')")
    run_script(project / "ch03/mnist_show.py", PYTHONPATH=str(tmp_path))
