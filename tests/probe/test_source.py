"""What Dovecot's answers about an external source of users mean: the guard makes each outage a 451."""

import socket
import time
from pathlib import Path

import pytest

from mailstack_probe import dovecot_errors, source
from mailstack_probe.contract import SOURCE_ANSWERS, SOURCE_LISTS
from mailstack_probe.listeners import UnixListener
from mailstack_probe.reasons import Reason
from mailstack_probe.source import Source
from tests.probe.servers import SILENCE, playing

HELLO = ["220 mail Dovecot ready.", "250 mail", "250 2.1.0 OK"]
OK, NOBODY, LATER = "250 2.1.5 OK", "550 5.1.1 <x> User doesn't exist: x", "451 4.3.0 <x> Temporary internal error"
FULL = "552 5.2.2 <x> Quota exceeded (mailbox for user is full)"
BYE = "221 2.0.0 Bye"
ALICE = "alice@example.org"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([OK], Reason.SOURCE_ANSWERS),
        ([FULL], Reason.SOURCE_ANSWERS),
        ([LATER, LATER], Reason.SOURCE_UNAVAILABLE),
        ([LATER, NOBODY], Reason.SOURCE_UNAVAILABLE),
        ([LATER, OK, LATER, LATER], Reason.SOURCE_EMPTY),
        ([LATER, OK, LATER, NOBODY], Reason.SOURCE_EMPTY),
        ([LATER, OK, LATER, OK], Reason.CANARY_REFUSED),
        ([NOBODY, OK, NOBODY, NOBODY], Reason.CANARY_REFUSED),
        # It came back after the first question.
        ([LATER, OK, OK], Reason.SOURCE_ANSWERS),
        ([LATER, OK, FULL], Reason.SOURCE_ANSWERS),
    ],
)
def test_each_state_of_the_source_is_told(tmp_path: Path, answers: list[str], reason: Reason) -> None:
    with playing([*HELLO, *answers, BYE], path=tmp_path / "lmtp") as server:
        verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE).check()
    assert (verdict.reason, verdict.good) == (reason, reason is Reason.SOURCE_ANSWERS)
    asked = [f"RCPT TO:<{address}>" for address in (ALICE, SOURCE_ANSWERS, ALICE, SOURCE_LISTS)]
    assert [line for line in server.heard[0] if line.startswith("RCPT")] == asked[: len(answers)]


@pytest.mark.parametrize("address", [SOURCE_ANSWERS, SOURCE_LISTS])
def test_no_name_that_tells_the_states_apart_has_an_address_extension(address: str) -> None:
    """With such a delimiter, Dovecot's LMTP would look for what is before it, and each state be an outage."""
    assert not set("+-_") & set(address.partition("@")[0])


def test_a_source_that_hangs_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_ANSWERS", 0.2)
    with playing([*HELLO, SILENCE], path=tmp_path / "lmtp"):
        verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE).check()
    assert (verdict.status, verdict.reason) == ("False", Reason.SOURCE_UNAVAILABLE)


@pytest.mark.parametrize("answers", [["421 busy"], ["220 mail", "250 mail", "451 4.3.0 no"]])
def test_without_dovecot_nothing_is_known_of_it(tmp_path: Path, answers: list[str]) -> None:
    with playing(answers, path=tmp_path / "lmtp"):
        verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE).check()
    assert (verdict.status, verdict.reason) == ("Unknown", Reason.UNREACHABLE)


def test_without_a_listener_nothing_is_known_of_it(tmp_path: Path) -> None:
    verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE).check()
    assert (verdict.status, verdict.reason) == ("Unknown", Reason.UNREACHABLE)


DENIED = "mysql(db): Connect failed: Access denied for user 'dovecot'@'10.0.0.1'"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('pgsql(db): Connect failed: FATAL:  password authentication failed for user "dovecot"', "CredentialsRefused"),
        (DENIED, "CredentialsRefused"),
        (f"{DENIED}\nerror\t{{now}}\tauth: \tmysql(db): Connect failed: Can't connect to server", "SourceUnavailable"),
        (f"reading\nerror\t1.5\tauth: \t{DENIED}", "SourceUnavailable"),
        ("ldap(ldaps://dc): binding failed (dn cn=dovecot): Invalid credentials", "CredentialsRefused"),
        ("pgsql(db): Connect failed: Connection refused", "SourceUnavailable"),
        ("", "SourceUnavailable"),
    ],
)
def test_refused_credentials_are_told_from_another_outage(tmp_path: Path, line: str, reason: str) -> None:
    errors, now = tmp_path / "log-errors", time.time()
    with (
        playing([*HELLO, LATER, LATER, BYE], path=tmp_path / "lmtp"),
        # It answers when it is asked: one that hangs up before is not heard.
        playing(["", f"error\t{now}\tauth: \t{line.format(now=now)}"], path=errors) as log,
    ):
        verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE, str(errors)).check()
    assert (verdict.status, verdict.reason) == ("False", reason)
    assert len(log.heard) == 1


