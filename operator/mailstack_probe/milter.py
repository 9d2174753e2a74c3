"""Asks the filter beside Postfix what Postfix asks it first: which version of the milter protocol it speaks.

Source: Sendmail's libmilter, mfdef.h: a packet is its length (32 bits), a command (a letter), and data.
"""

import contextlib
import socket
import struct
import time

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

# Seconds; Postfix waits for 8 s.
LIMIT = 8.0
# SMFIC_OPTNEG with version 6, every action and every step of the protocol; SMFIC_QUIT.
OFFER = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")
# The length and command of the answer to the offer.
_ANSWER = struct.pack("!Ic", 13, b"O")
_LOG = "Postfix does with mail what spec.filter.onFailure says; see the log of the container filter"
_CLOSED = "the filter closes the connection without an answer"
_REASONS = {
    FileNotFoundError: (Reason.NO_SOCKET, "the filter's socket does not exist: it is not running"),
    ConnectionRefusedError: (Reason.CONNECTION_REFUSED, "connection refused by the filter's socket: it is not running"),
    PermissionError: (Reason.PERMISSION_DENIED, "the filter's socket does not let Postfix connect"),
    ConnectionResetError: (Reason.CONNECTION_CLOSED, _CLOSED),
    BrokenPipeError: (Reason.CONNECTION_CLOSED, _CLOSED),
    TimeoutError: (Reason.FROZEN, "the filter does not answer: it is stopped or overloaded"),
}


def check(path: str) -> Verdict:
    """The verdict on the filter at this unix socket, after LIMIT seconds at most."""
    try:
        answer = _ask(path, time.monotonic() + LIMIT)
    except OSError as error:
        reason, words = _REASONS.get(type(error), (Reason.UNREACHABLE, f"the filter's socket: {error}"))
        return verdicts.bad(reason, f"{words}; {_LOG}")
    if answer == _ANSWER:
        return verdicts.good(Reason.FILTERING, "the filter answers")
    if not answer:
        return verdicts.bad(Reason.CONNECTION_CLOSED, f"{_CLOSED}; {_LOG}")
    return verdicts.bad(Reason.BAD_GREETING, f"what listens on the filter's socket does not speak as a milter; {_LOG}")


def _ask(path: str, deadline: float) -> bytes:
    """The first bytes of the answer; fewer if the connection ends before. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LIMIT)
        connection.connect(path)
        connection.sendall(OFFER)
        answer = b""
        while len(answer) < len(_ANSWER) and (received := _receive(connection, deadline)):
            answer += received
        with contextlib.suppress(OSError):
            connection.sendall(_QUIT)
        return answer[: len(_ANSWER)]


def _receive(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(max(0.001, deadline - time.monotonic()))
    return connection.recv(64)
