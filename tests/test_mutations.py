"""The list of mistakes fits the code; fuzz/mutations.py shows that each is noticed."""
from fuzz import mutations


def test_every_mistake_can_still_be_made():
    assert len(mutations.MISTAKES) >= 100 and mutations.outdated() == []
