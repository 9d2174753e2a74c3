"""The LMTP check against servers that follow a script: what each state of Dovecot is called, and how long it takes."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mailstack_probe import lmtp
from mailstack_probe.listeners import InetListener, UnixListener
from mailstack_probe.lmtp import Dovecot, Questions
from mailstack_probe.reasons import Reason
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import Verdict
from tests.probe.keys import Pair
from tests.probe.servers import BEGIN_TLS, DELAY, SILENCE, Script, free_port, playing

UNKNOWN_USER = "mailstack-probe@example.org"
ALICE = "alice@example.org"
BOB = "bob@example.org"
HELLO = ["220 mail Dovecot ready.", "250-mail\n250 PIPELINING", "250 2.1.0 OK"]
UNKNOWN = f"550 5.1.1 <{UNKNOWN_USER}> User doesn't exist: {UNKNOWN_USER}"
BYE = ["250 OK", "221 Bye"]
OK = "250 2.1.5 OK"
BROKEN = "451 4.3.0 <x> Temporary internal error"
GOOD = [*HELLO, UNKNOWN, OK, *BYE]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "dovecot-lmtp"


@pytest.fixture
def listener(path: Path) -> UnixListener:
    path.parent.mkdir()
    return UnixListener(path)


def examined(listener: UnixListener, script: Script, *users: str) -> Verdict:
    with playing(script, path=listener.path):
        return lmtp.examine(listener, Questions(UNKNOWN_USER, users))


def test_a_dovecot_that_refuses_an_unknown_recipient_and_accepts_a_user_is_reachable(listener: UnixListener) -> None:
    with playing(GOOD, path=listener.path) as server:
        verdict = lmtp.examine(listener, Questions(UNKNOWN_USER, [ALICE]))
    assert verdict == Verdict("True", Reason.REACHABLE, f"Dovecot answers on {listener.path} and accepts {ALICE}")
    asked = ["LHLO localhost", "MAIL FROM:<>", f"RCPT TO:<{UNKNOWN_USER}>", f"RCPT TO:<{ALICE}>", "RSET", "QUIT"]
    assert server.heard == [asked]


def test_users_are_asked_for_until_one_is_known(listener: UnixListener) -> None:
    script = [*HELLO, UNKNOWN, "550 5.1.1 User doesn't exist", "552 5.2.2 Quota exceeded", *BYE]
    verdict = examined(listener, script, BOB, ALICE, "carol@example.org")
    assert verdict.message.endswith(f"accepts {ALICE}")


@pytest.mark.parametrize(
    ("script", "status", "reason"),
    [
        ([*HELLO, UNKNOWN, *BYE], "True", "Reachable"),
        ([*HELLO, OK, *BYE], "False", "AcceptsEverybody"),
        ([*HELLO, BROKEN, *BYE], "False", "TemporaryFailure"),
        ([*HELLO, "554 5.7.1 no", *BYE], "False", "UnexpectedReply"),
        ([*HELLO[:2], "451 4.3.0 later"], "False", "TemporaryFailure"),
        (["220 mail", "502 5.5.2 what"], "False", "UnexpectedReply"),
        (["554 5.3.2 no"], "False", "BadGreeting"),
        (["* OK Dovecot ready."], "False", "BadGreeting"),
        ([HELLO[0]], "False", "ConnectionClosed"),
    ],
)
def test_what_dovecot_says_without_users(listener: UnixListener, script: Script, status: str, reason: str) -> None:
    verdict = examined(listener, script)
    assert (verdict.status, verdict.reason) == (status, reason)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (OK, "Reachable"),
        ("552 5.2.2 Quota exceeded", "Reachable"),
        ("452 4.2.2 Quota exceeded", "Reachable"),
        (UNKNOWN, "CanaryRefused"),
        (BROKEN, "TemporaryFailure"),
    ],
)
def test_what_dovecot_says_of_a_user(listener: UnixListener, reply: str, reason: str) -> None:
    assert examined(listener, [*HELLO, UNKNOWN, reply, *BYE], ALICE).reason == reason


def test_a_silent_server_is_frozen_within_the_limit(listener: UnixListener) -> None:
    start = time.monotonic()
    assert examined(listener, [SILENCE]).reason == "Frozen"
    assert time.monotonic() - start < lmtp.LIMIT + 0.5


def test_a_server_that_greets_and_waits_for_its_users_is_not_frozen(
    listener: UnixListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmtp, "ANSWERS", 0.2)
    verdict = examined(listener, [*HELLO, SILENCE])
    assert verdict.reason == "TemporaryFailure"
    assert "it is waiting for its user source" in verdict.message


def test_a_server_that_freezes_during_a_dialogue_is_detected_within_five_seconds() -> None:
    """Promise: the second try takes one LIMIT; what is left is for the way to the status."""
    assert lmtp.ANSWERS + lmtp.LIMIT <= 4.5


def test_a_slow_refusal_is_waited_for_and_no_user_is_asked_for_then(listener: UnixListener) -> None:
    """Dovecot holds back `Temporary internal error` for 2 to 3 s, once for each recipient."""
    with playing([*HELLO, DELAY + BROKEN, *BYE], path=listener.path) as server:
        verdict = lmtp.examine(listener, Questions(UNKNOWN_USER, [ALICE]))
    assert verdict.reason == "TemporaryFailure"
    assert BROKEN in verdict.message
    assert server.heard[0][2:] == [f"RCPT TO:<{UNKNOWN_USER}>", "RSET", "QUIT"]


def test_a_socket_with_a_full_queue_of_connections_is_frozen(listener: UnixListener) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(str(listener.path))
        server.listen(0)
        waiting.connect(str(listener.path))
        assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == "Frozen"


def test_no_socket(listener: UnixListener) -> None:
    assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == "NoSocket"


def test_a_socket_of_a_dead_server_refuses(listener: UnixListener) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listener.path))
    assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == "ConnectionRefused"


@pytest.mark.parametrize(("folder", "reason"), [(True, "PermissionDenied"), (False, "NotSearchable")])
def test_a_refused_permission_is_of_the_socket_or_of_its_folder(
    listener: UnixListener, monkeypatch: pytest.MonkeyPatch, folder: bool, reason: str
) -> None:
    """The tests may run as root, to whom the kernel refuses nothing."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(os, "access", lambda *_: folder)
    assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == reason


