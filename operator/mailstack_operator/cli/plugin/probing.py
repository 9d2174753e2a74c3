"""Which lines of the logs are the probe's own doing: most of them, where little mail comes. Pure."""

import re
from collections.abc import Iterator, Sequence

from mailstack_operator.cli.plugin.logs import DOVECOT, Line
from mailstack_probe.recipients import LOCAL_PART

# The process that serves a session: Dovecot's lmtp writes lmtp(PID), and lmtp(ADDRESS)<PID> once it knows for whom.
_PROCESS = re.compile(r"postfix/smtpd\[(\d+)\]: |lmtp\((?:[^)]*\)<)?(\d+)[)>]")
_BEGINS = re.compile(r": (?:Info: C|c)onnect from ")
_ENDS = re.compile(r": (?:Info: D|d)isconnect from ")


def without(found: Sequence[Line]) -> list[Line]:
    """The lines without the probe's questions, and without Dovecot's sessions in which nothing was delivered."""
    questions = {line.queue_id for line in found if _is_asked(line)} - {""}
    idle = {place for session in _sessions(found) if _is_idle([found[at] for at in session]) for place in session}
    mail = (line for place, line in enumerate(found) if place not in idle and not _is_asked(line))
    return [line for line in mail if line.queue_id not in questions]


def _sessions(found: Sequence[Line]) -> Iterator[list[int]]:
    """The places of the lines of each session that began and ended; a process has one at a time."""
    begun: dict[tuple[str, str, str], list[int]] = {}
    for place, line in enumerate(found):
        if process := _PROCESS.match(line.words):
            key = line.pod, line.container, process[1] or process[2]
            if _BEGINS.search(line.words):
                begun[key] = []
            if key in begun:
                begun[key].append(place)
            if key in begun and _ENDS.search(line.words):
                yield begun.pop(key)


def _is_idle(session: Sequence[Line]) -> bool:
    between = session[1:-1]
    # Who only connects to Postfix is somebody else: the probe asks.
    return all(_is_asked(line) for line in between) and (bool(between) or session[0].container == DOVECOT)


def _is_asked(line: Line) -> bool:
    return f" to=<{LOCAL_PART}-" in line.words
