"""Whether a full, read-only or hanging mail volume is seen."""

import errno
import os
import threading
from pathlib import Path

import pytest

from mailstack_probe import store, volumes
from mailstack_probe.store import Store
from mailstack_probe.volumes import Room


def test_a_volume_that_takes_files_is_good_and_stays_as_it_was(tmp_path: Path) -> None:
    seen = Store(tmp_path)
    assert seen.problem() is not None
    assert seen.examine()
    assert seen.problem() is None
    assert not seen.examine()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_no_problem(tmp_path: Path) -> None:
    tmp_path.joinpath(".mailstack-probe").write_bytes(b"x")
    assert store.problem(tmp_path) is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "StoreFull"),
        (errno.EDQUOT, "StoreFull"),
        (errno.EROFS, "StoreNotWritable"),
        (errno.EACCES, "StoreNotWritable"),
        (errno.EIO, "StoreNotWritable"),
    ],
)
def test_an_error_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    verdict = store.problem(tmp_path)
    assert verdict
    assert (verdict.status, verdict.reason) == ("False", reason)
    assert os.strerror(number) in verdict.message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_not_writable(tmp_path: Path) -> None:
    verdict = store.problem(tmp_path / "gone")
    assert verdict
    assert verdict.reason == "StoreNotWritable"


def test_a_file_system_that_hangs_is_seen_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, go_on = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        hanging.set()
        go_on.wait(30)

    monkeypatch.setattr(os, "fsync", hang)
    monkeypatch.setattr(store, "PATIENCE", 0.0)
    seen = Store(tmp_path)
    thread = threading.Thread(target=seen.examine)
    thread.start()
    assert hanging.wait(10)
    verdict = seen.problem()
    go_on.set()
    thread.join()
    assert verdict
    assert verdict.reason == "StoreNotResponding"
    assert seen.problem() is None


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (
            Room(free=200 << 10, size=64 << 20, free_inodes=9_999, inodes=16_384),
            "less room left than a message may take",
        ),
        (Room(free=60 << 20, size=64 << 20, free_inodes=7, inodes=16_384), "fewer than 100 inodes left"),
    ],
)
def test_a_volume_that_takes_a_small_file_but_no_message_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Room, words: str
) -> None:
    monkeypatch.setattr(volumes, "look", lambda _: room)
    verdict = store.problem(tmp_path, message_size=50 << 20)
    assert verdict
    assert (verdict.status, verdict.reason) == ("False", "StoreFull")
    assert words in verdict.message
