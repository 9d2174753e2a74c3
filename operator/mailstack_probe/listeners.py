"""Dovecot's LMTP listeners, and how to connect to them as Postfix does."""

import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe import lmtp_verdicts, trust
from mailstack_probe.contract import Address, InetAddress, UnixAddress
from mailstack_probe.dialogue import Tls
from mailstack_probe.sessions import Session, left
from mailstack_probe.verdicts import Found


@dataclass(frozen=True)
class UnixListener:
    """A unix socket in a folder that both servers share."""

    path: Path

    @property
    def title(self) -> str:
        return str(self.path)

    def connect(self, deadline: float) -> Session:
        """Raises Found if it cannot be connected to by then."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(left(deadline))
            connection.connect(str(self.path))
        except OSError as error:
            connection.close()
            searchable = os.access(self.path.parent, os.X_OK)
            raise Found(lmtp_verdicts.no_socket(self.title, error, folder_searchable=searchable)) from error
        return Session(self.title, connection, deadline)

    def tls(self) -> Tls | None:
        """None: the mode of the socket says who may use it."""
        return None


@dataclass(frozen=True)
class InetListener:
    """A TCP port; `authority` is a file of CA certificates: STARTTLS and a certificate for `host` are required then."""

    host: str
    port: int
    authority: Path | None = None

    @property
    def title(self) -> str:
        return InetAddress(self.host, self.port).place

    def connect(self, deadline: float) -> Session:
        """Raises Found if it cannot be connected to by then."""
        try:
            address = resolve(self.host, self.port, deadline)
            connection = socket.create_connection(address, timeout=left(deadline))
        except OSError as error:
            raise Found(lmtp_verdicts.no_port(self.title, error)) from error
        return Session(self.title, connection, deadline)

    def tls(self) -> Tls | None:
        """Whom to trust. Raises Found if the file of CA certificates cannot be used."""
        if self.authority is None:
            return None
        try:
            return Tls(trust.as_postfix(self.authority), self.host)
        except OSError as error:
            words = f"{self.authority} cannot be used: {error.strerror or error}"
            raise Found(lmtp_verdicts.tls_failed(self.title, words)) from error


Listener = UnixListener | InetListener


def listener(address: Address, authority: str | None = None) -> Listener:
    """The listener at the address; `authority` is a file of CA certificates, for TCP."""
    if isinstance(address, UnixAddress):
        return UnixListener(Path(address.path))
    return InetListener(address.host, address.port, Path(authority) if authority else None)


def resolve(host: str, port: int, deadline: float) -> tuple[str, int]:
    """The first address of the name. Raises Found if there is none by the deadline.

    getaddrinfo has no timeout: a call that takes longer is left to end by itself.
    """
    found: list[tuple[str, int] | OSError] = []

    def look_up() -> None:
        try:
            *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            found.append((str(address[0]), port))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(left(deadline))
    if not found:
        raise Found(lmtp_verdicts.name_not_resolved(InetAddress(host, port).place, "no answer"))
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]
