"""Which users Dovecot must know, and when the probe reads the report on them."""

import os
from pathlib import Path

import pytest

from mailstack_probe import users
from mailstack_probe.passwd import Note
from mailstack_probe.reasons import Reason
from mailstack_probe.users import UsersFile
from mailstack_probe.users_report import Report, parse
from mailstack_probe.verdicts import bad

ALICE = Report({"alice@example.org": 1})
BOB = Report({"bob@example.org": 1, "carol@example.org": 2})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.json"


def write(file: Path, report: Report) -> None:
    draft = file.with_name("new")
    draft.write_text(report.to_json())
    draft.rename(file)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a@example.org", "b@example.org", "c@example.org", "d@example.org"], 3),
        (["x@example.net", "a@example.org"], 1),
        (["x@example.net"], 1),
        ([], 0),
    ],
)
def test_the_first_few_users_of_the_domains_are_canaries(names: list[str], found: int) -> None:
    canaries = users.canaries(names, ("example.org",))
    assert len(canaries) == found
    assert "x@example.net" not in canaries or names == ["x@example.net"]


def test_a_report_is_read_as_it_was_written() -> None:
    problem = bad(Reason.TOO_FEW_USERS, "few")
    report = Report({"a@example.org": 3}, (Note(1, "no colon"),), (Note(3, "capitals"),), problem)
    assert parse(report.to_json()) == report


def test_a_change_is_seen_at_once_and_given_time(file: Path) -> None:
    write(file, ALICE)
    seen = UsersFile(file)
    assert seen.look(100.0) == ALICE
    assert seen.settled(100.0)
    write(file, BOB)
    assert seen.look(200.0) == BOB
    assert not seen.settled(202.0)
    assert seen.settled(204.0)


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"users": [[1]]}'])
def test_a_report_that_cannot_be_read_tells_nothing(file: Path, content: str | None) -> None:
    if content is not None:
        file.write_text(content)
    seen = UsersFile(file)
    assert seen.look(0.0) is None
    write(file, ALICE)
    assert seen.look(2.0) == ALICE
    assert not seen.settled(2.0)


def test_an_unchanged_report_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, ALICE)
    seen = UsersFile(file)
    seen.look(0.0)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: os.abort())
    assert seen.look(2.0) == ALICE
