"""The derivations, in both languages: every block runs, every output is right, the quoted code stands in `common`."""
import contextlib
import inspect
import io
import re
import sys
import textwrap

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser
from scripts import ROOT

import common.layers
import common.network

EDITIONS = ["derivations.md", "derivations.ja.md"]
QUOTED = re.compile(r"# class (\w+) in common/(\w+)\.py\n")


def read(name):
    return (ROOT / "ch05" / name).read_text("utf-8")


def code_and_outputs(text):
    """[(python block, the output shown below it, "" if none), ...]"""
    return re.findall(r"^```python\n(.*?)^```\n(?:```\n(.*?)^```\n)?", text, re.M | re.S)


def formulas(text):
    """What stands between $$ and $$, and what between $ and $."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    displayed = [" ".join(formula.split()) for formula in re.findall(r"\$\$(.*?)\$\$", text, re.S)]
    inline = re.findall(r"(.?)\$([^$]+)\$(.?)", re.sub(r"\$\$.*?\$\$", "", text, flags=re.S))
    return displayed, inline


@pytest.mark.parametrize("name", EDITIONS)
def test_every_block_runs_and_prints_what_is_shown(name, monkeypatch):
    monkeypatch.chdir(ROOT / "ch05")
    monkeypatch.setattr(sys, "path", [*sys.path])
    namespace = {}
    shown = 0
    with np.printoptions():         # the page sets its own
        for code, output in code_and_outputs(read(name)):
            if not QUOTED.match(code):
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(code, namespace)
                assert printed.getvalue() == output, code
                shown += output != ""
    assert shown == 8       # a layer each, and weight decay


NUMBER = r"-?\d+(?:\.\d+)?"
ARITHMETIC = rf"[(-]*{NUMBER}[()]*(?: ?[-+*/] ?[(-]*{NUMBER}[()]*)+"


def numbers(text):
    return {float(number) for number in re.findall(rf"(?<![\w^.]){NUMBER}", text)}


@pytest.mark.parametrize("name", EDITIONS)
def test_numbers_in_the_text_are_those_that_come_out(name):
    """In "Numbers" and in its code's comments: what can be computed is computed, the rest stands in code or output."""
    computed = 0
    for text, code, output in re.findall(
            r"^\*\*(?:Numbers\.|数値例。)\*\*(.*?)^```python\n(.*?)^```\n```\n(.*?)^```", read(name), re.M | re.S):
        text = text.replace("\\cdot", "*").replace("10,000", "10000")
        shown = numbers(code) | numbers(output) | {eval(part) for part in re.findall(ARITHMETIC, re.sub("#.*", "", code))}
        for sentence in [text, *re.findall(r"#(.*)", code)]:
            for expression, _, result in re.findall(rf"({ARITHMETIC})( = ({NUMBER}))?", sentence):
                value = eval(expression)
                assert value == float(result) if result else value in shown, expression
                computed += 1
            assert numbers(re.sub(ARITHMETIC, "", sentence)) <= shown, sentence
    assert computed == 24


def quotes(text):
    """[(class, block), ...]; a block may have several parts with ... between them."""
    found = []
    for code, _ in code_and_outputs(text):
        if match := QUOTED.match(code):
            source = getattr(getattr(common, match[2]), match[1])
            found += [(source, part) for part in code[match.end():].split("...\n")]
    return found


def stands_in(part, source):
    """Is it in the source, line by line and in one piece, at some indentation? The page leaves out docstrings."""
    source = re.sub(r'^ +""".*?"""\n', "", source, flags=re.M | re.S)
    return any(textwrap.indent(part, " " * indent) in source for indent in (4, 8, 12))


@pytest.mark.parametrize("name", EDITIONS)
def test_code_of_the_layers_is_quoted_as_it_stands(name):
    found = quotes(read(name))
    assert {cls.__name__ for cls, _ in found} == {"Affine", "Sigmoid", "SoftmaxWithLoss", "Dropout",
                                                  "BatchNormalization", "Convolution", "Pooling", "Network"}
    for cls, part in found:
        assert stands_in(part, inspect.getsource(cls)), f"{cls.__name__} has changed; the page says\n{part}"


def test_formulas_can_be_rendered():
    """By matplotlib, which knows less of TeX than GitHub does, and without what GitHub's Markdown would change."""
    text = "\n".join(map(read, EDITIONS))
    displayed, inline = formulas(text)
    parser = MathTextParser("path")
    for formula in {*displayed, *(formula for _, formula, _ in inline)}:
        parser.parse(f"${formula}$")
        assert not re.search(r"\\[!-/:-@\[-`{-~]|[<>]", formula), f"Markdown takes the sign away: {formula}"
    for formula in re.findall(r"\$\$.*?\$\$", text, re.S):
        assert not re.search(r"\n[-+*#=>]|\n\n", formula), f"a line begins as a list does: {formula}"
    for before, formula, after in inline:       # else the $ stays a $
        assert before in ("", " ", "(") and after in ("", " ", ".", ",", ":", ";", ")", "?"), formula


def test_both_editions_have_the_same_formulas_code_and_numbers():
    english, japanese = map(read, EDITIONS)
    assert code_and_outputs(english) == code_and_outputs(japanese)
    assert formulas(english)[0] == formulas(japanese)[0]
    assert [len(heading) for heading in re.findall(r"^#+", english, re.M)] \
        == [len(heading) for heading in re.findall(r"^#+", japanese, re.M)]
