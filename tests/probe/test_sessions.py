"""A session waits and remembers no longer than it must, whatever the server sends."""

import socket
import time

import pytest

from mailstack_probe import sessions
from mailstack_probe.sessions import Foreign, Session, Silent


class Endless(socket.socket):
    """A server that sends the same again and again, a hundred thousand times at most."""

    left = 100_000

    def __init__(self, words: bytes) -> None:
        super().__init__()
        self.words = words

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        self.left -= 1
        return self.words if self.left else b""


def test_a_server_that_never_pauses_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_OVERTIME", 0.0)
    with Session("it", Endless(b"250-more\r\n"), time.monotonic() + 0.01) as session, pytest.raises(Silent):
        session.reply()


def test_what_is_there_at_the_deadline_is_read() -> None:
    with Session("it", Endless(b"250 done\r\n"), time.monotonic()) as session:
        assert session.reply().code == 250


def test_a_line_without_an_end_is_not_kept() -> None:
    with Session("it", Endless(b"x" * 1000), time.monotonic() + 60) as session, pytest.raises(Foreign, match="65536"):
        session.line()