def test_errors_are_read_if_dovecot_hangs_up_before_it_is_asked() -> None:
    """Fault: refused credentials were told as an outage, as often as Dovecot was faster than the probe."""
    ours, log = socket.socketpair()
    with ours:
        log.sendall(f"error\t5.5\tauth: \t{DENIED}".encode())
        log.close()
        assert DENIED in dovecot_errors.ask(ours, 5)


def test_errors_that_cannot_be_read_change_nothing(tmp_path: Path) -> None:
    with playing([*HELLO, LATER, LATER, BYE], path=tmp_path / "lmtp"):
        verdict = Source(UnixListener(tmp_path / "lmtp"), ALICE, str(tmp_path / "log-errors")).check()
    assert verdict.reason == Reason.SOURCE_UNAVAILABLE


def test_credentials_that_were_corrected_do_not_explain_the_next_outage(tmp_path: Path) -> None:
    """Fault: a missing table was told as a refused password, within 90 s after a password had been corrected."""
    errors, refused = tmp_path / "log-errors", int(time.time()) - 30
    asked = Source(UnixListener(tmp_path / "lmtp"), ALICE, str(errors))
    replies = [*HELLO, LATER, LATER, BYE]
    with (
        playing(replies, [*HELLO, OK, BYE], replies, path=tmp_path / "lmtp"),
        playing(["", f"error\t{refused}\tauth: \t{DENIED}"], path=errors),
    ):
        reasons = [asked.check().reason for _ in range(3)]
    assert reasons == [Reason.CREDENTIALS_REFUSED, Reason.SOURCE_ANSWERS, Reason.SOURCE_UNAVAILABLE]


OTHER = "mysql(db2): Connect failed: Can't connect to server"
# Of Dovecot 2.3 about a directory.
LOGINS = "ldap(/etc/dovecot/logins.conf.ext): binding failed (dn cn=dovecot): Invalid credentials"
USERS = "ldap(/etc/dovecot/users.conf.ext): Can't connect to server: ldaps://dc"


@pytest.mark.parametrize(
    ("logs", "reasons"),
    [
        # Dovecot forgets its errors at a reload, and tells nothing until it connects again.
        ([[DENIED], []], ["CredentialsRefused", "CredentialsRefused"]),
        ([[DENIED], ["auth(x): Not connected to database"]], ["CredentialsRefused", "CredentialsRefused"]),
        ([[DENIED], ["mysql(db): Connect failed: Can't connect"]], ["CredentialsRefused", "SourceUnavailable"]),
        # Of several servers one is enough: with another password it would answer.
        ([[DENIED, OTHER], [OTHER]], ["CredentialsRefused", "CredentialsRefused"]),
        ([[OTHER], [OTHER, DENIED]], ["SourceUnavailable", "CredentialsRefused"]),
        ([[LOGINS], [USERS]], ["CredentialsRefused", "SourceUnavailable"]),
    ],
)
def test_the_last_failure_of_each_server_counts(tmp_path: Path, logs: list[list[str]], reasons: list[str]) -> None:
    """Fault: the reason changed with every reload of Dovecot, and with the order of its servers."""
    errors, now = tmp_path / "log-errors", time.time()
    asked = Source(UnixListener(tmp_path / "lmtp"), ALICE, str(errors))
    told = [["", "\n".join(f"error\t{now}\tauth: \t{line}" for line in lines)] for lines in logs]
    with playing([*HELLO, LATER, LATER, BYE], path=tmp_path / "lmtp"), playing(*told, path=errors):
        assert [asked.check().reason for _ in logs] == reasons


def test_a_failure_of_long_ago_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = tmp_path / "log-errors"
    asked = Source(UnixListener(tmp_path / "lmtp"), ALICE, str(errors))
    told = ["", f"error\t{time.time()}\tauth: \t{DENIED}"]
    with playing([*HELLO, LATER, LATER, BYE], path=tmp_path / "lmtp"), playing(told, ["", ""], path=errors):
        reasons = [asked.check().reason]
        monkeypatch.setattr(source, "_RECENT", -1)
        reasons.append(asked.check().reason)
    assert reasons == [Reason.CREDENTIALS_REFUSED, Reason.SOURCE_UNAVAILABLE]
