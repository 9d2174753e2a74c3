"""Dovecot is asked about every user of the users file, and what its answers mean."""

from pathlib import Path

import pytest

from mailstack_probe import roster, users_verdicts
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.listeners import UnixListener
from mailstack_probe.passwd import Note
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import Reply
from mailstack_probe.roster import Roster
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import bad
from tests.probe.servers import playing

HELLO = ["220 mail Dovecot ready.", "250 mail", "250 2.1.0 OK"]
OK, NOBODY, LATER = "250 2.1.5 OK", "550 5.1.1 <x> User doesn't exist: x", "451 4.3.0 <x> Temporary internal error"
END = ["250 2.0.0 OK", "250 2.1.0 OK", "221 2.0.0 Bye"]
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"


@pytest.fixture
def asked(tmp_path: Path) -> Roster:
    return Roster(UnixListener(tmp_path / "lmtp"))


def test_all_are_asked_in_one_session(asked: Roster, tmp_path: Path) -> None:
    asked.renew([ALICE, "o'brien@example.org"])
    assert not asked.complete
    with playing([*HELLO, OK, OK, *END], path=tmp_path / "lmtp") as server:
        assert asked.ask(0.0)
        assert not asked.ask(1.0)
    assert asked.complete
    assert asked.refused == {}
    [heard] = server.heard
    assert heard[2:4] == ["RCPT TO:<alice@example.org>", "RCPT TO:<o'brien@example.org>"]
    assert heard[4:6] == ["RSET", "MAIL FROM:<>"]


def test_each_batch_is_a_transaction(asked: Roster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "_BATCH", 2)
    asked.renew([ALICE, BOB, CAROL])
    with playing([*HELLO, OK, NOBODY, *END[:2], OK, *END], path=tmp_path / "lmtp") as server:
        assert asked.ask(0.0)
    assert server.heard[0][4:7] == ["RSET", "MAIL FROM:<>", "RCPT TO:<carol@example.org>"]
    assert list(asked.refused) == [BOB]


def test_those_without_proof_are_asked_again_and_no_others(asked: Roster, tmp_path: Path) -> None:
    asked.renew([ALICE, BOB, CAROL])
    with playing([*HELLO, OK, NOBODY, LATER, *END], [*HELLO, OK, LATER, *END], path=tmp_path / "lmtp") as server:
        asked.ask(0.0)
        assert list(asked.refused) == [BOB, CAROL]
        assert not asked.ask(roster.AGAIN - 1)
        assert asked.ask(roster.AGAIN + 1)
    assert server.heard[1][2:4] == [f"RCPT TO:<{BOB}>", f"RCPT TO:<{CAROL}>"]
    assert list(asked.refused) == [CAROL]


def test_a_full_mailbox_is_one_of_a_user(asked: Roster, tmp_path: Path) -> None:
    asked.renew([ALICE])
    with playing([*HELLO, "552 5.2.2 <x> Quota exceeded", *END], path=tmp_path / "lmtp"):
        asked.ask(0.0)
    assert asked.refused == {}


@pytest.mark.parametrize(
    "script",
    [["421 4.3.2 closing"], [*HELLO[:2], "451 4.3.0 no"], [*HELLO, OK], ["what"]],
    ids=["closing", "no transaction", "hangs up", "foreign"],
)
def test_a_session_that_breaks_is_no_answer(asked: Roster, tmp_path: Path, script: list[str]) -> None:
    asked.renew([ALICE, BOB])
    with playing(script, [*HELLO, OK, OK, *END], path=tmp_path / "lmtp"):
        assert not asked.ask(0.0)
        assert not asked.complete
        assert asked.ask(2.0)
    assert asked.complete


def test_without_dovecot_nobody_is_asked(asked: Roster) -> None:
    asked.renew([ALICE])
    assert not asked.ask(0.0)
    assert not asked.complete


def answer(text: str) -> Answer:
    return Answer(Stage.RCPT, Reply(int(text[:3]), text[4:]))


GOOD = Report({ALICE: 1, BOB: 2})
WRONG = Report({ALICE: 1, BOB: 0}, bad=(Note(2, "no colon"),))


def test_every_user_is_found() -> None:
    verdict = users_verdicts.of_answers(GOOD, {})
    assert (verdict.status, verdict.reason) == ("True", "AllFound")
    assert "2 users" in verdict.message
    corrected = Report({ALICE: 1}, corrected=(Note(1, "capital letters in the user"),))
    assert "line 1 (capital letters" in users_verdicts.of_answers(corrected, {}).message


def test_wrong_lines_are_named_whatever_dovecot_says() -> None:
    for verdict in (users_verdicts.of_report(WRONG), users_verdicts.of_answers(WRONG, {})):
        assert verdict
        assert (verdict.status, verdict.reason) == ("False", "LinesIgnored")
        assert "line 2 (no colon)" in verdict.message
        assert "from the last good file until they are correct: 1 user" in verdict.message


@pytest.mark.parametrize(("reply", "words"), [(NOBODY, "does not find"), (LATER, "451")])
def test_a_user_of_whom_there_is_no_proof_is_named_by_line(reply: str, words: str) -> None:
    verdict = users_verdicts.of_answers(GOOD, {BOB: answer(reply)})
    assert (verdict.status, verdict.reason) == ("False", "UsersRefused")
    assert "(line 2)" in verdict.message
    assert words in verdict.message
    assert "bob" not in verdict.message


def test_a_file_that_is_not_in_use_says_why() -> None:
    problem = bad(Reason.TOO_FEW_USERS, "few")
    assert users_verdicts.of_answers(Report({ALICE: 0}, problem=problem), {}) == problem


def test_thousands_of_lines_are_told_in_one_message() -> None:
    report = Report({ALICE: 1}, bad=tuple(Note(number, "no colon") for number in range(2, 8000)))
    verdict = users_verdicts.of_report(report)
    assert verdict
    assert "and 7988 more" in verdict.message
    assert len(verdict.message) < 1024


@pytest.mark.parametrize(("address", "count"), [(None, 0), (ALICE, 0), ("postmaster@example.org", 1)])
def test_a_postmaster_who_is_no_user_is_a_warning(address: str | None, count: int) -> None:
    found = users_verdicts.of_postmaster(GOOD, address)
    assert [warning.reason for warning in found] == ["PostmasterWithoutUser"] * count
    assert all("no user of the users file is postmaster@example.org" in warning.message for warning in found)


def test_users_of_other_domains_are_a_warning() -> None:
    report = Report({ALICE: 1, "x@example.net": 2, "y@example.com": 5})
    [warning] = users_verdicts.of_domains(report, ("example.org",))
    assert warning.reason == "ForeignDomain"
    assert "lines 2, 5" in warning.message
    assert users_verdicts.of_domains(GOOD, ("example.org",)) == []
