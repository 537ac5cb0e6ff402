"""What a stranger's file does at every door of the project: nothing."""
import pickle

import numpy as np
import pytest

from fuzz import pickles

NESTED = []
for _ in range(30):
    NESTED = [NESTED, NESTED]       # endless when printed or compared
HOLDS_ITSELF = []
HOLDS_ITSELF.append(HOLDS_ITSELF)


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    return pickles.Doors(tmp_path_factory.mktemp("doors"))


def test_hostile_pickles_are_refused_at_every_door(tmp_path):
    kinds = list(pickles.hostile_files(tmp_path, protocols=(4,)))
    assert len(kinds) > 90


def test_obfuscated_random_and_damaged_files(tmp_path):
    assert [times for _, times, _ in pickles.random_files(tmp_path, 100)] == [200, 200, 200]


# ---- checkpoints of plain data that no training has saved

CHANGES = {     # what is changed: the path to it, and what takes its place
    "no settings": (["settings"], None),
    "endless settings": (["settings", "optimizer"], NESTED),
    "settings that hold themselves": (["settings", "optimizer"], HOLDS_ITSELF),
    "a history that holds itself": (["history", "loss"], HOLDS_ITSELF),
    "a setting is missing": (["settings"], {}),
    "steering the terminal": (["settings", "optimizer"], "\x1b[2J" * 1000),
    "no network": (["network"], None),
    "a text for an array": (["network", "W1"], "x"),
    "no optimizer": (["optimizer"], None),
    "losses of text": (["losses"], ["a", "b"]),
    "no losses": (["losses"], None),
    "a history of less": (["history"], {"loss": []}),
    "an unknown history of text": (["history", "W"], "abc"),
    "a history without names": (["history", 7], []),
    "a history of text": (["history", "loss"], "abc"),
    "progress of two": (["progress"], (1, 2)),
    "progress of text": (["progress"], ("1", 4, False)),
    "progress that is neither true nor false": (["progress"], (1, 4, "no")),
    "a number for an optimizer's method": (["optimizer", "update"], 3),
    "random numbers outside the table": (["random", 2], 10 ** 8),
    "random numbers before the table": (["random", 2], -10 ** 8),
    "another generator": (["random", 0], "PCG64"),
    "too few random numbers": (["random", 1], np.zeros(600, np.uint32)),
    "no random numbers": (["random"], None),
}


def changed(data, path, value):
    """A copy of nested dicts and tuples in which `value` is at `path`."""
    if not path:
        return value
    if isinstance(data, tuple):
        return tuple(changed(item, path[1:], value) if n == path[0] else item for n, item in enumerate(data))
    return {**data, path[0]: changed(data.get(path[0]), path[1:], value)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_checkpoint_that_no_training_has_saved_is_refused(doors, name):
    honest = doors.honest["checkpoint"]
    np.random.seed(1)
    losses, expected = list(doors.trainer.train_loss_list), np.random.rand()
    np.random.seed(1)
    error = doors.read("checkpoint", pickle.dumps(changed(honest, *CHANGES[name])))
    assert error and str(error).isprintable() and len(str(error)) < 1000
    assert (doors.trainer.train_loss_list, np.random.rand()) == (losses, expected)


def test_the_checkpoint_without_changes_is_let_in(doors):
    honest = doors.honest["checkpoint"]
    for path in (["random", 2], ["optimizer", "lr"], ["losses"]):
        value = honest
        for key in path:
            value = value[key]
        assert doors.read("checkpoint", pickle.dumps(changed(honest, path, value))) is None
    assert len(doors.trainer.train_loss_list) == 4
