"""Port 25 as another mail server sees it."""

import socket

import pytest

from mailstack_probe import smtp, smtp_verdicts
from mailstack_probe.contract import SMTP
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.reasons import BY_CHECK
from mailstack_probe.replies import Reply
from mailstack_probe.sessions import Slow
from tests.probe.servers import SILENCE, Script, free_port, playing

HELLO = ["220 mail.example.org ESMTP Postfix", "250-mail.example.org\n250 SIZE"]
UNAVAILABLE = "Service unavailable - try again later"


def test_it_asks_up_to_mail_and_leaves() -> None:
    with playing([*HELLO, "250 2.1.0 Ok", "221 2.0.0 Bye"]) as server:
        verdict = smtp.check(server.port)
    assert (verdict.status, verdict.reason) == ("True", "Receiving")
    assert server.heard == [["EHLO localhost", "MAIL FROM:<>", "QUIT"]]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([f"421 mail.example.org {UNAVAILABLE}"], "FilterUnavailable"),
        ([*HELLO, f"451 4.7.1 {UNAVAILABLE}"], "FilterUnavailable"),
        ([*HELLO, "550 5.5.0 Service unavailable"], "FilterUnavailable"),
        ([*HELLO, "452 4.3.1 Insufficient system storage"], "QueueFull"),
        ([*HELLO, "451 4.3.5 Server configuration error"], "ServerConfiguration"),
        (["421 4.3.2 All server ports are busy"], "TemporaryRefusal"),
        ([*HELLO, "451 4.3.0 Error: queue file write error"], "TemporaryRefusal"),
        (["554 mail.example.org ESMTP not accepting connections"], "Refused"),
        ([*HELLO, "550 5.7.1 no"], "Refused"),
        (["* OK Dovecot ready."], "BadGreeting"),
        ([HELLO[0]], "ConnectionClosed"),
        ([SILENCE], "Frozen"),
    ],
)
def test_a_refusal_is_quoted_with_its_stage(script: Script, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "LIMIT", 0.5)
    with playing(script) as server:
        verdict = smtp.check(server.port)
    assert (verdict.status, verdict.reason) == ("False", reason)
    assert verdict.reason in BY_CHECK[SMTP]
    assert script[-1] in verdict.message or reason in ("ConnectionClosed", "Frozen")


def test_a_filter_is_blamed_and_not_dovecot() -> None:
    verdict = smtp_verdicts.of_answer(25, Answer(Stage.CONNECTION, Reply(421, f"mail.example.org {UNAVAILABLE}")))
    assert verdict.message == (
        f"Postfix answered the connection with 421 mail.example.org {UNAVAILABLE}: "
        "a mail filter of smtpd_milters is unavailable, and senders try again; see the log of the container postfix"
    )


def test_a_postfix_that_is_not_running_refuses_the_connection() -> None:
    port = free_port()
    verdict = smtp.check(port)
    assert verdict.reason == "ConnectionRefused"
    assert verdict.message.startswith(f"connection refused on port {port}: Postfix is not running")


def test_a_packet_filter_times_the_connection_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", time_out)
    assert smtp.check(25).reason == "ConnectionTimedOut"


def test_another_error_of_the_connection_is_quoted() -> None:
    problem = Slow("SMTP on port 25 cannot be reached (No route to host)")
    problem.__cause__ = OSError(113, "No route to host")
    verdict = smtp_verdicts.of_failure(25, problem)
    assert verdict.reason == "Unreachable"
    assert "No route to host" in verdict.message
