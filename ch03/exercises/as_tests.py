"""`python -m pytest ch05/exercises` lists what is still open: the hooks of the exercises' conftest files."""
import importlib

import pytest

from ch03.exercises.harness import described, load, run_check


class ExerciseFile(pytest.File):
    def collect(self):
        chapter = chapter_of(self.path)
        exercise = chapter.find(self.path.stem)
        checks = exercise.checks
        try:
            my = load(self.path)
        except Exception as error:
            checks, my = {"the file does not run": None}, described(error, self.path)
        for number, (statement, check) in enumerate(checks.items()):
            order = chapter.number, chapter.exercises.index(exercise), number
            yield Check.from_parent(self, name=statement, check=check, my=my, order=order)


class Check(pytest.Item):
    def __init__(self, *, check, my, order, **kwargs):
        super().__init__(**kwargs)
        self.check, self.my, self.order = check, my, order

    def runtest(self):
        if self.check is None:
            pytest.fail(f"{self.name}: {self.my}")
        result = run_check(self.name, self.check, self.my, self.path)
        if result.not_done:
            pytest.fail(f"not done yet: {result.not_done}")
        if not result.holds:
            pytest.fail(f"{self.name}: {result.text}")

    def repr_failure(self, excinfo):
        return f"{self.path.name}: {excinfo.value}"


def chapter_of(path):
    return importlib.import_module(f"{path.parents[1].name}.exercises.checks").CHAPTER


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".py" and file_path.stem in [exercise.name for exercise in chapter_of(file_path).exercises]:
        return ExerciseFile.from_parent(parent, path=file_path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: getattr(item, "order", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    config.option.numprocesses = 0          # the checks are quick: more processes would only take time to begin


def pytest_configure(config):
    config.option.tbstyle = "no"            # no long reports: the list below says it
    config.option.reportchars = ""


def pytest_terminal_summary(terminalreporter):
    if not hasattr(terminalreporter, "open_checks"):        # once, however many chapters there are
        terminalreporter.open_checks = dict.fromkeys(str(report.longrepr)
                                                     for report in terminalreporter.getreports("failed"))
        terminalreporter.write_line("Still open:" if terminalreporter.open_checks else "Nothing is open.")
        for line in terminalreporter.open_checks:
            terminalreporter.write_line("  " + line.replace("\n", "\n    "))
