"""The READMEs: the code of the first page runs, every file that is named exists, and every script is named."""
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ROOT, copy_project, last_line, run_in_turn

CHAPTERS = ["ch03", "ch04", "ch05"]
READMES = [ROOT / "README.md", *sorted(path for folder in ("dataset", "tests", *CHAPTERS)
                                       for path in (ROOT / folder).rglob("README.md"))]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
ENGLISH, *OTHER_LANGUAGES = re.split(r"^## (?=日本語|中文|한국어|Français)", TEXT, flags=re.MULTILINE)


def code_blocks(text, language=""):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def scripts_named(text):
    """The names of files in backticks: `relu.py`, `ch05/draw_digit.py`, `python train_convnet.py --epochs 1`."""
    return [word for quoted in re.findall(r"`([^`\n]+)`", text) for word in quoted.split()
            if re.fullmatch(r"[\w/]+\.(py|md|pkl)", word)]


def anchors(text):
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_code_of_the_first_page_runs_and_learns_and_a_wrong_layer_fails(tmp_path):
    project, elsewhere = copy_project(tmp_path / "project"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    block, = code_blocks(TEXT, "python")
    (project / "my_net.py").write_text(block, encoding="utf-8")
    wrong = block.replace("1 - self.out", "1 + self.out").split("Trainer(net")[0]
    (project / "wrong.py").write_text(wrong, encoding="utf-8")
    good, bad = run_in_turn(elsewhere, (project / "my_net.py",), (project / "wrong.py",))
    assert "FAILED" in bad.stdout
    assert "FAILED" not in good.stdout and good.stdout.count("passed") == 4     # W1, b1, W2, b2
    assert float(re.search(r"test acc: ([\d.]+)", good.stdout).group(1)) > 0.85
    assert last_line(good).startswith("Figure saved") and (project / "my_net.png").stat().st_size > 10_000


def test_the_two_commands_are_what_is_checked():
    train, test = [block.strip() for block in code_blocks(ENGLISH) if "venv" in block]
    *setup, install, run = test.split(" && ")
    assert f"{install} && {run}" in (ROOT / ".ci/run").read_text()
    assert train.split(" && ")[:-1] == [*setup, install]
    assert train.endswith("python ch05/train_convnet.py") and train in " ".join(OTHER_LANGUAGES[0].split())
    assert len(OTHER_LANGUAGES) == 4 and all(train in language for language in OTHER_LANGUAGES)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those for Linux and macOS")
@pytest.mark.parametrize("ending", ["python ch05/train_convnet.py", "python -m pytest"])
def test_the_commands_are_for_every_shell(ending, tmp_path):
    """With stand-ins for python3, pip and python, in a plain sh: the venv is made, entered and used, even twice."""
    command = next(block for block in code_blocks(ENGLISH) if ending in block)
    venv = tmp_path / ".venv/bin"
    venv.mkdir(parents=True)
    (venv / "activate").write_text(f"PATH={shlex.quote(str(venv))}:$PATH")
    for name in ("python3", "pip", "python"):
        (venv / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (venv / name).chmod(0o755)
    for _ in range(2):
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env={"PATH": f"{venv}:/usr/bin:/bin"},
                              capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == ["python3 -m venv .venv", "pip install -r requirements.txt", ending]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(readme):
    text = readme.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        page = (readme.parent / path) if path else readme
        assert page.exists(), target
        if anchor:
            assert anchor in anchors(page.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(readme):
    made_later = {"my_net.py", "params.pkl", "mnist.pkl"}
    not_here = {"apply_filter.py", "half_float_network.py"}         # of the book
    places = [readme.parent, ROOT, *(ROOT / chapter for chapter in CHAPTERS), ROOT / "common", ROOT / "tests"]
    for name in set(scripts_named(readme.read_text(encoding="utf-8"))) - made_later - not_here:
        assert any((place / name).exists() for place in places) or Path(name).name in made_later, name


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_s_readme_leads_through_its_scripts(chapter):
    """Each script stands there once, in the order in which the scripts themselves name the next one."""
    named = [name for name in scripts_named((ROOT / chapter / "README.md").read_text(encoding="utf-8"))
             if name.endswith(".py")]
    assert sorted(named) == sorted(path.name for path in (ROOT / chapter).glob("*.py"))
    for i, name in enumerate(named):
        doc = (ROOT / chapter / name).read_text(encoding="utf-8").split('"""')[1]
        for following in re.findall(r"next(?:: | is )(\w+\.py)", doc):
            assert following in named[i + 1:], f"{name} says that {following} is next"


def test_the_english_part_fits_a_page_or_two():
    assert len(ENGLISH.strip().splitlines()) <= 110
    assert re.findall(r"^!\[", ENGLISH, flags=re.MULTILINE)
