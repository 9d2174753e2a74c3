"""The scripts of the Postfix containers, as far as a shell alone can tell; e2e/ runs them with Postfix."""

import subprocess
from pathlib import Path

import pytest

from mailstack_operator.stack.paths import POSTFIX_DATA
from mailstack_operator.stack.postfix import scripts

SCRIPTS = ("SPOOL", "START", "DRAIN", "CACHE_READABLE")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_plain_shell_can_read_the_script(name: str) -> None:
    subprocess.run(["/bin/sh", "-n"], input=getattr(scripts, name), text=True, check=True)


def cache_check(folder: Path, postmap_status: int) -> int:
    """The exit code of CACHE_READABLE if `timeout 8 postmap -s` ends with the status."""
    (folder / "verify_cache.lmdb").write_text("content")
    stub = f"timeout() {{ return {postmap_status}; }}\n"
    script = stub + scripts.CACHE_READABLE.replace(POSTFIX_DATA, str(folder))
    return subprocess.run(["/bin/sh", "-euc", script], check=False).returncode


@pytest.mark.parametrize("status", [1, 135, 139])
def test_a_damaged_cache_restarts_postfix(status: int, tmp_path: Path) -> None:
    assert cache_check(tmp_path, status) == 1


@pytest.mark.parametrize("status", [0, 124, 143])
def test_a_sound_or_a_slow_cache_does_not(status: int, tmp_path: Path) -> None:
    assert cache_check(tmp_path, status) == 0


def test_neither_does_a_cache_that_is_not_there_yet(tmp_path: Path) -> None:
    script = scripts.CACHE_READABLE.replace(POSTFIX_DATA, str(tmp_path))
    assert subprocess.run(["/bin/sh", "-euc", script], check=False).returncode == 0
