"""Asks Postfix on port 25, as another mail server would, whether it refuses addresses that nobody has."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mailstack_probe import recipient_verdicts, sessions, verify_cache
from mailstack_probe.contract import PROBE_USER
from mailstack_probe.replies import Reply
from mailstack_probe.sessions import NotYet, Problem, Session
from mailstack_probe.verdicts import Verdict

# Seconds for one dialogue: Postfix waits for Dovecot's answer before it says 450.
LIMIT = 15.0
# Each name asked for is an entry in the verify cache, for days: a name lasts so many seconds, unless something changed.
_NAME_LASTS = 600.0
# After a temporary answer a fresh name helps, but not each time.
_NAME_LASTS_AT_LEAST = 10.0
# Names are of the time of day, one for each so many seconds: none comes back before the next day.
_NAMES_EVERY = 2
_DAY = 86400


class Nobody:
    """Names that nobody has. A fresh one is answered by Dovecot, a used one maybe by the verify cache."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since = clock()

    def refresh(self, *, at_once: bool = True) -> None:
        if at_once or self._clock() - self._since > _NAME_LASTS_AT_LEAST:
            self._since = self._clock()

    def address(self, domain: str) -> str:
        if self._clock() - self._since > _NAME_LASTS:
            self.refresh()
        return f"{PROBE_USER}-{self._since % _DAY // _NAMES_EVERY:05.0f}@{domain}"


class Postfix:
    """Port 25 of this pod; `cache` is the file of its verify cache, if it can be seen."""

    def __init__(self, port: int, expected: int, cache: Path | None = None) -> None:
        self._port = port
        self._expected = expected
        self._cache = cache

    def judge(self, domain: str, address: str) -> Verdict:
        """The verdict on one domain, after a dialogue of LIMIT seconds at most."""
        try:
            with sessions.on_port("SMTP on port 25", self._port, time.monotonic() + LIMIT) as session:
                reply = _ask(session, address)
        except (Problem, NotYet) as problem:
            return recipient_verdicts.unreachable(problem)
        return recipient_verdicts.of_reply(
            domain, _constant(reply, address), self._expected, self._cached(reply, address)
        )

    def _cached(self, reply: Reply, address: str) -> str:
        wanted = reply.code == 250 and self._expected != 250 and self._cache
        return verify_cache.text(self._cache, address) if wanted and self._cache else ""


def _ask(session: Session, address: str) -> Reply:
    """The reply to RCPT, or the one that kept it from being asked."""
    reply = session.reply()
    for command in ("EHLO localhost", "MAIL FROM:<>", f"RCPT TO:<{address}>"):
        if not 200 <= reply.code < 300:
            return reply
        reply = session.ask(command)
    _leave(session)
    return reply


def _leave(session: Session) -> None:
    """Ends the session politely; what it was for is known already."""
    try:
        session.ask("QUIT")
    except Problem:
        return


def _constant(reply: Reply, address: str) -> Reply:
    """The reply without the name's number: a verdict that stays says the same words."""
    local, _, domain = address.rpartition("@")
    constant = reply.text.replace(address, f"{PROBE_USER}@{domain}").replace(local, PROBE_USER)
    return Reply(reply.code, constant)


def listens(port: int, tables: Sequence[Path] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> bool:
    """Whether somebody listens on the port in this pod, without a connection that Postfix would log.

    proc(5): the second field is the address, `HEX:PORT`, the fourth the state, 0A for one that listens.
    """
    for table in tables:
        with table.open(encoding="ascii") as lines:
            fields = (line.split() for line in lines)
            if any(field[3] == "0A" and field[1].endswith(f":{port:04X}") for field in fields):
                return True
    return False
