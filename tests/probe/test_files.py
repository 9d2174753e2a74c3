"""Postfix's queue files and its verify cache, as they lie on disk."""

import os
import struct
import time
from pathlib import Path

import pytest

from mailstack_probe import queues, verify_cache
from mailstack_probe.queues import Queue
from tests.probe.queue_files import head


@pytest.mark.parametrize(
    ("content", "arrival"),
    [(head(1_700_000_000), 1_700_000_000.0), (b"", None), (b"C\xff", None), (b"T\x03abc", None), (b"S\x01xS", None)],
)
def test_the_arrival_stands_in_the_file(content: bytes, arrival: float | None) -> None:
    assert queues.arrival(content) == arrival


def test_messages_are_counted_in_folders_of_folders(tmp_path: Path) -> None:
    now = int(time.time())
    for name, age in {"deferred/A/A1": 500, "deferred/B/B1": 7000, "active/C1": 3}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(head(now - age))
        # When Postfix tries a deferred message next.
        os.utime(file, (now + 60, now + 60))
    found = {queue.name: queue for queue in queues.look(tmp_path)}
    assert found["incoming"] == Queue("incoming", 0, 0.0)
    assert (found["deferred"].messages, found["active"].messages) == (2, 1)
    assert found["deferred"].oldest == pytest.approx(7000, abs=5)


def test_what_a_killed_postfix_left_of_a_message_is_none(tmp_path: Path) -> None:
    """It would be the oldest message for a week, and the alert about a stuck queue would fire."""
    now = int(time.time())
    for name, mode, age in (("half", 0o600, 7000), ("complete", 0o700, 30)):
        file = tmp_path / "incoming" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(head(now - age))
        file.chmod(mode)
    incoming = next(queue for queue in queues.look(tmp_path) if queue.name == "incoming")
    assert incoming.messages == 1
    assert incoming.oldest == pytest.approx(30, abs=5)


def meta(entries: int, transaction: int) -> bytes:
    """A meta page of LMDB."""
    fixed = bytes(16) + struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 20)
    free = struct.pack("<IHHQQQQQ", 4096, 8, 0, 0, 0, 0, 0, 0)
    main = struct.pack("<IHHQQQQQ", 0, 0, 1, 0, 1, 0, entries, 2)
    return (fixed + free + main + struct.pack("<QQ", 9, transaction)).ljust(4096, b"\0")


@pytest.mark.parametrize(("first", "second"), [((7, 4), (8, 5)), ((8, 6), (7, 5))])
def test_entries_are_those_of_the_last_transaction(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int]
) -> None:
    file = tmp_path / "verify_cache.lmdb"
    file.write_bytes(meta(*first) + meta(*second))
    assert verify_cache.entries(file) == 8


@pytest.mark.parametrize("content", [b"", b"abc", bytes(9000)])
def test_another_file_has_no_entries(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "verify_cache.lmdb"
    file.write_bytes(content)
    assert verify_cache.entries(file) is None
    assert verify_cache.text(file, "nobody@example.org") == ""


def test_the_newest_text_counts(tmp_path: Path) -> None:
    file = tmp_path / "verify_cache.lmdb"
    who = b"nobody@example.org"
    file.write_bytes(
        who + b"\x000:0:1700000002:delivers to command: cat\x00" + who + b"\x002:0:1700000001:host said\x00"
    )
    assert verify_cache.text(file, "nobody@example.org") == "delivers to command: cat"
    assert verify_cache.text(tmp_path / "gone", "nobody@example.org") == ""


def test_a_text_between_two_pieces_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "verify_cache.lmdb"
    file.write_bytes(b"nobody@example.org\x000:0:1700000002:delivers to command: cat\x00")
    monkeypatch.setattr(verify_cache, "_PIECE", 30)
    assert verify_cache.text(file, "nobody@example.org").startswith("delivers to ")
