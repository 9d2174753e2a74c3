"""The scripts of the Postfix containers, as far as a shell alone can tell; e2e/ runs them with Postfix."""

import subprocess
from pathlib import Path

import pytest

from mailstack_operator.stack import script

CACHE_READABLE = script.text("postfix/scripts/cache_readable.sh")


def cache_check(folder: Path, postmap_status: int = 0) -> int:
    """The exit code of cache_readable.sh if `timeout 8 postmap -s` ends with the status."""
    stub = f"timeout() {{ return {postmap_status}; }}\n"
    command = ["/bin/sh", "-c", stub + CACHE_READABLE]
    return subprocess.run(command, env={"DATA": str(folder)}, check=False).returncode


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a cache."""
    (tmp_path / "verify_cache.lmdb").write_text("content")
    return tmp_path


@pytest.mark.parametrize("status", [1, 135, 139])
def test_a_damaged_cache_restarts_postfix(status: int, data: Path) -> None:
    assert cache_check(data, status) == 1


@pytest.mark.parametrize("status", [0, 124, 143])
def test_a_sound_or_a_slow_cache_does_not(status: int, data: Path) -> None:
    assert cache_check(data, status) == 0


def test_neither_does_a_cache_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert cache_check(tmp_path, 1) == 0
