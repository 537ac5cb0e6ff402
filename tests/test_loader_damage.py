"""The loader under random damage: a few tries of what tests/fuzz/loader.py does by the hundred."""
import os
import random
import time

import pytest

from common.files import save_pickle
from fuzz import loader

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, kill -9 and limits")


@pytest.fixture
def rng():
    """Other numbers in every run; a failure repeats with the seed that is printed."""
    seed = time.time_ns()
    print(f"seed {seed}")
    return random.Random(seed)


def tries(check):
    """Runs a check to its end; how many tries it has made."""
    return sum(count for _, count, _ in check)


def test_damaged_bodies(tmp_path, rng):
    assert tries(loader.damaged_bodies(tmp_path, 2, rng)) == 2


def test_damaged_caches(tmp_path, rng):
    assert tries(loader.damaged_caches(tmp_path, 2, rng)) == 4


@posix
def test_full_disks(tmp_path, rng):
    assert tries(loader.full_disk(tmp_path, 2, rng)) == 2


@posix
def test_a_read_only_folder():
    assert tries(loader.read_only()) == 1


@posix
def test_killed_at_random_moments(tmp_path, rng):
    assert tries(loader.killed(tmp_path, 2, rng)) == 2


@posix
def test_three_processes_at_once(tmp_path):
    assert tries(loader.together(tmp_path, 1, processes=3)) == 1


@pytest.mark.parametrize("version", ["older", "newer", "of another set"])
def test_a_cache_from_another_version(tmp_path, version):
    dataset = loader.mini_at(tmp_path, files=loader.MINI_DIR)
    loader.load(dataset)
    whole = dataset.cache.read_bytes()
    content = {"older": {"x_train": [0.5], "t_train": [3]}, "newer": {"version": 2, "data": b"packed"},
               "of another set": {key: [] for key in loader.MINI_FILES}}[version]
    save_pickle(dataset.cache, content)
    assert loader.load(dataset).startswith("Not using the pickle file: expected ")
    assert dataset.cache.read_bytes() == whole
