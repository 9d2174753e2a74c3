"""Connections to the servers of this pod, by lines; every wait ends at a deadline.

Deadlines are times of `time.monotonic`, in seconds.
"""

import socket
import ssl
import time
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


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


class Session:
    """A connection to one port; `title` is how messages call the server."""

    def __init__(self, title: str, port: int, deadline: float, *, tls: bool = False) -> None:
        self.title = title
        self._deadline = deadline
        self._received = b""
        self._socket = _connect(title, port, deadline)
        if tls:
            self._socket = self._encrypt()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def line(self) -> str:
        """The next line, without its end. Raises Problem if the server ends the session, or is silent."""
        while b"\n" not in self._received:
            self._received += self._receive()
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def send(self, line: str) -> None:
        """Raises Problem, as `line` does."""
        try:
            self._socket.settimeout(_left(self._deadline))
            self._socket.sendall(f"{line}\r\n".encode())
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._closed() from error

    def _receive(self) -> bytes:
        try:
            self._socket.settimeout(_left(self._deadline))
            received = self._socket.recv(4096)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._closed() from error
        if not received:
            raise self._closed()
        return received

    def _encrypt(self) -> ssl.SSLSocket:
        # The certificate is for the name that people use; whether it is good, the certificates' sidecar says.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            return context.wrap_socket(self._socket)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise Problem(f"{self.title} does not complete the TLS handshake: {error}") from error

    def _silent(self) -> Silent:
        return Silent(f"{self.title} took the connection, but does not answer; the server's log says why")

    def _closed(self) -> Problem:
        return Problem(f"{self.title} closed the connection; the server's log says why")


def _connect(title: str, port: int, deadline: float) -> socket.socket:
    try:
        return socket.create_connection((HOST, port), timeout=_left(deadline))
    except OSError as error:
        reason = error.strerror or str(error)
        raise Slow(f"{title} cannot be reached ({reason}): the server did not start; its log says why") from error


def _left(deadline: float) -> float:
    """Seconds until then; never nothing, which would mean not to wait for anything."""
    return max(deadline - time.monotonic(), 0.001)
