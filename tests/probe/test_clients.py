"""The ports for mail programs: a greeting on each, a login that must be refused, and how many sessions there are."""

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailstack_probe import clients, dovecot_warnings, smtp
from mailstack_probe.clients import Clients
from mailstack_probe.contract import CLIENTS, ProbeOptions
from mailstack_probe.reasons import BY_CHECK
from mailstack_probe.verdicts import Verdict
from tests.probe.keys import Pair
from tests.probe.servers import SILENCE, Script, free_port, playing

IMAP = ["* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready."]
NO = "1 NO [AUTHENTICATIONFAILED] Authentication failed."
SIEVE = ['"IMPLEMENTATION" "Dovecot Pigeonhole"\n"SASL" "PLAIN"\nOK "Dovecot ready."']
SUBMISSION = ["220 mail.example.org ESMTP Postfix", "250-mail.example.org\n250 AUTH PLAIN LOGIN"]
DENIED = "535 5.7.8 Error: authentication failed:"


@pytest.fixture
def context(good: Pair, tmp_path: Path) -> ssl.SSLContext:
    file = tmp_path / "tls.pem"
    file.write_bytes(good.key + good.certificate)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(file)
    return found


def options(**ports: int) -> ProbeOptions:
    given = [f"--{name}={port}" for name, port in ports.items()]
    return ProbeOptions.parse(["--lmtp=inet:x:24", "--domain=example.org", "--stack=post/mail", "--port=9100", *given])


def check(**ports: int) -> Verdict:
    verdict = Clients(options(**ports)).check()
    assert verdict.reason in BY_CHECK[CLIENTS]
    return verdict


def test_every_port_greets_and_a_login_is_refused() -> None:
    with playing([*IMAP, NO]) as imap, playing(SIEVE) as sieve, playing([*SUBMISSION, "221 Bye"]) as submission:
        verdict = check(imap=imap.port, sieve=sieve.port, submission=submission.port)
    assert (verdict.status, verdict.reason) == ("True", "Serving")
    assert imap.heard == [['1 LOGIN "mailstack-probe@example.org" "not-a-password"']]
    assert sieve.heard == [[]]
    assert submission.heard == [["EHLO localhost", "QUIT"]]


def test_with_tls_the_logins_are_on_the_ports_that_begin_with_it(context: ssl.SSLContext) -> None:
    with (
        playing(IMAP) as imap,
        playing([*IMAP, NO], context=context) as imaps,
        playing([*SUBMISSION, DENIED, "221 Bye"], context=context) as submissions,
    ):
        verdict = check(imap=imap.port, imaps=imaps.port, submissions=submissions.port)
    assert verdict.good, verdict
    assert imap.heard == [[]]
    assert [lines[-1].split()[:2] for lines in imaps.heard] == [["1", "LOGIN"]]
    assert [line.split()[0] for line in submissions.heard[0]] == ["EHLO", "AUTH", "QUIT"]


TOKENS = ["* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] Dovecot ready."]


def challenge(text: str) -> str:
    return f"+ {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([challenge('{"schemes":"bearer","status":"401","scope":"mail"}'), NO], "Serving"),
        ([NO], "Serving"),
        ([challenge('{"schemes":"bearer","status":"500","scope":"mail"}'), NO], "ProviderUnavailable"),
        (["1 NO [UNAVAILABLE] Temporary authentication failure."], "ProviderUnavailable"),
        (["* CAPABILITY IMAP4rev1\n1 OK Logged in"], "AcceptsAnyPassword"),
        (["1 BAD what"], "UnexpectedReply"),
    ],
    ids=["refused", "refused-without-a-challenge", "2.4", "2.3", "accepted", "no-mechanism"],
)
def test_a_token_of_nobody_tells_whether_the_provider_answers(
    context: ssl.SSLContext, answers: list[str], reason: str
) -> None:
    """Fault: nobody with a token gets in, and the status says that all is well. 2.3 and 2.4 say it each in its way."""
    with playing([*IMAP, NO], [*TOKENS, *answers], context=context) as imaps:
        verdict = check(imaps=imaps.port, tokens=1)
    assert verdict.reason == reason
    (_, (said, *ends)) = imaps.heard
    assert said.startswith("1 AUTHENTICATE XOAUTH2 ")
    assert ends == [""] * sum(one.startswith("+") for one in answers)


