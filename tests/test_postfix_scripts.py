"""The scripts of the Postfix containers, as far as a shell alone can tell; e2e/ runs them with Postfix."""

import os
import subprocess
from pathlib import Path

import pytest

from mailstack_operator.kube.objects import entries
from mailstack_operator.stack import script, topology
from mailstack_operator.stack.postfix import component
from tests.stacks import stack

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


def drained(spool: Path, serve_seconds: int = 0) -> str:
    """What drain.sh sleeps for; it ends early, as `sleep` finishes the delivery of every message."""
    stub = "sleep() { echo $1; [ $1 != 0.2 ] || rm -f active/*; }\n"
    command = ["/bin/sh", "-c", stub + script.text("postfix/scripts/drain.sh")]
    environment = {"PATH": os.environ["PATH"], "SPOOL": str(spool), "SERVE_SECONDS": str(serve_seconds)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for folder in ("incoming", "active"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_postfix_is_not_stopped_before_its_messages_are_delivered(spool: Path) -> None:
    (spool / "active" / "4bR7Kz0vN1z1").touch(0o700)
    assert drained(spool).split() == ["0", "0.2"]


def test_a_message_that_was_never_completed_does_not_delay_the_stop(spool: Path) -> None:
    """cleanup(8) makes a file executable when it is complete; one of a killed cleanup stays as it is."""
    (spool / "incoming" / "4bR7Kz0vN1z1").touch(0o600)
    assert drained(spool).split() == ["0"]


def test_postfix_serves_while_nodes_learn_that_it_is_going(spool: Path) -> None:
    assert drained(spool, serve_seconds=5).split() == ["5"]


@pytest.mark.parametrize(("listener", "seconds"), [("Unix", "0"), ("Inet", "5")])
def test_postfix_serves_longer_only_where_others_can_take_over(listener: str, seconds: str) -> None:
    plan = topology.decide(stack({"spec.delivery": {"listener": {"type": listener}}}))
    server = component.build(plan).main or {}
    assert {"name": "SERVE_SECONDS", "value": seconds} in entries(server, "env")


def test_nothing_is_copied_into_the_queues_volume_at_a_start() -> None:
    """On a full volume Debian's `postfix check` could not update its copies of /etc, and Postfix would not start."""
    built = component.build(topology.decide(stack()))
    assert built.files["defaults"]() == "SYNC_CHROOT=\n"
    for container in (*built.init, built.main or {}):
        mounts = {each["mountPath"]: each.get("subPath") for each in entries(container, "volumeMounts")}
        assert mounts["/etc/default/postfix"] == "defaults"
        assert "/etc/postfix/defaults" not in mounts
