"""What the last line of every exercise does, in all chapters: it checks, and says in plain words what holds.

    python relu.py                what holds, and what does not yet
    python relu.py --hint         one hint more each time; --hint 1 begins again
    python relu.py --solution     where the project does it

The checks, hints and solutions of a chapter stand in the checks.py of its exercises. A check is a function of the
exercise's module `my`. It passes if it returns; if not, it raises `Wrong` (tools.py), with a text for the reader.
"""
import argparse
import inspect
import runpy
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ch03.exercises.tools import BOUND, Wrong
from common.gradient import GradientCheck
from common.script import end, print_any_letters

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    """A check's outcome: text says what is wrong, not_done names what has no code yet; it holds if both are empty."""
    statement: str
    text: str = ""
    not_done: str = ""
    gradients: dict = field(default_factory=dict)

    @property
    def holds(self):
        return not self.text and not self.not_done


@dataclass
class Exercise:
    """A file to complete: its name without .py, and what belongs to it.

    Attributes
    ----------
    checks : {statement: function of the module}, in the order in which they should be done
    hints : texts, each a step further than the one before
    solution : the project's own functions, classes or modules that do it
    picture : a function of the module that draws what was made, once everything holds
    """
    name: str
    checks: dict[str, Callable]
    hints: tuple
    solution: tuple
    picture: Callable | None = None

    def run(self, my, path):
        """A Result for every check of the module `my`, which was loaded from the file `path`."""
        return [run_check(statement, check, my, path) for statement, check in self.checks.items()]


def load(path):
    """The names that the file defines, run anew but not as a script."""
    return SimpleNamespace(**runpy.run_path(str(path)))


def run_check(statement, check, my, path):
    np.random.seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)     # what comes of an overflow is seen in the result
            check(my)
    except NotImplementedError as error:
        return Result(statement, not_done=name_of_hole(error, my))
    except Wrong as wrong:
        return Result(statement, text=str(wrong), gradients=wrong.gradients)
    except Exception as error:
        return Result(statement, text=described(error, path))
    return Result(statement)


def name_of_hole(error, my):
    """The function that raised NotImplementedError; with its class, if the file has several classes."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        pass
    own_classes = [value for value in vars(my).values()
                   if inspect.isclass(value) and value.__module__ == my.__name__]
    owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals and len(own_classes) > 1 else ""
    return owner + frame.f_code.co_name


def described(error, path):
    """The last line of the learner's own that an error came through, and the error; not the whole traceback."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"line {own[-1].lineno}, in {own[-1].name}: {own[-1].line}\n" if own else ""
    return where + "".join(traceback.format_exception_only(error)).strip()


# ---- a chapter ----------------------------------------------------------------------------------------------------

@dataclass
class Chapter:
    """The exercises of a chapter, in order. after: what to do when all are done."""
    number: int
    exercises: list
    after: str

    def find(self, name):
        return next(exercise for exercise in self.exercises if exercise.name == name)

    def check(self, file):
        """The last line of an exercise: `check(__file__)`. Exits with 1 unless everything holds."""
        print_any_letters()
        path = Path(file).resolve()
        exercise = self.find(path.stem)
        parser = argparse.ArgumentParser(description="Checks what you wrote in this file. The task stands at its top.")
        parser.add_argument("--hint", nargs="?", type=int, const=0, metavar="N",
                            help="one hint more each time, or the first N")
        parser.add_argument("--solution", action="store_true", help="show where the project does it")
        args = parser.parse_args()
        if args.solution:
            print_solution(exercise)
        elif args.hint is not None:
            print_hints(exercise, path, args.hint)
        elif not self.report(exercise, path):
            end(1)

    def report(self, exercise, path):
        """Print what holds and what does not yet, and draw what helps; True if everything holds."""
        number = self.exercises.index(exercise) + 1
        print(f"Chapter {self.number}, exercise {number} of {len(self.exercises)}: {path.name}\n")
        my = load(path)
        results, said = exercise.run(my, path), set()
        for result in results:
            if result.not_done:
                line = f"not done yet: {result.not_done}"
            else:
                line = f"{'holds  ' if result.holds else 'NOT YET'}  {result.statement}"
            if line not in said:
                print(f"  {line}")
                said.add(line)
            if result.text:
                first, *more = result.text.splitlines()
                print_indented(*(["the same as above"] if first in said else [first, *more]))
                said.add(first)
        all_hold = all(result.holds for result in results)
        if all_hold:
            following = self.exercises[number:number + 1]
            print("\nAll of it holds. " + (f"Next: {following[0].name}.py" if following else self.after))
        else:
            print(f"\nOne step further: {command(path)} --hint")
        failed = {name: found for result in reversed(results) for name, found in result.gradients.items()
                  if np.isfinite(found.by_backprop).any()}
        if failed:
            from common.figures import plot         # here, because it takes a second
            plot.gradient_check(GradientCheck(failed, BOUND), path.name)
            plot.show(f"{exercise.name}_gradients")
        elif all_hold and exercise.picture:
            from common.figures import plot
            exercise.picture(my)
            plot.show()
        return all_hold


def print_indented(*texts):
    for text in texts:
        print(textwrap.fill(text, 100, initial_indent=" " * 11, subsequent_indent=" " * 11))


def command(path):
    """How the reader starts the exercise."""
    return f"{'%run' if 'IPython' in sys.modules else 'python'} {path.name}"


def print_hints(exercise, path, wanted):
    """Print the hints up to the next one. Those that were seen are kept beside the exercise, to count them."""
    seen = path.with_suffix(".hints")
    if not wanted:
        wanted = len(seen.read_text("utf-8", "replace").splitlines()) + 1 if seen.is_file() else 1
    wanted = min(max(wanted, 1), len(exercise.hints))
    lines = [f"Hint {i} of {len(exercise.hints)}: {hint}" for i, hint in enumerate(exercise.hints[:wanted], 1)]
    print("\n".join(lines))
    try:
        seen.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError:
        print(f"The next one: {command(path)} --hint {wanted + 1}")     # a folder that cannot be written
    if wanted == len(exercise.hints):
        print(f"That was the last one. The project's own code: {command(path)} --solution")


def print_solution(exercise):
    for solution in exercise.solution:
        lines, first = inspect.getsourcelines(solution)
        first = max(first, 1)                       # of a module it is 0
        file = Path(inspect.getsourcefile(solution)).resolve().relative_to(ROOT)
        print(f"{file.as_posix()}, lines {first} to {first + len(lines) - 1}:\n")
        print("".join(lines).rstrip() + "\n")
