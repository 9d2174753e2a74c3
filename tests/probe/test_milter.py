"""Whether the filter beside Postfix answers, in the milter protocol, over a socket."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstack_probe import milter
from mailstack_probe.reasons import BY_CHECK, Reason

Talk = Callable[[socket.socket], None]
ANSWER = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "milter.sock"


def verdict(path: Path, talk: Talk) -> Reason:
    """The reason that the check gives of a server that talks so."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=_serve, args=(server, talk))
        thread.start()
        found = milter.check(str(path))
        thread.join()
    assert found.good == (found.reason is Reason.FILTERING)
    assert found.reason in BY_CHECK["filter"]
    return found.reason


def _serve(server: socket.socket, talk: Talk) -> None:
    connection, _ = server.accept()
    # The check ends the connection as soon as it knows.
    with connection, contextlib.suppress(BrokenPipeError):
        assert connection.recv(17) == struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
        talk(connection)


def test_a_filter_that_speaks_the_protocol_filters(path: Path) -> None:
    assert verdict(path, lambda connection: connection.sendall(ANSWER)) == Reason.FILTERING


def test_an_answer_may_come_in_pieces(path: Path) -> None:
    def talk(connection: socket.socket) -> None:
        for index in range(len(ANSWER)):
            connection.sendall(ANSWER[index : index + 1])

    assert verdict(path, talk) == Reason.FILTERING


def test_another_server_is_no_filter(path: Path) -> None:
    assert verdict(path, lambda connection: connection.sendall(b"220 mail.example.org")) == Reason.BAD_GREETING


def test_a_filter_that_hangs_up_is_none(path: Path) -> None:
    assert verdict(path, lambda _: None) == Reason.CONNECTION_CLOSED


def test_a_frozen_filter_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milter, "LIMIT", 0.2)
    assert verdict(path, _until_closed) == Reason.FROZEN


def _until_closed(connection: socket.socket) -> None:
    while connection.recv(64):
        pass


def test_a_filter_that_is_not_there_is_told(path: Path) -> None:
    assert milter.check(str(path)).reason == Reason.NO_SOCKET


def test_a_socket_of_a_filter_that_was_killed_is_told(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert milter.check(str(path)).reason == Reason.CONNECTION_REFUSED