def test_refused_tokens_delay_no_password(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: Dovecot delays an address that has had refusals, by more than Postfix waits for an answer: measured, the
    probe's own tokens made its login at port 465 look unavailable."""
    connect, sources = socket.create_connection, list[object]()

    def noted(place: tuple[str, int], timeout: float, source: tuple[str, int]) -> socket.socket:
        sources.append(source[0])
        return connect(place, timeout, source)

    monkeypatch.setattr(socket, "create_connection", noted)
    with playing([*IMAP, NO], [*TOKENS, NO], context=context) as imaps:
        assert check(imaps=imaps.port, tokens=1).good
    assert sources == ["127.0.0.1", "127.0.0.2"]


def test_a_pod_without_a_port_for_mail_programs_has_nothing_to_say_against_it() -> None:
    assert check().good


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([SILENCE], "Frozen"),
        ([*IMAP, SILENCE], "Frozen"),
        (IMAP, "ConnectionClosed"),
        (["* BYE Too many connections"], "BadGreeting"),
        (["220 mail.example.org ESMTP Postfix"], "BadGreeting"),
        ([*IMAP, "1 NO [UNAVAILABLE] Temporary authentication failure."], "LoginUnavailable"),
        ([*IMAP, "1 OK Logged in"], "AcceptsAnyPassword"),
        ([*IMAP, "1 BAD what"], "UnexpectedReply"),
    ],
)
def test_what_a_mail_program_would_run_into_is_told(
    script: Script, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "GREETING", 0.5)
    monkeypatch.setattr(clients, "REFUSAL", 0.5)
    with playing(script) as imap:
        verdict = check(imap=imap.port)
    assert (verdict.status, verdict.reason) == ("False", reason)
    assert f"IMAP on port {imap.port}" in verdict.message


def test_postfix_that_cannot_ask_for_passwords_is_told(context: ssl.SSLContext) -> None:
    script = [*SUBMISSION, "454 4.7.0 Temporary authentication failure: Connection lost to authentication server"]
    with playing([*script, "221 Bye"], context=context) as submissions:
        verdict = check(submissions=submissions.port)
    assert verdict.reason == "LoginUnavailable"
    assert script[-1] in verdict.message


def test_a_server_that_is_not_running_or_has_no_tls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "GREETING", 0.5)
    assert check(imap=free_port()).reason == "ConnectionRefused"
    with playing(IMAP) as imap:
        assert check(imaps=imap.port).reason == "TLSFailed"


@contextmanager
def sessions(port: int, number: int) -> Iterator[None]:
    """So many connections to the port."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
    yield
    for each in opened:
        each.close()


def test_without_tls_the_number_of_sessions_tells_that_none_is_left() -> None:
    """The server greets all the same: another process serves those who have logged in."""
    with playing([*IMAP, SILENCE], [*IMAP, SILENCE], [*IMAP, NO]) as imap, sessions(imap.port, 2):
        assert Clients(options(imap=imap.port, connections=2)).occupied().imap == 2
        verdict = check(imap=imap.port, connections=2)
        enough = check(imap=imap.port, connections=3)
    assert (verdict.status, verdict.reason) == ("False", "ConnectionsExhausted")
    assert verdict.message.startswith("all 2 sessions of IMAP are in use, so nobody else can log in")
    assert enough.good


def test_with_tls_a_full_service_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "GREETING", 0.5)
    with playing([SILENCE]) as imaps, sessions(imaps.port, 2):
        verdict = check(imaps=imaps.port, connections=2)
    assert verdict.reason == "ConnectionsExhausted"


def test_with_tls_idle_connections_alone_are_no_full_service(context: ssl.SSLContext) -> None:
    """Dovecot drops the oldest connection that has not logged in."""
    with playing([*IMAP, NO], context=context) as imaps, sessions(imaps.port, 2):
        assert check(imaps=imaps.port, connections=2).good


def test_port_25_that_has_no_process_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "LIMIT", 0.5)
    with playing([SILENCE]) as server, sessions(server.port, 2):
        full, slow = smtp.check(server.port, 2), smtp.check(server.port, 100)
    assert (full.reason, slow.reason) == ("ConnectionsExhausted", "Frozen")
    assert "all 2 connections of port" in full.message


def test_what_doveconf_warns_of_is_a_warning_a_line(tmp_path: Path) -> None:
    file = tmp_path / "warnings"
    assert not list(dovecot_warnings.of_configuration(file))
    file.write_text("\n")
    assert not list(dovecot_warnings.of_configuration(file))
    file.write_text("doveconf: Warning: service auth { client_limit=1000 } is lower than required\nsecond\n")
    assert [(each.reason, each.message) for each in dovecot_warnings.of_configuration(file)] == [
        (
            "ConfigWarning",
            "Dovecot warns of its configuration: service auth { client_limit=1000 } is lower than required",
        ),
        ("ConfigWarning", "Dovecot warns of its configuration: second"),
    ]


@pytest.mark.parametrize(("sessions", "warned"), [(128, False), (129, True)])
def test_more_sessions_than_the_node_lets_dovecot_watch_are_a_warning(
    sessions: int, warned: bool, tmp_path: Path
) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n")
    found = list(dovecot_warnings.of_sessions(sessions, limit))
    assert [each.reason for each in found] == (["InotifyLimit"] if warned else [])
    assert not list(dovecot_warnings.of_sessions(sessions, tmp_path / "absent"))
