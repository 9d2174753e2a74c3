"""Which users of the file Dovecot must know, and what is wrong with a file that has none."""

import os
from pathlib import Path

import pytest

from mailstack_probe import users
from mailstack_probe.users import UsersFile
from mailstack_probe.verdicts import Verdict

ALICE = "alice@example.org:{PLAIN}x::::::\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("alice@example.org:{PLAIN}x::::::", ["alice@example.org"]),
        ("alice:{PLAIN}x", ["alice@example.net"]),
        ("a.b-c_d@example.org:", ["a.b-c_d@example.org"]),
        ("Alice@example.org:{PLAIN}x", []),
        ("alice+box@example.org:{PLAIN}x", []),
        ("two words:x", []),
        ("alice@example.org", []),
        ('{"json": 1}', []),
        ("# alice@example.org:x", []),
        (":x", []),
        ("", []),
    ],
)
def test_who_can_be_asked_for(line: str, found: list[str]) -> None:
    assert list(users.canaries([line], "example.net")) == found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "passwd"


def look(file: Path) -> tuple[str, ...] | Verdict:
    return UsersFile(file, "example.org").look(0.0)


def test_the_first_few_users_are_canaries(file: Path) -> None:
    file.write_text("".join(f"user{number}:x\n" for number in range(9)))
    assert look(file) == ("user0@example.org", "user1@example.org", "user2@example.org")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "UsersEmpty"),
        ("# nobody\n\n", "UsersEmpty"),
        ("what is this\n", "UsersMalformed"),
        ("\xff\0", "UsersMalformed"),
    ],
)
def test_a_file_without_users(file: Path, content: str, reason: str) -> None:
    file.write_text(content, encoding="latin-1")
    verdict = look(file)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason) == ("False", reason)
    assert "spec.users.passwdFile" in verdict.message


def test_no_file(file: Path) -> None:
    verdict = look(file)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason) == ("False", "UsersMissing")


def test_a_file_that_cannot_be_read_tells_nothing(file: Path) -> None:
    file.mkdir()
    verdict = look(file)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason) == ("Unknown", "UsersUnreadable")


def test_a_change_is_seen_at_once_and_given_time(file: Path) -> None:
    file.write_text(ALICE)
    seen = UsersFile(file, "example.org")
    assert seen.look(100.0) == ("alice@example.org",)
    assert seen.settled(100.0)
    draft = file.with_name("new")
    draft.write_text("bob:x\n")
    draft.rename(file)
    assert seen.look(200.0) == ("bob@example.org",)
    assert not seen.settled(202.0)
    assert seen.settled(204.0)


def test_a_file_that_comes_back_is_given_time(file: Path) -> None:
    file.write_text(ALICE)
    seen = UsersFile(file, "example.org")
    seen.look(100.0)
    file.unlink()
    seen.look(102.0)
    file.write_text(ALICE)
    assert seen.look(104.0) == ("alice@example.org",)
    assert not seen.settled(104.0)


def test_an_unchanged_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(ALICE)
    seen = UsersFile(file, "example.org")
    seen.look(0.0)
    monkeypatch.setattr(Path, "open", lambda *_, **__: os.abort())
    assert seen.look(2.0) == ("alice@example.org",)
