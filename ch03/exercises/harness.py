"""What the last line of every exercise does, in all chapters: it checks, and says in plain words what holds.

    python relu.py                what holds, and what does not yet
    python relu.py --hint         one hint more each time; --hint 1 begins again
    python relu.py --solution     where the project does it

The checks, hints and solutions of a chapter stand in the checks.py of its exercises. A check is a function of the
exercise's module `my`; it passes if it returns, and raises `Wrong`, with a text for the reader, if it does not.
"""
import argparse
import copy
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

from common.gradient import GradientCheck, check_gradients
from common.script import end, print_any_letters

ROOT = Path(__file__).resolve().parents[2]
BOUND = 1e-5        # of the gradient checks: the 1e-7 in the book's log(y + 1e-7) alone makes a difference of 1e-6


class Wrong(Exception):
    """What a check found, for the reader; with the gradients to draw, {"W": Comparison}."""

    def __init__(self, text, gradients=None):
        super().__init__(text)
        self.gradients = gradients or {}


# ---- the tools that checks are made of ----------------------------------------------------------------------------

def constant(array):
    """The array, protected: what the learner's code gets is a copy, which it may spoil."""
    array.flags.writeable = False
    return array


def same(got, expected, what="the result", mistakes=(), rtol=1e-5):
    """got equals expected in type, shape and values; `mistakes` has what known mistakes give, by their description."""
    expected = np.asarray(expected)
    if got is None:
        raise Wrong(f"{what} is None: a `return` is missing")
    if isinstance(got, (list, tuple)) or np.asarray(got).dtype.kind not in "biuf":
        raise Wrong(f"{what}: expected an array of numbers of shape {expected.shape}, got a {type(got).__name__}")
    if close(got, expected, rtol):
        return
    for mistake, wrong in dict(mistakes).items():
        if close(got, wrong, rtol):
            raise Wrong(mistake)
    if np.shape(got) != expected.shape:
        raise Wrong(f"{what}: expected the shape {expected.shape}, got {np.shape(got)}")
    if close(got, -expected, rtol):
        raise Wrong(f"{what} has the wrong sign")
    got = np.asarray(got)
    place = tuple(map(int, np.argwhere(~np.isclose(got, expected, rtol, 1e-7))[0]))
    raise Wrong(f"{what}{list(place) if place else ''} is {got[place]:.6g}, expected {expected[place]:.6g}")


def close(a, b, rtol=1e-5):
    """One shape, and equal but for rounding and the tiny constants that keep divisions from zero."""
    return a is not None and np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=1e-7, equal_nan=True)


def unchanged(function, **arrays):
    """The function does not write into the arrays that it is given."""
    given = {name: np.array(array) for name, array in arrays.items()}
    function(*given.values())
    for name, array in arrays.items():
        if not np.array_equal(given[name], array):
            raise Wrong(f"{name} was changed. Write into a new array: NumPy's `+=` and `x[mask] = 0` change "
                        f"the array itself, and whoever called still needs it")


def right_gradient(name, layer, *inputs):
    """The layer's gradient of the input or parameter `name` ("x", "W") is what central differences give."""
    layer = copy.deepcopy(layer)
    out = layer.forward(*map(np.array, inputs))
    if out is None:
        raise Wrong("forward returns None: a `return` is missing")
    if layer.backward(np.ones_like(out)) is None:
        raise Wrong("backward returns None: a `return` is missing")
    of_parameter = hasattr(layer, f"d{name}")
    if of_parameter and getattr(layer, f"d{name}") is None:
        raise Wrong(f"self.d{name} is None after backward, which has to set it")
    layer.param_names = (name,) if of_parameter else ()     # one at a time: the others may not be done yet
    compared(name, check_gradients(layer, *map(np.array, inputs), bound=BOUND))


def right_gradient_of_net(name, net_class, sizes, x, t):
    """The gradient `name` of a net ("W1") is what central differences give."""
    class OneGradient(net_class):
        def gradient(self, x, t):
            grads = super().gradient(x, t)
            if not isinstance(grads, dict):
                raise Wrong(f"gradient: expected a dict of arrays, got {type(grads).__name__}")
            if name not in grads:
                raise Wrong(f"there is no {name!r} in the dict that gradient returns")
            return {key: grads[key] if key == name else np.zeros_like(array) for key, array in self.params.items()}

    compared(name, check_gradients(OneGradient(*sizes, weight_init_std=0.7), x, t, bound=BOUND))


def compared(name, check):
    if name in check.failed:
        found = check[name]
        raise Wrong(found.diagnosis or f"d{name} differs from central differences by {found.relative:.0%} of the "
                                       "largest gradient, and no known mistake fits", {name: found})


# ---- an exercise --------------------------------------------------------------------------------------------------

@dataclass
class Result:
    """One check's outcome: text says what is wrong, not_done names what has no code yet; if both are empty, it holds."""
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
        my, said = load(path), set()
        results = exercise.run(my, path)
        for result in results:
            line = f"not done yet: {result.not_done}" if result.not_done else \
                f"{'holds  ' if result.holds else 'NOT YET'}  {result.statement}"
            if line not in said:
                print(f"  {line}")
            first, *more = result.text.splitlines() or [""]
            for text in ["the same as above"] if first in said else [first, *more] if first else []:
                print(textwrap.fill(text, 100, initial_indent=" " * 11, subsequent_indent=" " * 11))
            said |= {line, first} - {""}
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
