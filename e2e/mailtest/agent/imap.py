"""IMAP."""

import base64
import imaplib
import re
import select
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from mailtest.agent import SECONDS, oauth2, tls
from mailtest.wire import Endpoint, Quota

_FOLDER = re.compile(rb'^\((?P<flags>[^)]*)\) "[^"]*" "?(?P<name>[^"]*)"?$')
_ROOT = re.compile(rb'^"?(?P<root>[^"]*)"? \((?P<resources>.*)\)$')


def fetch(endpoint: Endpoint, folder: str) -> list[str]:
    """Every message of the folder, whole, in base64. Raises AssertionError if there is no such folder."""
    with session(endpoint) as imap:
        kind, words = imap.select(folder, readonly=True)
        assert kind == "OK", f"SELECT {folder}: {words}"
        numbers = imap.search(None, "ALL")[1][0].split()
        return [_whole(imap.fetch(number, "(BODY.PEEK[])")[1]) for number in numbers]


def folders(endpoint: Endpoint) -> dict[str, str]:
    """The special use of each subscribed folder, such as `\\Sent`; "" without one."""
    with session(endpoint) as imap:
        kind, lines = imap.lsub()
        assert kind == "OK", f"LSUB: {lines}"
        found = [_FOLDER.match(line) for line in lines if isinstance(line, bytes)]
        return {each["name"].decode(): _special_use(each["flags"].decode()) for each in found if each}


def crowd(endpoint: Endpoint, users: list[str], number: int, seconds: float) -> int:
    """Keep so many sessions of the users open until the server ends one, for at most `seconds`; how many got in."""
    with ExitStack() as opened:
        sessions = [session(replace(endpoint, user=users[each % len(users)])) for each in range(number)]
        for each in sessions:
            opened.callback(each.shutdown)
        select.select([each.sock for each in sessions], [], [], seconds)
        return len(sessions)


def quota(endpoint: Endpoint) -> list[Quota]:
    """What GETQUOTAROOT INBOX tells; [] when no quota is set."""
    with session(endpoint) as imap:
        kind, (_, roots) = imap.getquotaroot("INBOX")
        assert kind == "OK", f"GETQUOTAROOT: {roots}"
        return [each for line in roots if line for each in _resources(line)]


def session(endpoint: Endpoint) -> imaplib.IMAP4:
    """Connected, over TLS if the endpoint says so, and logged in if it names a user."""
    imap = connect(endpoint)
    if endpoint.mechanism in oauth2.MECHANISMS:
        imap.authenticate(endpoint.mechanism, lambda challenge: _token(endpoint, challenge))
    elif endpoint.user:
        imap.login(endpoint.user, endpoint.password)
    return imap


def _token(endpoint: Endpoint, challenge: bytes) -> bytes:
    return (oauth2.UNDERSTOOD if challenge else oauth2.response(endpoint)).encode()


def connect(endpoint: Endpoint) -> imaplib.IMAP4:
    kind = _ImplicitTls if endpoint.security == "tls" else _NamedTls
    imap = kind(endpoint)
    if endpoint.security == "starttls":
        imap.starttls(tls.context(endpoint))
    return imap


class _NamedTls(imaplib.IMAP4):
    """IMAP whose TLS asks for the endpoint's name: imaplib takes it from `host`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        super().__init__(endpoint.host, endpoint.port_of("imap"), timeout=SECONDS)
        self.host = tls.name(endpoint)


class _ImplicitTls(_NamedTls):
    """TLS from the first byte."""

    def _create_socket(self, timeout: float | None) -> Any:
        plain = super()._create_socket(timeout)  # type: ignore[misc]  # typeshed leaves it out
        return tls.context(self.endpoint).wrap_socket(plain, server_hostname=tls.name(self.endpoint))


def _special_use(flags: str) -> str:
    uses = {"\\Drafts", "\\Sent", "\\Trash", "\\Junk", "\\Archive"}
    return "".join(uses.intersection(flags.split()))


def _resources(line: bytes) -> list[Quota]:
    """The resources of one QUOTA line, such as `"User quota" (STORAGE 10 512 MESSAGE 1 100)`."""
    found = _ROOT.match(line)
    assert found, f"QUOTA: {line!r}"
    words = found["resources"].decode().split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return [Quota(found["root"].decode(), name, int(usage), int(limit)) for name, usage, limit in triples]


def _whole(parts: list[Any]) -> str:
    return base64.b64encode(parts[0][1]).decode()
