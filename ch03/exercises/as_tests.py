"""`python -m pytest ch05/exercises` lists what is still open: the hooks of the exercises' conftest files."""
import importlib
from functools import cached_property

import pytest

from ch03.exercises.harness import HOLDS, WRONG, described, load


class ExerciseFile(pytest.File):
    def collect(self):
        chapter = chapter_of(self.path)
        self.exercise = chapter.find(self.path.stem)
        self.order = chapter.number, chapter.exercises.index(self.exercise)
        for statement in self.exercise.checks:
            yield Check.from_parent(self, name=statement)

    @cached_property
    def results(self):
        """{statement: Result}"""
        return {result.statement: result for result in self.exercise.run(load(self.path), self.path)}


class Check(pytest.Item):
    @property
    def order(self):
        return *self.parent.order, list(self.parent.exercise.checks).index(self.name)

    def runtest(self):
        try:
            result = self.parent.results[self.name]
        except Exception as error:
            pytest.fail(f"the file does not run: {described(error, self.path)}")
        if result.status == WRONG:
            pytest.fail(f"{self.name}: {result.text}")
        if result.status != HOLDS:
            pytest.fail(" ".join(result.line.split()))

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
