"""The TCP sockets of this network namespace, as the kernel lists them. Source: sock_diag(7), netlink(7)."""

import os
import socket
from collections.abc import Iterator
from struct import Struct

# NETLINK_SOCK_DIAG, and what is asked of it: SOCK_DIAG_BY_FAMILY, with NLM_F_REQUEST and NLM_F_DUMP.
_PROTOCOL, _BY_FAMILY, _DUMP = 4, 20, 0x301
# NLMSG_ERROR and NLMSG_DONE.
_ERROR, _DONE = 2, 3
# A message's length, kind, flags, sequence number and sender.
_HEADER = Struct("=IHHII")
# inet_diag_req_v2: family, protocol, extensions, and, after a byte of padding, the states as bits; any socket.
_REQUEST = Struct("=BBBxI48x")
# The beginning of inet_diag_msg: family, state, timer, retransmissions, then the local port in network order.
_FOUND = Struct("!4xH")
_NUMBER = Struct("=i")
# Bytes of an answer: the kernel sends no more at once.
_MOST = 65536
_SECONDS = 5.0


def local_ports(state: int) -> list[int]:
    """Of each socket in that state, numbered as in proc(5). Raises OSError where the kernel does not tell."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _PROTOCOL) as kernel:
        kernel.settimeout(_SECONDS)
        return [port for family in (socket.AF_INET, socket.AF_INET6) for port in _ports(kernel, family, state)]


def _ports(kernel: socket.socket, family: int, state: int) -> Iterator[int]:
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << state)
    kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 0, 0) + request)
    for kind, body in _messages(kernel):
        if kind == _ERROR:
            number = -_NUMBER.unpack_from(body)[0]
            raise OSError(number, os.strerror(number))
        yield _FOUND.unpack_from(body)[0]


def _messages(kernel: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The kind and the content of each, up to the one that says that it was the last."""
    while True:
        answer = kernel.recv(_MOST)
        while answer:
            length, kind, *_ = _HEADER.unpack_from(answer)
            if kind == _DONE:
                return
            yield kind, answer[_HEADER.size : length]
            # Each begins at a multiple of four.
            answer = answer[(length + 3) & ~3 :]
