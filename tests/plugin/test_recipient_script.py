"""The questions that `mailstack verify` asks inside a pod."""

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mailstack_operator.cli.plugin.reading import recipient_reader
from mailstack_probe import contract, listeners, recipient
from mailstack_probe.replies import Reply
from tests.probe import keys
from tests.probe.servers import free_port, playing

TAKES = ("220 mail.example.org", "250-mail\n250 PIPELINING", "250 2.1.0 Ok", "250 2.1.5 Ok", "221 bye")
REFUSES = (*TAKES[:3], "550-5.1.1 no such\n550 5.1.1 user", "221 bye")
ADDRESS = "alice@example.org"


def lmtp(place: str, authority: Path | None) -> Reply:
    """Dovecot's reply about ADDRESS, at the place of the probe's option."""
    return recipient.lmtp(listeners.listener(contract.address(place), str(authority) if authority else None), ADDRESS)


def test_postfix_is_asked_as_by_a_sender_of_a_bounce() -> None:
    with playing(TAKES) as server:
        assert recipient.smtp("127.0.0.1", server.port, ADDRESS) == Reply(250, "2.1.5 Ok")
    assert server.heard[0] == ["EHLO [127.0.0.1]", "MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>", "QUIT"]


def test_dovecot_is_asked_over_lmtp() -> None:
    with playing(REFUSES) as server:
        answer = lmtp(f"inet:127.0.0.1:{server.port}", None)
    assert answer == Reply(550, "5.1.1 no such 5.1.1 user")
    assert server.heard[0][:3] == ["LHLO localhost", "MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>"]


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        (("554 no", "221"), Reply(554, "no")),
        (("220 hi", "250 hi", "451 4.3.0 later", "221"), Reply(451, "4.3.0 later")),
    ],
)
def test_the_reply_that_ends_the_dialogue_is_told(script: tuple[str, ...], answer: Reply) -> None:
    with playing(script) as server:
        assert recipient.smtp("127.0.0.1", server.port, ADDRESS) == answer


def test_a_server_that_hangs_up_is_told() -> None:
    with playing(("220 hi",)) as server:
        answer = recipient.smtp("127.0.0.1", server.port, ADDRESS)
    assert answer == Reply(0, f"SMTP on port {server.port} closed the connection; see the server's log")


def test_nobody_listens() -> None:
    assert recipient.smtp("127.0.0.1", free_port(), ADDRESS) == Reply(0, "Connection refused")


@pytest.mark.parametrize(("address", "name"), [("10.0.0.7", "[10.0.0.7]"), ("fd00:10::7", "[IPv6:fd00:10::7]")])
def test_a_pods_address_is_the_name_of_the_client(address: str, name: str) -> None:
    """RFC 5321, 4.1.3."""
    assert recipient.literal(address) == name


def test_there_is_no_socket(tmp_path: Path) -> None:
    answer = lmtp(f"unix:{tmp_path}/dovecot-lmtp", None)
    assert answer.code == 0
    assert f"the socket {tmp_path}/dovecot-lmtp does not exist" in answer.text


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself; its key is key.pem beside it."""
    path = tmp_path / "ca.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=LMTP", "-out", str(path)]
    more = ["-keyout", str(tmp_path / "key.pem"), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*request, *more], capture_output=True, check=True, timeout=30)
    return path


@contextmanager
def encrypting(certificate: Path) -> Iterator[int]:
    """A port that takes one session: LHLO, STARTTLS, and all of TAKES after that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    def work() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 hi\r\n")
            for reply in (b"250-hi\r\n250 STARTTLS\r\n", b"220 begin\r\n"):
                connection.recv(4096)
                connection.sendall(reply)
            with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as stream:
                for answer in TAKES[1:]:
                    stream.recv(4096)
                    stream.sendall(answer.replace("\n", "\r\n").encode() + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=work)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_dovecot_is_asked_in_tls(authority: Path) -> None:
    with encrypting(authority) as port:
        assert lmtp(f"inet:127.0.0.1:{port}", authority) == Reply(250, "2.1.5 Ok")


def test_a_certificate_of_another_authority_is_not_trusted(authority: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(keys.pair().certificate)
    with encrypting(authority) as port:
        answer = lmtp(f"inet:127.0.0.1:{port}", other)
    assert (answer.code, "certificate verify failed" in answer.text) == (0, True)


def test_a_server_that_does_not_know_starttls_is_not_asked(authority: Path) -> None:
    with playing((*TAKES[:2], "221 bye")) as server:
        answer = lmtp(f"inet:127.0.0.1:{server.port}", authority)
    assert (answer.code, "STARTTLS" in answer.text) == (0, True)


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    answer = lmtp("inet:127.0.0.1:24", tmp_path / "ca.pem")
    assert f"{tmp_path}/ca.pem cannot be used: No such file or directory" in answer.text


@contextmanager
def relayed(path: Path, port: int) -> Iterator[None]:
    """One connection to a unix socket goes on to the port."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def pump(source: socket.socket, target: socket.socket) -> None:
            while words := source.recv(4096):
                target.sendall(words)
            target.shutdown(socket.SHUT_WR)

        def work() -> None:
            connection, _ = listener.accept()
            with connection, socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=pump, args=(server, connection))
                back.start()
                pump(connection, server)
                back.join()

        thread = threading.Thread(target=work)
        thread.start()
        yield
        thread.join()


def test_the_script_runs_as_it_is_handed_over(tmp_path: Path) -> None:
    """With the probe's options, from standard input, over the unix socket, and without this package's folder."""
    script = recipient_reader.script()
    path = tmp_path / "lmtp"
    with playing(TAKES) as smtp, playing(TAKES) as lmtp, relayed(path, lmtp.port):
        options = [f"--smtp={smtp.port}", "--host=127.0.0.1", f"--lmtp=unix:{path}", f"--address={ADDRESS}"]
        command = [sys.executable, "-I", "-", *options]
        done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=30, check=True)
    taken = {"code": 250, "text": "2.1.5 Ok"}
    assert json.loads(done.stdout) == {"smtp": taken, "lmtp": taken}
