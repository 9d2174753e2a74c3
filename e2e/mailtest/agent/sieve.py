"""ManageSieve (RFC 5804): the standard library has no client for it."""

import base64
import re
import socket
from typing import BinaryIO

from mailtest.agent import SECONDS, tls
from mailtest.wire import Endpoint, Verdict

_LITERAL = re.compile(rb"\{(\d+)\+?\}\r\n$")
_END = re.compile(rb"^(OK|NO|BYE)\b ?")


def put_script(endpoint: Endpoint, name: str, script: str, activate: bool) -> Verdict:
    """Upload a script; activate it if that went well."""
    with session(endpoint) as sieve:
        verdict = sieve.command(b'PUTSCRIPT "%s" ' % name.encode() + _literal(script))
        return sieve.command(b'SETACTIVE "%s"' % name.encode()) if verdict.ok and activate else verdict


def check_script(endpoint: Endpoint, script: str) -> Verdict:
    """Whether the server can compile the script; it is not kept."""
    with session(endpoint) as sieve:
        return sieve.command(b"CHECKSCRIPT " + _literal(script))


def session(endpoint: Endpoint) -> "Session":
    """Connected and logged in. Raises AssertionError when the login is refused."""
    sieve = Session(endpoint)
    secret = base64.b64encode(f"\0{endpoint.user}\0{endpoint.password}".encode())
    verdict = sieve.command(b'AUTHENTICATE "PLAIN" "%s"' % secret)
    assert verdict.ok, f"AUTHENTICATE: {verdict.words}"
    return sieve


class Session:
    """A connection after its greeting, over TLS if the endpoint says so."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.sock = socket.create_connection((endpoint.host, endpoint.port_of("sieve")), SECONDS)
        self._file: BinaryIO = self.sock.makefile("rb")
        self._greeting()
        if endpoint.security == "starttls":
            self._start_tls(endpoint)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def command(self, line: bytes) -> Verdict:
        self.sock.sendall(line + b"\r\n")
        return self._answer()

    def _start_tls(self, endpoint: Endpoint) -> None:
        verdict = self.command(b"STARTTLS")
        assert verdict.ok, f"STARTTLS: {verdict.words}"
        self.sock = tls.context(endpoint).wrap_socket(self.sock, server_hostname=tls.name(endpoint))
        self._file = self.sock.makefile("rb")
        self._greeting()

    def _greeting(self) -> None:
        """The capabilities, which the server tells by itself."""
        verdict = self._answer()
        assert verdict.ok, f"the greeting: {verdict.words}"

    def _answer(self) -> Verdict:
        """The answer's end; the lines before it are data of the command."""
        while not (end := _END.match(line := self._line())):
            pass
        words = line[end.end() :].decode("utf-8", "replace").strip().strip('"')
        return Verdict(end[1] == b"OK", words)

    def _line(self) -> bytes:
        """A line; a literal in it stands in place of its length."""
        line = self._file.readline()
        assert line, "the server closed the connection"
        while literal := _LITERAL.search(line):
            line = line[: literal.start()] + self._file.read(int(literal[1])) + self._file.readline()
        return line


def _literal(text: str) -> bytes:
    data = text.encode()
    return b"{%d+}\r\n" % len(data) + data
