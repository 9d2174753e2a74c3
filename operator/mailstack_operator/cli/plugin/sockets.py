"""Where Postfix asks Dovecot: the sockets in private/ of Postfix's spool, or ports over TCP. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.cli.plugin import terminal
from mailstack_operator.stack.topology import LmtpSocket, Topology

# What each is for; the names of the sockets in private/ are those of render.main_cf.
_LMTP = "mail and verification (LMTP)"
_AUTH = "passwords (SASL)"
_QUOTA = "full mailboxes (policy)"


@dataclass(frozen=True)
class Socket:
    """`place` is private/NAME, or HOST:PORT."""

    place: str
    purpose: str


def of_topology(topology: Topology) -> list[Socket]:
    """Those that the spec asks for."""
    if isinstance(topology.lmtp, LmtpSocket):
        return list(_in_spool(topology, topology.lmtp.name))
    ports = ((topology.lmtp.port, _LMTP), (topology.auth, _AUTH), (topology.quota_status, _QUOTA))
    return [Socket(f"{topology.lmtp.host}:{port.service}", purpose) for port, purpose in ports if port]


def _in_spool(topology: Topology, name: str) -> Iterator[Socket]:
    quota = topology.spec.plugins.quota
    yield Socket(f"private/{name}", _LMTP)
    if topology.spec.submission:
        yield Socket("private/auth", _AUTH)
    if quota and quota.reject_at_recipient:
        yield Socket("private/quota-status", _QUOTA)


def listed(output: str) -> dict[str, str]:
    """Mode and owner of each file by its name, from what `ls -l` of private/ printed."""
    rows = (line.split() for line in output.splitlines())
    return {row[-1]: f"{row[0]} {row[2]}:{row[3]}" for row in rows if len(row) > 3}


def screen(topology: Topology, files: Mapping[str, str] | None, width: int) -> str:
    """A line for each socket; `files` is what private/ holds, None if that is not known."""
    rows = [(socket.place, socket.purpose, _found(topology, socket, files)) for socket in of_topology(topology)]
    return terminal.table(("SOCKET", "FOR", "FOUND"), rows, width)


def _found(topology: Topology, socket: Socket, files: Mapping[str, str] | None) -> str:
    if topology.inet:
        encrypted = topology.lmtp_tls and socket.purpose == _LMTP
        return "TCP, verified TLS" if encrypted else "TCP, not encrypted"
    if files is None:
        return "not known"
    return files.get(socket.place.removeprefix("private/"), "missing: Dovecot makes it; see the log of dovecot")
