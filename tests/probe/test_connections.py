"""The sockets of a pod's servers are seen without a connection, wherever the kernel shows them."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mailstack_probe import connections, sock_diag
from mailstack_probe.connections import ESTABLISHED, LISTENING


@pytest.fixture(params=["netlink", "tables"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the kernel tells. It has no sock_diag(7) in gVisor, and SELinux may forbid it."""

    def refused(state: int) -> list[int]:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    if request.param == "tables":
        monkeypatch.setattr(sock_diag, "local_ports", refused)


@contextmanager
def serving(host: str, sessions: int) -> Iterator[int]:
    """The port of a server that takes none of so many connections yet."""
    with ExitStack() as opened:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = opened.enter_context(socket.create_server((host, 0), family=family, backlog=sessions + 1))
        for _ in range(sessions):
            opened.enter_context(socket.create_connection(server.getsockname()[:2]))
        yield server.getsockname()[1]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_open_connections_are_counted_by_the_servers_port(host: str) -> None:
    with serving(host, 3) as port, serving(host, 2) as other:
        counted = connections.established()
        assert (counted[port], counted[other]) == (3, 2)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listener_is_seen_until_it_ends(host: str) -> None:
    with serving(host, 1) as port, serving("127.0.0.1", 0) as other:
        assert connections.listens([port, other])
    assert not connections.listens([port])
    assert connections.listens([])


def test_more_sockets_than_one_answer_holds_are_counted() -> None:
    """The kernel tells of about a hundred at once."""
    with serving("127.0.0.1", 600) as port:
        assert connections.established()[port] == 600


def test_the_tables_tell_the_state_and_the_local_port(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    rows = [
        "  sl  local_address rem_address   st tx_queue",
        "   0: 00000000:008F 00000000:0000 0A 0",
        "   1: 0100007F:008F 0100007F:D431 01 0",
        "   2: 0100007F:D431 0100007F:008F 01 0",
        "   3: 0100007F:03E1 0100007F:D432 01 0",
        "   4: 0100007F:008F 0100007F:D433 06 0",
    ]
    table.write_text("\n".join(rows) + "\n")
    assert connections.in_tables(ESTABLISHED, [table]) == [143, 0xD431, 993]
    assert connections.in_tables(LISTENING, [table, table]) == [143, 143]


def test_a_kernel_without_ipv6_has_no_table_of_it(tmp_path: Path) -> None:
    assert connections.in_tables(ESTABLISHED, [tmp_path / "tcp6"]) == []
