"""That Dovecot ended is known at once, from the session that is held; a false alarm does no harm."""

import socket
import threading
from collections.abc import Iterator

import pytest

from mailstack_probe.sentinel import Sentinel
from mailstack_probe.sessions import Session

SECONDS = 5.0


class Ends:
    """Both ends of sessions, and whether an alarm was raised."""

    def __init__(self) -> None:
        self.alarm = threading.Event()
        self.servers: list[socket.socket] = []

    def session(self) -> Session:
        client, server = socket.socketpair()
        server.settimeout(SECONDS)
        self.servers.append(server)
        return Session("Dovecot", client, 0.0)

    def said(self, number: int) -> bytes:
        """What the server of the session heard; it answers, and hangs up."""
        heard = self.servers[number].recv(100)
        self.servers[number].sendall(b"221 2.0.0 Bye\r\n")
        self.servers[number].close()
        return heard


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for server in made.servers:
        server.close()


@pytest.fixture
def sentinel(ends: Ends) -> Sentinel:
    made = Sentinel(ends.alarm.set)
    made.start()
    return made


def test_the_servers_end_is_told(sentinel: Sentinel, ends: Ends) -> None:
    sentinel.hold(ends.session())
    ends.servers[0].close()
    assert ends.alarm.wait(SECONDS)


def test_of_the_former_session_leave_is_taken_without_alarm(sentinel: Sentinel, ends: Ends) -> None:
    sentinel.hold(ends.session())
    second = threading.Thread(target=sentinel.hold, args=(ends.session(),))
    second.start()
    assert ends.said(0) == b"QUIT\r\n"
    second.join(SECONDS)
    assert not ends.alarm.wait(0.1)
    ends.servers[1].close()
    assert ends.alarm.wait(SECONDS)


def test_after_a_bad_check_none_is_held(sentinel: Sentinel, ends: Ends) -> None:
    sentinel.hold(ends.session())
    ends.servers[0].close()
    assert ends.alarm.wait(SECONDS)
    ends.alarm.clear()
    sentinel.release()
    sentinel.hold(ends.session())
    ends.servers[1].close()
    assert ends.alarm.wait(SECONDS)


def test_a_server_that_ends_idle_sessions_is_left_alone_for_a_while(sentinel: Sentinel, ends: Ends) -> None:
    sentinel.hold(ends.session())
    ends.servers[0].close()
    assert ends.alarm.wait(SECONDS)
    ends.alarm.clear()
    # The check that the alarm began went well.
    again = threading.Thread(target=sentinel.hold, args=(ends.session(),))
    again.start()
    assert ends.said(1) == b"QUIT\r\n"
    again.join(SECONDS)
    assert not ends.alarm.wait(0.1)
