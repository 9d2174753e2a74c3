"""A cache folder of its own for every test, and a report that keeps what it says."""

from pathlib import Path

import pytest

from harness.step import Report


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache that `harness.paths` now points to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mailstack"


@pytest.fixture
def said() -> list[str]:
    """The lines that the report of this test has said."""
    return []


@pytest.fixture
def report(said: list[str]) -> Report:
    """A report that prints nothing."""
    return Report(say=said.append)
