"""`python -m pytest ch03/exercises` lists what is still open."""
from ch03.exercises.as_tests import (pytest_cmdline_main, pytest_collect_file, pytest_collection_modifyitems,   # noqa
                                     pytest_configure, pytest_terminal_summary)
