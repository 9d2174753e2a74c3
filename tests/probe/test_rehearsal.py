"""The rehearsal against servers on loopback: its exit status, its last line, and how long it takes."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstack_probe import rehearsal
from mailstack_probe.contract import NO_ANSWER
from mailstack_probe.rehearsal import Check, UnknownRecipient
from mailstack_probe.sessions import Problem, Unanswered
from tests.probe.keys import Pair
from tests.probe.servers import SILENCE, Script, free_port, playing

WHO = "nobody@example.org"
IMAP = ["* OK [CAPABILITY IMAP4rev1] Dovecot ready."]
SIEVE = ['"IMPLEMENTATION" "Dovecot Pigeonhole"\n"SIEVE" "fileinto"\nOK "Dovecot ready."']
HELLO = ["220 mail.example.org ESMTP Postfix", "250-mail.example.org\n250 SIZE"]
REFUSED = f"550 5.1.1 <{WHO}>: undeliverable address: host x[private/dovecot-lmtp] said: 550 5.1.1 User doesn't exist"
PENDING = "450 4.1.1 unverified address: Address verification in progress"
NO_SOCKET = "450 4.1.1 unverified address: connect to x[private/dovecot-lmtp]: No such file or directory"

Seconds = Callable[[float], None]


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """Sets the limit of the whole rehearsal; enough for loopback unless a test wants to see it reached."""

    def limit(value: float) -> None:
        monkeypatch.setattr(rehearsal, "REHEARSAL_LIMIT", value)

    monkeypatch.setattr(rehearsal, "PAUSE", 0.02)
    limit(10)
    return limit


def asked(*replies: str) -> Script:
    """A session up to RCPT, with the replies to MAIL and RCPT."""
    return [*HELLO, *replies]


def unknown(port: int, expected: int = 550) -> Check:
    return Check("SMTP", port, UnknownRecipient(WHO, expected))


def problem(*checks: Check) -> str:
    """The sentence with which the rehearsal ends."""
    with pytest.raises(Problem) as found:
        rehearsal.rehearse(checks)
    return str(found.value)


def test_the_last_line_is_where_the_kubelet_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fault: a kubelet that read the log before its last line was there said `SMTP on port 25 works` of a failure."""
    message = tmp_path / "termination-log"
    monkeypatch.setattr(rehearsal, "TERMINATION_LOG", message)
    rehearsal._say_last("mailstack: nowhere")
    assert not message.exists()

    message.touch()
    rehearsal._say_last("mailstack: SMTP answered 451")
    assert message.read_text() == "mailstack: SMTP answered 451"


def test_servers_that_greet_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with playing(IMAP) as imap, playing(SIEVE) as sieve, playing(asked("250 Ok")) as smtp:
        rehearsal.rehearse(
            [
                Check("IMAP", imap.port, rehearsal.imap),
                Check("ManageSieve", sieve.port, rehearsal.sieve),
                Check("SMTP", smtp.port, rehearsal.smtp),
            ]
        )
    assert capsys.readouterr().out.splitlines() == [
        f"mailstack: IMAP on port {imap.port} works",
        f"mailstack: ManageSieve on port {sieve.port} works",
        f"mailstack: SMTP on port {smtp.port} works",
    ]


