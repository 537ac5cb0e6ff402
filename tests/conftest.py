"""What all tests share: the same random numbers every run."""
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """The framework draws from np.random: no test depends on those that ran before it."""
    np.random.seed(0)


@pytest.fixture
def rng():
    """The tests' own generator, so that drawing inputs does not shift what the framework draws."""
    return np.random.default_rng(1)
