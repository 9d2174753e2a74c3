"""Dovecot's last errors, as `doveadm log errors` reads them: on a socket of its service log.

The client sends the time since which it asks (Unix seconds); each line is TYPE, time, process and message, between
tabs. Dovecot may send them and hang up before it is asked; 2.3 sends what is older, too. A reload makes it forget them.
Measured with 2.3 and 2.4.
"""

import contextlib
import socket

# Seconds for an answer.
_LIMIT = 2.0
# Bytes that are read at most.
_MOST = 1 << 18


def since(path: str, earliest: int) -> str:
    """The lines from this time on, in Unix seconds; empty if they cannot be read."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_LIMIT)
            connection.connect(path)
            return ask(connection, earliest)
    except OSError:
        return ""


def ask(connection: socket.socket, earliest: int) -> str:
    """The same of a connection. Raises OSError."""
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{earliest}\n".encode())
    return _since(earliest, _received(connection).decode("utf-8", "replace"))


def _since(earliest: int, lines: str) -> str:
    return "\n".join(line for line in lines.splitlines() if time_of(line) >= earliest)


def time_of(line: str) -> float:
    """When it was logged, in Unix seconds; 0 for what is no line of an error."""
    with contextlib.suppress(IndexError, ValueError):
        return float(line.split("\t")[1])
    return 0.0


def _received(connection: socket.socket) -> bytes:
    """What came until the end, or until an error or the limit."""
    found = b""
    with contextlib.suppress(OSError):
        while len(found) < _MOST and (part := connection.recv(65536)):
            found += part
    return found
