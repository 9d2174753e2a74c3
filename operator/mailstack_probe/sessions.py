"""Connections to mail servers, by lines; every wait ends at a deadline.

Deadlines are times of `time.monotonic`, in seconds.
"""

import socket
import ssl
import time
from types import TracebackType
from typing import Self

from mailstack_probe import replies

HOST = "127.0.0.1"
# Seconds for a connection within the pod: the kernel takes it at once, whatever the server does.
_CONNECT = 3.0


class NotYet(Exception):
    """This may be otherwise in a moment; the message is what is wrong if it stays so."""


class Slow(NotYet):
    """There is no answer so far."""


class Problem(Exception):
    """This stays so; the message says it in one sentence."""


class Unanswered(Problem):
    """There was no answer in time: maybe the node is slow."""


class Silent(Unanswered):
    """The server said nothing until the deadline."""


class Closed(Problem):
    """The server ended the session."""


class Untrusted(Problem):
    """There is no TLS with a certificate that can be trusted."""


class Foreign(Problem):
    """The server speaks another protocol."""

    def __init__(self, title: str, line: str) -> None:
        super().__init__(f"{title} does not speak SMTP: {line}")
        self.line = line


class Session:
    """A connection that is open; `title` is how messages call the server."""

    def __init__(self, title: str, connection: socket.socket, deadline: float) -> None:
        self.title = title
        self._deadline = deadline
        self._received = b""
        self._socket = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def extend(self, deadline: float) -> None:
        """Every wait ends then, from now on."""
        self._deadline = deadline

    def line(self) -> str:
        """The next line, without its end. Raises Problem if the server ends the session, or is silent."""
        while b"\n" not in self._received:
            self._received += self._receive()
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self) -> replies.Reply:
        """The next reply of an SMTP or LMTP server. Raises Problem, as `line` does, and Foreign."""
        lines = [self.line()]
        while replies.has_next_line(lines[-1]):
            lines.append(self.line())
        reply = replies.smtp(lines)
        if reply is None:
            raise Foreign(self.title, lines[-1])
        return reply

    def ask(self, command: str) -> replies.Reply:
        """The reply to an SMTP command. Raises Problem, as `reply` does."""
        self.send(command)
        return self.reply()

    def send(self, line: str) -> None:
        """Raises Problem, as `line` does."""
        try:
            self._socket.settimeout(left(self._deadline))
            self._socket.sendall(f"{line}\r\n".encode())
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._closed() from error

    def _receive(self) -> bytes:
        try:
            self._socket.settimeout(left(self._deadline))
            received = self._socket.recv(4096)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._closed() from error
        if not received:
            raise self._closed()
        return received

    def encrypt(self, context: ssl.SSLContext, name: str | None = None) -> None:
        """Goes on in TLS; `name` is what the certificate must be for, if the context asks for one.

        Raises Untrusted if the server does not, or its certificate is not good; Silent.
        """
        try:
            self._socket.settimeout(left(self._deadline))
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise Untrusted(f"{self.title} does not complete the TLS handshake: {error}") from error

    def _silent(self) -> Silent:
        return Silent(f"{self.title} took the connection, but does not answer; the server's log says why")

    def _closed(self) -> Closed:
        return Closed(f"{self.title} closed the connection; the server's log says why")


def on_port(title: str, port: int, deadline: float, *, tls: bool = False) -> Session:
    """A session with a server of this pod. Raises NotYet if nobody listens, Problem if it does not speak TLS."""
    session = Session(title, _connect(title, port, deadline), deadline)
    if tls:
        try:
            session.encrypt(unverified())
        except Problem:
            session.close()
            raise
    return session


def unverified() -> ssl.SSLContext:
    """TLS with whatever certificate: it is for the name that people use, and its sidecar says whether it is good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _connect(title: str, port: int, deadline: float) -> socket.socket:
    try:
        return socket.create_connection((HOST, port), timeout=min(left(deadline), _CONNECT))
    except TimeoutError as error:
        raise Slow(f"{title} takes no connection: the server hangs, or a packet filter drops them") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Slow(f"{title} cannot be reached ({reason}): the server did not start; its log says why") from error


def left(deadline: float) -> float:
    """Seconds until then; never nothing, which would mean not to wait for anything."""
    return max(deadline - time.monotonic(), 0.001)
