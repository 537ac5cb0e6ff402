"""How a script of the chapters begins, `start(__doc__)`, and ends if it may fail, `end(exit_code)`."""
import argparse
import shutil
import sys
import textwrap


def start(doc, parser=None):
    """Read the command line, then print the first two paragraphs of `doc`: what the script is, and what to look at.

    --help prints all of `doc`. `parser`, an argparse.ArgumentParser, has the script's own options.
    """
    print_any_letters()
    parser = parser or argparse.ArgumentParser()
    parser.description = doc
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    args = parser.parse_args()
    width = min(100, shutil.get_terminal_size().columns)
    for paragraph in doc.split("\n\n")[:2]:
        print(textwrap.fill(paragraph, width), end="\n\n", flush=True)
    return args


def end(exit_code=0):
    """End the script with this exit code: 0 all is well, 2 it cannot go on, 130 stopped by Ctrl-C.

    After `%run` in a notebook the code is always 0: for any other one IPython would show a traceback.
    """
    sys.exit(0 if in_notebook() else exit_code)


def in_notebook():
    """Is this running in IPython, such as a notebook?"""
    ipython = sys.modules.get("IPython")
    return bool(ipython and ipython.get_ipython())


def print_any_letters():
    r"""From now on print a letter that the terminal does not have as \u6df1; Python would raise an error."""
    if hasattr(sys.stdout, "reconfigure"):      # a notebook's output has none, and needs none
        sys.stdout.reconfigure(errors="backslashreplace")
