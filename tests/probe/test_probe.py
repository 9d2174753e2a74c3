"""The whole program against servers on loopback: what it prints, serves and survives, and that SIGTERM ends it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from mailstack_probe import listeners, loops, volumes
from mailstack_probe.board import Board
from mailstack_probe.checks.check import OFTEN, SELDOM
from mailstack_probe.contract import LMTP, SMTP, USERS, VERIFICATION, WARNINGS, ProbeOptions
from mailstack_probe.listeners import InetListener, UnixListener
from mailstack_probe.loops import Loop
from mailstack_probe.passwd import Note
from mailstack_probe.probe import Probe
from mailstack_probe.reasons import Reason
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import good
from tests.probe.servers import free_port, playing

HELLO = ["220 mail Dovecot ready.", "250 mail", "250 2.1.0 OK"]
LMTP_GOOD = [*HELLO, "550 5.1.1 User doesn't exist", "250 2.1.5 OK", "250 OK", "221 Bye"]
SMTP_GOOD = [*HELLO, "550 5.1.1 undeliverable address: host x said: 550 5.1.1 User doesn't exist", "221 Bye"]
COMMON = ["--domain=example.org", "--stack=post/mail", "--port=9100"]


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def fetch(port: int, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mailstack_probe", *arguments]
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[2] / "operator"),
        "POD_NAME": "mail-0",
        "POD_UID": "1",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(free_port()),
    }
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def users(tmp_path: Path) -> Path:
    file = tmp_path / "report.json"
    file.write_text(Report({"alice@example.org": 1}).to_json())
    return file


@pytest.fixture
def arguments(tmp_path: Path, users: Path) -> list[str]:
    store = tmp_path / "mail"
    store.mkdir()
    ids = tmp_path / "ids"
    # The tests may run as root, and have no other user to become.
    ids.write_text("uid=0\ngid=0\n")
    return [*COMMON, f"--ids={ids}", f"--users={users}", f"--store={store}", f"--credentials={tmp_path}"]


def test_it_serves_its_verdicts_and_ends_at_once_when_told(arguments: list[str], tmp_path: Path) -> None:
    port = free_port()
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"), playing(SMTP_GOOD) as smtp:
        verified = [f"--verification={smtp.port}", "--expect=550"]
        whole = [*arguments, f"--lmtp=unix:{tmp_path}/lmtp", f"--smtp={smtp.port}", *verified, f"--port={port}"]
        with running(*whole) as process:
            until(lambda: 'mailstack_verification_enforced{domain="example.org"} 1\n' in fetch(port, "/metrics"))
            until(lambda: "mailstack_lmtp_up 1\n" in fetch(port, "/metrics"))
            # Nobody is there to report to: that is counted, and no reason to end.
            until(lambda: 'mailstack_probe_reports_total{result="error"} 0\n' not in fetch(port, "/metrics"))
            assert fetch(port, "/healthz") == "ok\n"
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=5)
    assert process.returncode == 0
    assert "mailstack: lmtp True Reachable: " in output
    assert output.count("the verdicts cannot be written; the next try is in a few seconds: ") == 1


def probe(*arguments: str) -> Probe:
    return Probe(ProbeOptions.parse(arguments), Board())


def test_a_check_that_fails_itself_leaves_no_former_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"):
        found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp")
        [check] = found.watched
        check.turn()
        former = found.board.verdict(LMTP)
        monkeypatch.setattr("mailstack_probe.lmtp.examine", lambda *_: 1 / 0)
        check.turn()
    verdict = found.board.verdict(LMTP)
    assert former
    assert former.good
    assert verdict
    assert (verdict.status, verdict.reason) == ("Unknown", "CheckFailed")


def test_what_dovecot_warns_of_is_read_once_it_answers(tmp_path: Path) -> None:
    """Fault: with pods of its own it checks its files after the start of the probe, which then knew of no warning."""
    warnings = tmp_path / "warnings"
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--dovecot-warnings={warnings}")
    lmtp_turn(found)
    assert WARNINGS not in found.board.parts()
    warnings.write_text("doveconf: Warning: a limit is low\n")
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"):
        lmtp_turn(found)
    assert "a limit is low" in str(found.board.parts()[WARNINGS])


def lmtp_turn(found: Probe) -> str:
    """The reason after one more check."""
    found.watched[0].turn()
    verdict = found.board.verdict(LMTP)
    return verdict.reason if verdict else ""


def test_dovecots_answers_tell_more_than_the_report_on_its_users(tmp_path: Path, users: Path) -> None:
    users.unlink()
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--users={users}")
    assert lmtp_turn(found) == "Starting"
    found.pod.patience[LMTP].temper(good(Reason.REACHABLE, ""), 0.0)
    assert lmtp_turn(found) == "NoSocket"
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"):
        assert lmtp_turn(found) == "NoCanary"
        users.write_text(Report({"alice@example.org": 1}).to_json())
        assert lmtp_turn(found) == "Reachable"


def test_a_user_who_is_new_in_the_file_is_given_time(tmp_path: Path, users: Path) -> None:
    refuses = [*LMTP_GOOD[:4], "550 5.1.1 User doesn't exist", *LMTP_GOOD[5:]]
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--users={users}")
    with playing(
        LMTP_GOOD, refuses, refuses, refuses, [*LMTP_GOOD[:4], *LMTP_GOOD[5:]], path=tmp_path / "lmtp"
    ) as server:
        assert lmtp_turn(found) == "Reachable"
        users.write_text(Report({"bob@example.org": 1}).to_json())
        assert lmtp_turn(found) == "Reachable"
    assert server.heard[1][3] == "RCPT TO:<bob@example.org>"
    assert server.heard[4][3] == "RSET"


def test_without_a_canary_dovecot_is_not_known_to_work(tmp_path: Path) -> None:
    """Promise: a user source that names no canary is never True. The pod of Postfix alone sees the path only."""
    (tmp_path / "mail").mkdir()
    beside_dovecot = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--store={tmp_path}/mail")
    beside_postfix = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp")
    beside_dovecot.others[0].turn()
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"):
        assert lmtp_turn(beside_dovecot) == "NoCanary"
        assert lmtp_turn(beside_postfix) == "Reachable"
    verdict = beside_dovecot.board.verdict(LMTP)
    assert verdict
    assert verdict.status == "Unknown"


def users_turn(found: Probe) -> str:
    """The reason after one more check of the users."""
    next(loop for loop in found.others if loop.name == USERS).turn()
    verdict = found.board.verdict(USERS)
    return f"{verdict.status} {verdict.reason}" if verdict else ""


BATCH = [*HELLO, "250 2.1.5 OK", "250 OK", "250 2.1.0 OK", "221 Bye"]
REFUSED = [*HELLO, "550 5.1.1 User doesn't exist", "250 OK", "250 2.1.0 OK", "221 Bye"]


def test_dovecot_is_asked_about_all_users_once(tmp_path: Path, users: Path) -> None:
    """Promise: at idle nobody is asked again; only after a change of the file, or an end of Dovecot."""
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--users={users}")
    assert users_turn(found) == "Unknown Starting"
    with playing(LMTP_GOOD, BATCH, LMTP_GOOD, REFUSED, path=tmp_path / "lmtp") as server:
        lmtp_turn(found)
        assert users_turn(found) == "True AllFound"
        assert users_turn(found) == "True AllFound"
        lmtp_turn(found)
        assert len(server.heard) == 3
    (tmp_path / "lmtp").unlink()
    assert lmtp_turn(found) == "NoSocket"
    # What was found stays until Dovecot can be asked again.
    assert users_turn(found) == "True AllFound"
    with playing(LMTP_GOOD, REFUSED, path=tmp_path / "lmtp"):
        lmtp_turn(found)
        assert users_turn(found) == "False UsersRefused"


def test_the_check_of_users_says_what_the_file_is_at_once(tmp_path: Path, users: Path) -> None:
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--users={users}")
    found.pod.patience[USERS].temper(good(Reason.ALL_FOUND, ""), 0.0)
    users.write_text(Report({"alice@example.net": 1}, (Note(2, "no colon"),)).to_json())
    assert users_turn(found) == "False LinesIgnored"
    assert "'reason': 'ForeignDomain'" in str(found.board.parts()[WARNINGS])
    users.unlink()
    assert users_turn(found) == "Unknown UsersUnreadable"


def test_a_source_that_names_nobody_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--store={tmp_path}/mail")
    assert users_turn(found) == "Unknown NoCanary"


def test_mail_that_cannot_be_written_is_not_reachable(arguments: list[str], tmp_path: Path) -> None:
    found = probe(*arguments, f"--lmtp=unix:{tmp_path}/lmtp")
    found.pod.patience[LMTP].temper(good(Reason.REACHABLE, ""), 0.0)
    with playing(LMTP_GOOD, path=tmp_path / "lmtp"):
        assert lmtp_turn(found) == "Starting"
        (tmp_path / "mail").rmdir()
        found.others[0].turn()
        assert lmtp_turn(found) == "StoreNotWritable"
        (tmp_path / "mail").mkdir()
        found.others[0].turn()
        assert lmtp_turn(found) == "Reachable"


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [("250 2.1.0 OK", SELDOM), ("452 4.3.1 Insufficient system storage", SELDOM), ("451 4.7.1 try later", OFTEN)],
    ids=["it works", "the queue volume is full", "a filter is away"],
)
def test_a_full_queue_is_asked_about_seldom(tmp_path: Path, reply: str, seconds: float) -> None:
    """Postfix writes a message to the postmaster each time."""
    with playing([*HELLO[:2], reply, "221 Bye"]) as server:
        found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", f"--smtp={server.port}")
        (turn,) = [loop for loop in found.others if loop.name == SMTP]
        assert turn.turn() == seconds


def test_a_loop_outlives_its_failures(capsys: pytest.CaptureFixture[str]) -> None:
    turns: list[int] = []

    def turn() -> float:
        turns.append(1)
        if len(turns) == 1:
            raise ValueError("oh")
        return 3600.0

    loop = Loop("test", turn)
    loop.start()
    until(lambda: len(turns) == 2)
    loop.wake()
    until(lambda: len(turns) == 3)
    assert capsys.readouterr().out == "mailstack: test: unexpected error: ValueError('oh')\n"


def test_a_loop_that_does_not_turn_is_stuck() -> None:
    loop = Loop("test", lambda: 0.0)
    assert loops.stuck([loop], 60.0) == []
    loop.turned_at -= 61
    assert loops.stuck([loop], 60.0) == ["test"]


def test_a_port_that_is_awaited_is_looked_for_often() -> None:
    """Fault: a start that takes seconds more until the status tells of it."""
    with playing() as server:
        ports = [f"--smtp={server.port}", f"--verification={server.port}", "--expect=550", "--lmtp=unix:/none"]
        (loop,) = (each for each in Probe(ProbeOptions.parse([*COMMON, *ports]), Board()).others if each.name == "port")
        assert loop.turn() == OFTEN
    assert loop.turn() < 1.0


@pytest.mark.parametrize(
    ("place", "listener"),
    [
        ("unix:/run/lmtp", UnixListener(Path("/run/lmtp"))),
        ("inet:mail-dovecot.post.svc:24", InetListener("mail-dovecot.post.svc", 24)),
        ("inet:[::1]:24", InetListener("::1", 24)),
    ],
)
def test_where_dovecot_listens(place: str, listener: UnixListener | InetListener) -> None:
    assert listeners.listener(ProbeOptions.parse([*COMMON, f"--lmtp={place}"]).lmtp) == listener


@pytest.mark.parametrize("place", ["unix:lmtp", "inet:host", "inet:host:lmtp", "tcp:host:24", ""])
def test_another_place_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ProbeOptions.parse([*COMMON, f"--lmtp={place}"])
    assert "is neither unix:/PATH nor inet:HOST:PORT" in capsys.readouterr().err


def test_a_queue_without_inodes_is_told_as_that_though_postfix_accepts_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postfix looks at bytes alone. A question to Dovecot is a message too, so it waits for an answer for ever."""
    pending = [*HELLO, "450 4.1.1 unverified address: Address verification in progress", "221 Bye"]
    with playing([*HELLO, "221 Bye"]) as smtp, playing(pending) as verification:
        monkeypatch.setattr("mailstack_probe.checks.check.GRACE", 0.0)
        ports = [f"--smtp={smtp.port}", f"--verification={verification.port}", "--expect=550"]
        found = probe(*COMMON, f"--lmtp=unix:{tmp_path}/lmtp", *ports, f"--queue={tmp_path}", "--message-size=1000")
        room = volumes.Room(free=1 << 30, size=1 << 30, free_inodes=3, inodes=1000)
        monkeypatch.setattr(volumes, "look", lambda _: room)
        loops = {each.name: each for each in found.others}
        for name in ("volumes", SMTP, VERIFICATION):
            loops[name].turn()
    verdicts = [found.board.verdict(check) for check in (SMTP, VERIFICATION)]
    assert [verdict.reason for verdict in verdicts if verdict] == ["QueueFull", "QueueFull"]
    assert [each["reason"] for each in found.board.parts()[WARNINGS] if isinstance(each, dict)] == ["VolumeNearlyFull"]