def test_a_reload_of_dovecot_is_ridden_out(listener: UnixListener) -> None:
    verdicts = iter([Verdict("False", Reason.NO_SOCKET, ""), Verdict("True", Reason.REACHABLE, "")])
    assert lmtp.lasting(lambda: next(verdicts)).good


def test_a_failure_that_is_known_is_tried_once_until_it_is_another() -> None:
    tries: list[str] = []

    def attempt() -> Verdict:
        tries.append("")
        return Verdict("False", Reason.TLS_FAILED, "")

    assert lmtp.lasting(attempt, known=Reason.TLS_FAILED).reason == "TLSFailed"
    assert len(tries) == 1
    lmtp.lasting(attempt, known=Reason.NO_SOCKET)
    assert len(tries) >= 3


def test_a_silent_server_is_tried_again_at_once(listener: UnixListener) -> None:
    start = time.monotonic()
    with playing([SILENCE], path=listener.path):
        assert Dovecot(listener, never).check(Questions(UNKNOWN_USER)).reason == "Frozen"
    assert time.monotonic() - start < 3 * lmtp.LIMIT


def never() -> None:
    raise AssertionError("Dovecot did not end")


def test_a_failure_that_lasts_counts_after_half_a_second() -> None:
    start = time.monotonic()
    tries: list[float] = []

    def attempt() -> Verdict:
        tries.append(time.monotonic() - start)
        return Verdict("False", Reason.NO_SOCKET, "")

    assert lmtp.lasting(attempt).reason == "NoSocket"
    assert len(tries) >= 2
    assert lmtp.RIDE_OUT <= time.monotonic() - start < 2


