"""Connections to mail servers, line by line; every wait ends at a deadline.

Deadlines are times of `time.monotonic`, in seconds.
"""

import socket
import ssl
import time
from types import TracebackType
from typing import Self

from mailstack_probe import replies, trust

HOST = "127.0.0.1"
# Seconds for a connection within the pod: the kernel accepts it at once, whatever the server does.
_CONNECT = 3.0
# Seconds after a deadline in which what is there already is still read: this process may have had to wait, too.
_OVERTIME = 1.0
# Bytes of a line: no server of mail writes a longer one.
_LONGEST_LINE = 65536


class Unsettled(Exception):
    """A problem that may be over in a moment."""


class Slow(Unsettled):
    """No answer so far; a slow node may be the cause."""


class Problem(Exception):
    """A problem that stays; the message is one sentence."""


class Unanswered(Problem):
    """No answer in time; a slow node may be the cause."""


class Silent(Unanswered):
    """The server was silent until the deadline."""


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
    """An open connection; messages call the server `title`."""

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
        """Moves the deadline of all later waits."""
        self._deadline = deadline

    def line(self) -> str:
        """The next line, without its line end. Raises Closed, Silent and Foreign."""
        while b"\n" not in self._received:
            if len(self._received) > _LONGEST_LINE:
                raise Foreign(self.title, f"a line of more than {_LONGEST_LINE} bytes")
            self._received += self._receive()
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self) -> replies.Reply:
        """The next reply of an SMTP or LMTP server. Raises as `line` does."""
        lines = [self.line()]
        while replies.has_next_line(lines[-1]):
            lines.append(self.line())
        reply = replies.smtp(lines)
        if reply is None:
            raise Foreign(self.title, lines[-1])
        return reply

    def ask(self, command: str) -> replies.Reply:
        """The reply to an SMTP command. Raises as `reply` does."""
        self.send(command)
        return self.reply()

    def send(self, line: str) -> None:
        """Raises as `line` does."""
        try:
            self._socket.settimeout(left(self._deadline))
            self._socket.sendall(f"{line}\r\n".encode())
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._closed() from error

    def _receive(self) -> bytes:
        # A server that never pauses would never time out.
        if time.monotonic() > self._deadline + _OVERTIME:
            raise self._silent()
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
        """Continues in TLS; `name` is what the certificate must be for, if the context verifies it.

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
        return Silent(f"{self.title} accepted the connection, but does not answer; see the server's log")

    def _closed(self) -> Closed:
        return Closed(f"{self.title} closed the connection; see the server's log")


def on_port(title: str, port: int, deadline: float, *, tls: bool = False, source: str = HOST) -> Session:
    """A session with a server of this pod, which sees `source` as the client's address. Raises Slow without a
    connection, Untrusted without TLS."""
    session = Session(title, _connect(title, port, deadline, source), deadline)
    if tls:
        try:
            session.encrypt(trust.anybody())
        except Problem:
            session.close()
            raise
    return session


def _connect(title: str, port: int, deadline: float, source: str) -> socket.socket:
    try:
        return socket.create_connection((HOST, port), min(left(deadline), _CONNECT), (source, 0))
    except TimeoutError as error:
        raise Slow(f"the connection to {title} timed out: the server hangs, or a packet filter drops it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Slow(f"the connection to {title} failed ({reason}): the server did not start; see its log") from error


def left(deadline: float) -> float:
    """Seconds until then; more than 0, which would make a socket non-blocking."""
    return max(deadline - time.monotonic(), 0.001)
