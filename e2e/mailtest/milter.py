"""A mail filter of a user's own, in the milter protocol of Sendmail and Postfix: it adds a header to each message.

It runs where the client does, with the standard library alone (mailtest.own_filter), and ends when its standard input
does.
"""

import socketserver
import struct
import sys
from threading import Thread

HEADER = "X-Own-Filter"
# Version 6; headers may be added; of a message only the end is of interest: no connection, HELO, MAIL, RCPT, body,
# headers, end of headers, unknown command, DATA.
_NEGOTIATION = struct.pack(">III", 6, 0x1, 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200)


def _packet(command: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data) + 1) + command + data


# To the negotiation and to the end of a message; nothing else wants an answer.
_ANSWERS = {
    b"O": _packet(b"O", _NEGOTIATION),
    b"E": _packet(b"h", f"{HEADER}\0seen\0".encode()) + _packet(b"c"),
}


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Each packet is its length, a command and data."""
        while start := self.rfile.read(5):
            length, command = struct.unpack(">Ic", start)
            self.rfile.read(length - 1)
            self.wfile.write(_ANSWERS.get(command, b""))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    server = _Server(("", int(sys.argv[1])), _Conversation)
    Thread(target=server.serve_forever, daemon=True).start()
    print("it listens", flush=True)
    sys.stdin.read()