def test_a_port_without_a_server_refuses() -> None:
    listener = InetListener("127.0.0.1", free_port())
    assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == "ConnectionRefused"


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    verdict = lmtp.examine(InetListener("mail-dovecot.post.svc", 24), Questions(UNKNOWN_USER))
    assert verdict.reason == "NameNotResolved"
    assert "(Name or service not known)" in verdict.message


def test_a_resolver_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def hang(*_: object, **__: object) -> None:
        go_on.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    verdict = lmtp.examine(InetListener("mail-dovecot.post.svc", 24), Questions(UNKNOWN_USER))
    go_on.set()
    assert verdict.reason == "NameNotResolved"
    assert time.monotonic() - start < lmtp.LIMIT + 1


@pytest.fixture
def authority(good: Pair, tmp_path: Path) -> Path:
    """The certificate of mail.example.org, which signed itself."""
    file = tmp_path / "ca.crt"
    file.write_bytes(good.certificate)
    return file


def test_a_server_that_offers_no_starttls_is_not_trusted(authority: Path) -> None:
    with playing([*HELLO[:2], "502 5.5.1 Unsupported command"]) as server:
        listener = InetListener("127.0.0.1", server.port, authority)
        verdict = lmtp.examine(listener, Questions(UNKNOWN_USER))
    assert verdict.reason == "TLSFailed"
    assert "it answered STARTTLS with 502 5.5.1 Unsupported command" in verdict.message


def test_no_authority_no_trust(tmp_path: Path) -> None:
    with playing([*HELLO[:2], BEGIN_TLS]) as server:
        listener = InetListener("127.0.0.1", server.port, tmp_path / "ca.crt")
        verdict = lmtp.examine(listener, Questions(UNKNOWN_USER))
    assert verdict.reason == "TLSFailed"
    assert "ca.crt cannot be used: No such file or directory" in verdict.message


@pytest.mark.parametrize(("name", "reason"), [("mail.example.org", "Reachable"), ("other.example.org", "TLSFailed")])
def test_the_certificate_must_be_for_the_host(
    good: Pair, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.setattr("mailstack_probe.listeners.resolve", lambda host, port, deadline: ("127.0.0.1", port))
    file = tmp_path / "tls.pem"
    file.write_bytes(good.key + good.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    inner = ["250 mail", *HELLO[2:], UNKNOWN, *BYE]
    with playing([*HELLO[:2], BEGIN_TLS, *inner], context=context) as server:
        listener = InetListener(name, server.port, authority)
        assert lmtp.examine(listener, Questions(UNKNOWN_USER)).reason == reason


MANY = """
import sys
from pathlib import Path
from mailstack_probe.board import Board
from mailstack_probe.contract import ProbeOptions
from mailstack_probe.probe import Probe

def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

probe = Probe(ProbeOptions.parse(sys.argv[1:]), Board())
[check] = probe.watched
for loop in (check, *probe.others):
    loop.start = lambda: None
probe.start()
sizes = []
for number in range(10_001):
    # As often as in the pod: each 30 s, beside a check each 2 s.
    number % 15 or probe.others[0].turn()
    check.turn()
    assert probe.board.verdict("lmtp").good
    if number % 1000 == 0:
        sizes.append(memory())
print(sizes[-1] - sizes[1])
"""


def test_ten_thousand_checks_leave_no_memory_behind(listener: UnixListener, tmp_path: Path) -> None:
    """Of the whole probe, by its resident memory: LMTP, the users file, the store, and the session that is held."""
    users = tmp_path / "users"
    users.write_text(Report({ALICE: 1}).to_json())
    whose = ["--domain=example.org", "--stack=post/mail", "--port=9100"]
    where = [f"--lmtp=unix:{listener.path}", f"--users={users}", f"--store={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with playing(GOOD, path=listener.path) as server:
        command = [sys.executable, "-c", MANY, *whose, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    # On a busy machine a check may need a second try.
    assert 10_001 <= len(server.heard) < 10_100
    assert int(done.stdout.splitlines()[-1]) < 512 * 1024