def test_tls_from_the_start_passes_with_any_certificate(good: Pair, tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    file.write_bytes(good.key + good.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with playing(IMAP, context=context) as server:
        rehearsal.rehearse([Check("IMAP with TLS", server.port, rehearsal.imap, tls=True)])


def test_no_tls_where_it_must_be_is_told() -> None:
    with playing(IMAP) as server:
        words = problem(Check("IMAP with TLS", server.port, rehearsal.imap, tls=True))
    assert words.startswith(f"IMAP with TLS on port {server.port} does not complete the TLS handshake: ")


def test_a_refused_unknown_address_passes() -> None:
    with playing(asked("250 2.1.0 Ok", REFUSED)) as server:
        rehearsal.rehearse([unknown(server.port)])
    assert server.heard == [["EHLO localhost", "MAIL FROM:<>", f"RCPT TO:<{WHO}>"]]


def test_an_accepted_unknown_address_is_told_at_once() -> None:
    with playing(asked("250 2.1.0 Ok", "250 2.1.5 Ok")) as server:
        words = problem(unknown(server.port))
    assert words.startswith(f"Postfix accepts {WHO}, which does not exist (250 2.1.5 Ok): ")
    assert len(server.heard) == 1


def test_a_pending_answer_is_asked_for_again() -> None:
    with playing(asked("250 Ok", PENDING), asked("250 Ok", REFUSED)) as server:
        rehearsal.rehearse([unknown(server.port)])
    assert [heard[-1] for heard in server.heard] == [f"RCPT TO:<{WHO}>"] * 2


def test_after_a_temporary_answer_another_address_is_asked_for() -> None:
    """verify(8) would give the former one the same answer for minutes."""
    with playing(asked("250 Ok", NO_SOCKET), asked("250 Ok", NO_SOCKET), asked("250 Ok", REFUSED)) as server:
        rehearsal.rehearse([unknown(server.port)])
    assert [heard[-1] for heard in server.heard] == [
        f"RCPT TO:<{WHO}>",
        "RCPT TO:<nobody-2@example.org>",
        "RCPT TO:<nobody-3@example.org>",
    ]


def test_a_temporary_answer_that_stays_is_the_problem(seconds: Seconds) -> None:
    seconds(0.5)
    with playing(asked("250 Ok", NO_SOCKET)) as server:
        assert problem(unknown(server.port)).endswith(f"; it answered {NO_SOCKET}")
    assert len(server.heard) > 2


AWAY = (
    f"450 4.1.1 <{WHO}>: unverified address: host x[private/dovecot-lmtp] said: 451 4.3.0 <x> Temporary internal error"
)


OF_QUOTA = f"450 4.7.1 <{WHO}>: Recipient address rejected: Temporary internal error"


@pytest.mark.parametrize("reply", [AWAY, OF_QUOTA, PENDING])
def test_an_external_source_that_is_away_is_no_mistake_whatever_the_logs_say(
    seconds: Seconds, tmp_path: Path, reply: str
) -> None:
    """Fault: an outage of the database called the changed configuration wrong."""
    seconds(3.0)
    log = tmp_path / "dovecot.log"
    log.write_text("auth: Error: pgsql(db): Connect failed\n")
    with playing(asked("250 Ok", reply)) as server:
        check = Check("SMTP", server.port, UnknownRecipient(WHO, 550, "sql"))
        with pytest.raises(Problem) as found:
            rehearsal.rehearse([check])
    assert str(found.value).startswith("spec.users.sql is unavailable, or does not find its canary: ")
    assert rehearsal._is_no_verdict(found.value, log.read_text())


def test_another_failure_of_postfix_is_one_with_any_source(seconds: Seconds) -> None:
    seconds(3.0)
    with playing(asked("250 Ok", NO_SOCKET)) as server:
        check = Check("SMTP", server.port, UnknownRecipient(WHO, 550, "sql"))
        with pytest.raises(Problem) as found:
            rehearsal.rehearse([check])
    assert not rehearsal._is_no_verdict(found.value, "a line")


def test_what_was_said_before_a_silence_is_the_problem(seconds: Seconds) -> None:
    """The last try ends while Postfix still waits for Dovecot."""
    seconds(0.5)
    with playing(asked("250 Ok", PENDING), asked("250 Ok", SILENCE)) as server:
        assert problem(unknown(server.port)).endswith(f"; it answered {PENDING}")
    assert len(server.heard) == 2


def test_another_code_for_dovecots_word_is_told_at_once() -> None:
    refused = REFUSED.replace("550", "450", 1)
    with playing(asked("250 Ok", refused)) as server:
        assert problem(unknown(server.port)).endswith(f"; it answered {refused}")
    assert len(server.heard) == 1


def test_a_mistake_in_the_configuration_is_told_at_once() -> None:
    with playing(asked("451 4.3.5 Server configuration error")) as server:
        assert problem(unknown(server.port)) == (
            f"Postfix answered MAIL with 451 4.3.5 Server configuration error, so it cannot be asked about {WHO}"
        )
    assert len(server.heard) == 1


def test_421_is_of_the_server_and_is_tried_again() -> None:
    with playing(["421 4.3.2 All server ports are busy"], asked("250 Ok")) as server:
        rehearsal.rehearse([Check("SMTP", server.port, rehearsal.smtp)])
    assert len(server.heard) == 2


@pytest.mark.parametrize("reply", ["421 4.3.2 All server ports are busy", "452 4.3.1 Insufficient system storage"])
def test_a_server_without_room_says_nothing_about_the_configuration(reply: str, seconds: Seconds) -> None:
    seconds(0.5)
    with playing(asked(reply)) as server, pytest.raises(Unanswered, match=reply):
        rehearsal.rehearse([Check("SMTP", server.port, rehearsal.smtp)])


@pytest.mark.parametrize(
    "script",
    [
        ["421 mail.example.org Service unavailable - try again later"],
        asked("451 4.7.1 Service unavailable - try again later"),
    ],
)
def test_a_filter_that_is_away_is_no_mistake_in_the_configuration(script: Script) -> None:
    with playing(script) as server:
        rehearsal.rehearse([Check("SMTP", server.port, rehearsal.smtp)])


def test_submission_is_asked_up_to_ehlo_as_mail_needs_a_login() -> None:
    with playing(asked("530 5.7.0 Must issue a STARTTLS command first")) as server:
        rehearsal.rehearse([Check("Submission", server.port, rehearsal.submission)])


def test_a_closed_session_is_told_at_once() -> None:
    with playing(HELLO) as server:
        assert problem(unknown(server.port)) == (
            f"SMTP on port {server.port} closed the connection; see the server's log"
        )
    assert len(server.heard) == 1


def test_a_silent_server_is_told_at_the_deadline(seconds: Seconds) -> None:
    seconds(0.5)
    start = time.monotonic()
    with playing([SILENCE]) as server:
        assert problem(Check("IMAP", server.port, rehearsal.imap)) == (
            f"IMAP on port {server.port} accepted the connection, but does not answer; see the server's log"
        )
    assert time.monotonic() - start < 2


def test_a_server_that_does_not_start_is_told_at_the_deadline(seconds: Seconds) -> None:
    seconds(0.5)
    port = free_port()
    assert problem(Check("IMAP", port, rehearsal.imap)) == (
        f"the connection to IMAP on port {port} failed (Connection refused): the server did not start; see its log"
    )


def test_another_service_on_the_port_is_told() -> None:
    with playing(IMAP) as imap, playing(["* BYE too busy"]) as busy, playing(['BYE "no"']) as sieve:
        assert problem(Check("SMTP", imap.port, rehearsal.smtp)).endswith(f"does not speak SMTP: {IMAP[0]}")
        assert problem(Check("IMAP", busy.port, rehearsal.imap)).endswith("with `* OK`: * BYE too busy")
        assert problem(Check("ManageSieve", sieve.port, rehearsal.sieve)).endswith('and OK: BYE "no"')


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mailstack_probe.rehearsal", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "operator")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables)


def run(*arguments: str) -> tuple[int, list[str]]:
    """Exit status and lines."""
    with start(*arguments) as process:
        out, _ = process.communicate(timeout=30)
        return process.returncode, out.splitlines()


def test_the_command_ends_with_0_when_all_is_well() -> None:
    other = REFUSED.replace("example.org", "example.net")
    scripts = [asked("250 Ok"), asked("250 Ok", REFUSED), asked("250 Ok", other)]
    with playing(IMAP) as imap, playing(*scripts) as smtp:
        ports = ("--smtp", str(smtp.port), "--verification", str(smtp.port), "--imap", str(imap.port))
        status, lines = run(*ports, "--unknown", WHO, "--unknown", "nobody@example.net", "--expect", "550")
    assert (status, len(lines)) == (0, 4)
    assert lines[0] == f"mailstack: IMAP on port {imap.port} works"
    assert [heard[-1] for heard in smtp.heard[1:3]] == [f"RCPT TO:<{WHO}>", "RCPT TO:<nobody@example.net>"]


def test_the_command_ends_with_1_and_the_problem_on_the_last_line() -> None:
    with playing(IMAP) as imap, playing(asked("250 Ok", "250 2.1.5 Ok")) as smtp:
        ports = ("--verification", str(smtp.port), "--imap", str(imap.port))
        status, lines = run(*ports, "--unknown", WHO, "--expect", "550")
    assert status == 1
    assert lines[-1].startswith(f"mailstack: Postfix accepts {WHO}, which does not exist (250 2.1.5 Ok): ")


# Of Dovecot 2.4.1 with two hosts of MySQL, both of which are away.
LOST = "auth: Error: mysql(db2): Connect failed to database (mail): Can't connect to server on 'db2' (115)\n"
DIED = "auth: Fatal: master: service(auth): child 31 killed with signal 11\n"


@pytest.mark.parametrize(
    ("source", "log", "status"), [("sql", LOST + DIED, NO_ANSWER), ("sql", DIED, 1), (None, LOST + DIED, 1)]
)
def test_an_auth_process_that_died_of_an_outage_is_no_mistake(
    tmp_path: Path, source: str | None, log: str, status: int
) -> None:
    """Fault: a change that was refused for good because both hosts of a database were away."""
    file = tmp_path / "dovecot.log"
    file.write_text(log)
    with playing(["* BYE Auth process broken"]) as imap:
        words = ["--source", source] if source else []
        found, lines = run("--imap", str(imap.port), "--log", str(file), *words)
    assert (found, lines[-1].startswith("mailstack: spec.users.sql is unavailable: ")) == (status, status == NO_ANSWER)


def test_unknown_addresses_need_a_port_and_an_answer() -> None:
    status, lines = run("--unknown", WHO)
    assert status == 2
    assert lines[-1].endswith("--unknown needs --verification and --expect")


def test_the_command_ends_at_once_when_told() -> None:
    with playing([SILENCE]) as imap, start("--imap", str(imap.port)) as process:
        while not imap.heard:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=2)[0] == "mailstack: stopped by SIGTERM\n"
        assert process.returncode == 1
