"""The probes' own traffic in the servers' logs: most of the lines where there is little mail. Pure."""

import re
from collections.abc import Iterator, Sequence

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, Line
from mailstack_probe.contract import PROBE_USER

# The process that serves a session: Dovecot's lmtp writes lmtp(PID), and lmtp(ADDRESS)<PID> once it has a recipient.
_PROCESS = re.compile(r"postfix/(?:probe/)?smtpd\[(\d+)\]: |lmtp\((?:[^)]*\)<)?(\d+)[)>]")
_BEGINS = re.compile(r": (?:Info: C|c)onnect from ")
# The check of port 25. Other clients that only connect are not the probe's.
_SMTP_CHECK = re.compile(r" from localhost\[127\.0\.0\.1\] ehlo=1 mail=1 quit=1 ")
_ENDS = re.compile(r": (?:Info: D|d)isconnect from ")


def drop_probe_traffic(lines: Sequence[Line]) -> list[Line]:
    """The lines without the probe's questions, and without Dovecot's sessions in which nothing was delivered."""
    questions = {line.queue_id for line in lines if _is_question(line)} - {""}
    idle = {place for session in _sessions(lines) if _is_idle([lines[at] for at in session]) for place in session}
    mail = (line for place, line in enumerate(lines) if place not in idle and not _is_question(line))
    return [line for line in mail if line.queue_id not in questions]


def _sessions(lines: Sequence[Line]) -> Iterator[list[int]]:
    """The places of the lines of each session that began and ended; a process has one at a time."""
    begun: dict[tuple[str, str, str], list[int]] = {}
    for place, line in enumerate(lines):
        if process := _PROCESS.match(line.text):
            key = line.pod, line.container, process[1] or process[2]
            if _BEGINS.search(line.text):
                begun[key] = []
            if key in begun:
                begun[key].append(place)
            if key in begun and _ENDS.search(line.text):
                yield begun.pop(key)


def _is_idle(session: Sequence[Line]) -> bool:
    first, *between, last = session
    asked = bool(between) or first.container == DOVECOT or _SMTP_CHECK.search(last.text) is not None
    return asked and all(map(_is_question, between))


def _is_question(line: Line) -> bool:
    return f" to=<{PROBE_USER}-" in line.text
