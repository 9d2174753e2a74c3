"""The DNS and a mail server of an internet of the tests' own. Its container runs this file (outside.py).

Port 53 answers from the file ZONE, whose names are of the root zone, and fails while the file AWAY is there, as the
cluster's DNS does when it reaches no other. Port 25 takes every message, each into a file of the folder MAIL.
"""

import asyncio
import socket
from contextlib import suppress
from itertools import count
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.zone

FOLDER = Path("/srv")
ZONE, AWAY, MAIL = FOLDER / "zone", FOLDER / "away", FOLDER / "mail"
# RFC 1035, 4.2.1: what a question without EDNS has room for.
_SMALL = 512


def answer(wire: bytes, zone: dns.zone.Zone) -> dns.message.Message:
    """What the zone has of the first question."""
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    found = zone.get_rrset(question.name, question.rdtype)
    if AWAY.exists():
        response.set_rcode(dns.rcode.SERVFAIL)
    elif found is not None:
        response.answer.append(found)
    elif not any(name.is_subdomain(question.name) for name in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def read_zone() -> dns.zone.Zone:
    return dns.zone.from_text(ZONE.read_text(), origin=dns.name.root, relativize=False, check_origin=False)


class _Datagrams(asyncio.DatagramProtocol):
    """Questions by UDP."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        found = answer(data, read_zone())
        self._transport.sendto(found.to_wire(max_size=found.request_payload or _SMALL, prefer_truncation=True), addr)


async def _answer_by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            length = int.from_bytes(await reader.readexactly(2))
            found = answer(await reader.readexactly(length), read_zone()).to_wire(max_size=65535)
            writer.write(len(found).to_bytes(2) + found)
    writer.close()


_numbers = count()


async def _take_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mx.example.net ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 Go on\r\n")
            MAIL.joinpath(f"{next(_numbers)}").write_bytes(await _read_message(reader))
        writer.write(b"221 2.0.0 Bye\r\n" if verb == b"QUIT" else b"250 2.0.0 mx.example.net\r\n")
    writer.close()


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Without the dots that RFC 5321, 4.5.2 adds."""
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)


async def _serve() -> None:
    MAIL.mkdir()
    own = socket.gethostbyname(socket.gethostname())
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(_Datagrams, (own, 53))
    await asyncio.start_server(_answer_by_tcp, own, 53)
    await asyncio.start_server(_take_mail, own, 25)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
