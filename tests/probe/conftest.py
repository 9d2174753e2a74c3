"""Certificates that all tests of the probe share; they take a moment to make."""

import pytest

from tests.probe import keys


@pytest.fixture(scope="session")
def good() -> keys.Pair:
    return keys.pair()


@pytest.fixture(scope="session")
def other() -> keys.Pair:
    return keys.pair()
