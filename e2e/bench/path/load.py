"""Sessions that send mail side by side; each message has a connection of its own, as most mail of the internet has."""

import socket
import threading
import time
from collections.abc import Callable, Sequence

from harness.errors import HarnessError

SENDER = "sender@example.net"
# 4 KB, as half of all mail is shorter than.
BODY = b"Subject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * 55 + b".\r\n"
# Seconds.
LIMIT = 120.0


def send(address: str, recipients: Sequence[str], sessions: int, messages: int) -> float:
    """Sends so many messages to the recipients in turn; the seconds until the last is accepted. Raises HarnessError."""
    numbers, lock, failed = iter(range(messages)), threading.Lock(), list[OSError]()

    def serve() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None or failed:
                return
            try:
                _converse(address, recipients[number % len(recipients)])
            except OSError as error:
                failed.append(error)

    began = time.monotonic()
    _all_of([serve] * sessions)
    if failed:
        raise HarnessError(f"a message was not accepted: {failed[0]}")
    return time.monotonic() - began


def verify(address: str, recipient: str) -> None:
    """Until Postfix knows that the recipient exists. Raises HarnessError."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            _converse(address, recipient, commands=("QUIT",))
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise HarnessError(f"{recipient} is not accepted")


def _converse(address: str, recipient: str, commands: Sequence[str] = ("DATA", "", "QUIT")) -> None:
    """RFC 5321, without pipelining. Raises OSError for a refusal."""
    with socket.create_connection((address, 25), timeout=LIMIT) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _expect(answers.readline())
        for command in ("HELO client.example.net", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{recipient}>", *commands):
            connection.sendall(f"{command}\r\n".encode() if command else BODY)
            _expect(answers.readline())


def _expect(answer: bytes) -> None:
    if answer[:1] not in b"23" or not answer:
        raise ConnectionRefusedError(answer.decode(errors="replace"))


def _all_of(work: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
