"""What the last line of every exercise does, in all chapters: it checks, and says in plain words what holds.

    python relu.py                what holds, and what does not yet
    python relu.py --hint         one hint more each time; --hint 1 begins again
    python relu.py --solution     where the project does it

The checks, hints and solutions of a chapter stand in the checks.py of its exercises. A check is a function of the
exercise's module `my`. It passes if it returns; if not, it raises `Wrong` (tools.py), with a text for the reader.
"""
import argparse
import inspect
import re
import runpy
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

from ch03.exercises.tools import Wrong, examples
from common.gradient import GradientCheck
from common.script import end, print_any_letters

ROOT = Path(__file__).resolve().parents[2]
HOLDS, WRONG, NOT_DONE, LATER = "holds", "NOT YET", "not done yet", "later"


@dataclass
class Result:
    """What a check found. text: what is wrong, or what has no code yet."""
    statement: str
    status: str = HOLDS
    text: str = ""
    gradients: dict = field(default_factory=dict)

    @property
    def line(self):
        if self.status == NOT_DONE:
            return f"{NOT_DONE}: {self.text}"
        return f"{self.status:7}  {self.statement}" + (f" ({self.text})" if self.status == LATER else "")


@dataclass
class Exercise:
    """A file to complete: its name without .py, and what belongs to it.

    Attributes
    ----------
    checks : {statement: function of the module}, in the order in which they should be done; see `waits_for`
    hints : texts, each a step further than the one before
    solution : the project's own functions, classes or modules that do it, or a text
    picture : a function of the module that draws what was made, once everything holds
    """
    name: str
    checks: dict[str, Callable]
    hints: tuple
    solution: tuple
    picture: Callable | None = None

    def __post_init__(self):
        self.checks = {**self.checks, "the examples at the top of the file": examples}

    def run(self, my, path):
        """Yield a Result for every check of the module `my`, which was loaded from the file `path`."""
        wrong = []
        for statement, check in self.checks.items():
            first = waits_for(statement, wrong)
            result = Result(statement, LATER, f"first make {first} right") if first else run_check(
                statement, check, my, path)
            if result.status == WRONG:
                wrong.append(statement)
            yield result


def waits_for(statement, wrong):
    """Which of the wrong statements must become right first, or None: what depends on it would only mislead.

    backward depends on forward, "backward: dx of images" on "backward: dx", and training on everything.
    """
    owner = re.match(r"\w+Layer, |", statement)[0]           # "MulLayer, ", or nothing
    for before in wrong:
        if "backward" in statement and before.startswith(owner + "forward"):
            return "forward"
        if statement.startswith(before + " "):
            return before.rpartition(": ")[2]
        if statement.startswith("train: "):
            return re.split("[:,]", before)[0]
    return None


def load(path):
    """The file as a module, run anew but not as a script."""
    module = ModuleType(path.stem)
    vars(module).update(runpy.run_path(str(path)))
    return module


def run_check(statement, check, my, path):
    np.random.seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)     # what comes of an overflow is seen in the result
            check(my)
    except NotImplementedError as error:
        return Result(statement, NOT_DONE, name_of_hole(error))
    except Wrong as wrong:
        return Result(statement, WRONG, str(wrong), wrong.gradients)
    except Exception as error:
        return Result(statement, WRONG, described(error, path))
    return Result(statement)


def name_of_hole(error):
    """The function that raised NotImplementedError, "Relu.forward"."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals else ""
    return owner + frame.f_code.co_name


def described(error, path):
    """The last line of the learner's own that an error came through, and the error; not the whole traceback."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"line {own[-1].lineno}, in {own[-1].name}: {own[-1].line}\n" if own else ""
    says = "".join(traceback.format_exception_only(error)).strip()
    return where + re.sub(r"[\w.]+\.<locals>\.", "", says)      # "f() missing ...": a function of ours has a plain name


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
        else:
            try:
                all_hold = self.report(exercise, path)
            except KeyboardInterrupt as error:
                print("\nStopped. " + described(error, path).replace("\nKeyboardInterrupt", ""))
                end(130)
            if not all_hold:
                end(1)

    def report(self, exercise, path):
        """Print what holds and what does not yet, and draw what helps; True if everything holds."""
        number = self.exercises.index(exercise) + 1
        print(f"Chapter {self.number}, exercise {number} of {len(self.exercises)}: {path.name}\n")
        my = load(path)
        failed, printed, all_hold = {}, set(), True
        for result in exercise.run(my, path):
            all_hold &= result.status == HOLDS
            failed = {**result.gradients, **failed}
            if result.line not in printed:
                print(f"  {result.line}", flush=True)
            if result.status == WRONG:
                print_indented("the same as above" if result.text in printed else result.text)
            printed |= {result.line, result.text}
        if all_hold:
            following = self.exercises[number:number + 1]
            print("\nAll of it holds. " + (f"Next: {following[0].name}.py" if following else self.after))
        else:
            print(f"\nOne step further: {command(path)} --hint")
        failed = {name: found for name, found in failed.items() if np.isfinite(found.by_backprop).any()}
        if failed:
            from common.figures import plot         # here, because it takes a second
            plot.gradient_check(GradientCheck(failed), path.name)
            plot.show(f"{exercise.name}_gradients")
        elif all_hold and exercise.picture:
            from common.figures import plot
            exercise.picture(my)
            plot.show()
        return all_hold


def print_indented(text):
    for line in text.splitlines():
        print(textwrap.fill(line, 100, initial_indent=" " * 11, subsequent_indent=" " * 11))


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
    """Print the source of functions and modules, of a class the methods that do the work; and what else these call."""
    work = ("forward", "backward", "parameter_gradients", "update", "rule")
    shown, called = [], {}
    for solution in exercise.solution:
        if isinstance(solution, str):
            print(solution)
            continue
        own = [method for name, method in vars(solution).items() if name in work and inspect.isfunction(method)
               and method.__qualname__.startswith(solution.__name__)] if inspect.isclass(solution) else [solution]
        for code in map(inspect.unwrap, own):
            lines, first = inspect.getsourcelines(code)
            first = max(first, 1)                       # of a module it is 0
            file = Path(inspect.getsourcefile(code)).resolve().relative_to(ROOT)
            print(f"{file.as_posix()}, lines {first} to {first + len(lines) - 1}:\n")
            print("".join(lines).rstrip() + "\n")
            shown.append(code)
            if inspect.isfunction(code):
                known = {**code.__globals__, **vars(solution)}
                called |= {name: known[name] for name in code.__code__.co_names if inspect.isfunction(known.get(name))}
    for name, function in called.items():
        if inspect.unwrap(function) not in shown and function.__module__.startswith("common.") and name[0] != "_":
            print(f"It calls {name}{inspect.signature(function)}: {function.__doc__.splitlines()[0]}")
