"""Mail for Dovecot is retried soon after an outage, and outgoing mail is left to Postfix's own back-off."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mailstack_probe import retries, verdicts
from mailstack_probe.board import Board
from mailstack_probe.contract import LMTP, ProbeOptions
from mailstack_probe.loops import Loop
from mailstack_probe.probe import Probe
from mailstack_probe.reasons import Reason
from mailstack_probe.retries import LONGEST, SETTLED, SETTLED_AT_LAST, SHORTEST, Pace, Waiting
from mailstack_probe.verdicts import Verdict
from tests.probe.queue_files import head
from tests.probe.servers import Server, playing

ETRN = ["220 mail ESMTP", "250 mail", "250 Queuing started", "221 Bye"]
REFUSED, GOOD = verdicts.bad(Reason.CONNECTION_REFUSED, ""), verdicts.good(Reason.REACHABLE, "")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A queue directory in which a message for sub-1.example.org waits."""
    (tmp_path / "flush").mkdir()
    (tmp_path / "flush" / "sub_1_example_org").write_text("AE134B98225\n")
    (tmp_path / "flush" / "example_org").touch()
    return tmp_path


def test_a_domain_with_deferred_mail_is_found(spool: Path) -> None:
    assert Waiting(spool, ["example.org", "sub-1.example.org", "example.com"]).domains() == ["sub-1.example.org"]


def test_a_spool_without_notes_has_none(tmp_path: Path) -> None:
    assert Waiting(tmp_path, ["example.org"]).domains() == []


def test_retries_become_rarer_until_dovecot_is_back() -> None:
    pace = Pace()
    due = [now for now in range(1000) if pace.is_due(now)]
    assert due[:6] == [0, 10, 30, 70, 150, 270]
    assert due[-1] - due[-2] == LONGEST
    pace.reset()
    assert [now for now in range(1000, 1020) if pace.is_due(now)] == [1000, 1000 + SHORTEST]


def test_a_retry_waits_until_the_one_before_has_settled() -> None:
    pace = Pace()
    assert pace.is_due(1000)
    pace.reset()
    assert not pace.is_due(1000 + SETTLED - 0.1)
    assert pace.is_due(1000 + SETTLED)


def test_postfix_is_asked_for_each_domain() -> None:
    with playing([*ETRN[:2], "250 Queuing started", "250 Queuing started", "221 Bye"]) as server:
        retries.request(server.port, ["example.org", "example.com"])
    assert server.heard == [["EHLO localhost", "ETRN example.org", "ETRN example.com", "QUIT"]]


@pytest.mark.parametrize("script", [["421 mail too busy"], ["220 mail ESMTP"], []])
def test_a_postfix_that_does_not_answer_is_asked_again_later(script: list[str]) -> None:
    with playing(script) as server:
        retries.request(server.port, ["example.org"])
    assert len(server.heard) == 1


@contextmanager
def retrying(spool: Path) -> Iterator[tuple[Server, Board, Loop]]:
    """Postfix, the board without a verdict on Dovecot, and the loop of the retries."""
    with playing(ETRN) as server:
        command = ["--lmtp=unix:/none", "--domain=sub-1.example.org", "--stack=post/mail", "--port=9100"]
        command += [f"--verification={server.port}", "--expect=550", f"--queue={spool}"]
        board = Board()
        (loop,) = (each for each in Probe(ProbeOptions.parse(command), board).others if each.name == "retries")
        yield server, board, loop


def asked(spool: Path, *found: Verdict) -> int:
    """How often Postfix is asked in one turn after each of the verdicts on Dovecot."""
    with retrying(spool) as (server, board, loop):
        for verdict in found:
            board.put(LMTP, verdict)
            loop.turn()
    return len(server.heard)


def test_no_retry_before_dovecot_answers(spool: Path) -> None:
    assert asked(spool, REFUSED, REFUSED) == 0
    assert asked(spool, REFUSED, GOOD) == 1


def test_a_dovecot_that_defers_what_it_is_sent_is_not_asked_at_every_turn(spool: Path) -> None:
    assert asked(spool, GOOD, GOOD, GOOD) == 1


@pytest.mark.parametrize(
    ("age", "seconds", "times"),
    [
        (7000, 20.0, 1),
        # It has arrived since, and may take long itself.
        (0, 20.0, 2),
        # It may be for another server, for minutes.
        (7000, SETTLED_AT_LAST + 1.0, 2),
    ],
    ids=["retried", "new", "slow"],
)
def test_a_retry_waits_for_what_the_one_before_set_going(
    spool: Path, monkeypatch: pytest.MonkeyPatch, age: int, seconds: float, times: int
) -> None:
    """Fault: flush(8) forgets a message that is noted as deferred and not there yet."""
    with retrying(spool) as (server, board, loop):
        board.put(LMTP, GOOD)
        loop.turn()
        (spool / "active").mkdir()
        (spool / "active" / "AE134B98225").write_bytes(head(int(time.time()) - age))
        later = time.monotonic() + seconds
        monkeypatch.setattr(time, "monotonic", lambda: later)
        loop.turn()
    assert len(server.heard) == times


def test_a_retry_that_takes_long_does_not_make_the_next_one_soon(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: a Dovecot that defers each message after seconds is sent it again and again: meanwhile none is noted."""
    noted = spool / "flush" / "sub_1_example_org"
    active = spool / "active" / "AE134B98225"
    active.parent.mkdir()
    start = time.monotonic()
    with retrying(spool) as (server, board, loop):
        board.put(LMTP, GOOD)
        for second in range(0, 90, 5):
            monkeypatch.setattr(time, "monotonic", partial(float, start + second))
            asked_before = len(server.heard)
            loop.turn()
            if len(server.heard) > asked_before:
                noted.write_text("")
                active.write_bytes(head(0))
            elif active.exists():
                active.unlink()
                noted.write_text("AE134B98225\n")
    assert len(server.heard) == 4


def test_nothing_is_asked_while_nothing_waits(spool: Path) -> None:
    (spool / "flush" / "sub_1_example_org").write_text("")
    assert asked(spool, GOOD) == 0
