"""The probes' own traffic in the servers' logs: most of the lines where there is little mail. Pure.

A probe asks about recipients on a listener of its own, which Postfix logs as postfix/probe; in a pod of an earlier
release, on port 25. On port 25 it asks no further than MAIL. Warnings are kept: a verdict may refer to them.
"""

import re
from collections.abc import Iterator, Sequence

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, POSTFIX, Line
from mailstack_probe.contract import PROBE_USER

_LISTENER = "postfix/probe/"
# The process that serves a session: Dovecot's lmtp writes lmtp(PID), and lmtp(ADDRESS)<PID> once it has a recipient.
_PROCESS = re.compile(r"postfix/smtpd\[(\d+)\]: |lmtp\((?:[^)]*\)<)?(\d+)[)>]")
_BEGINS = re.compile(r": (?:Info: C|c)onnect from ")
_ENDS = re.compile(r": (?:Info: D|d)isconnect from ")
# Source: smtpd(8), the counts of commands.
_ENDS_AFTER_MAIL = re.compile(r": disconnect from \S*\[127\.0\.0\.1\] ehlo=1 mail=(?:0/)?1(?: quit=1)? commands=")
_WARNING = re.compile(r"\]: (?:warning|error|fatal|panic): ")


def drop_probe_traffic(lines: Sequence[Line]) -> list[Line]:
    """The lines without the probe's traffic, and without Dovecot's sessions in which nothing was delivered."""
    questions = {line.queue_id for line in lines if _is_question(line)} - {""}
    dropped = {place for session in _sessions(lines) for place in _probe_lines(lines, session)}
    mail = (line for place, line in enumerate(lines) if place not in dropped and not _is_question(line))
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


def _probe_lines(lines: Sequence[Line], session: Sequence[int]) -> list[int]:
    """The places of the session's lines that are the probe's doing."""
    first, *between, last = session
    if _ENDS_AFTER_MAIL.search(lines[last].text):
        return [place for place in session if not _WARNING.search(lines[place].text)]
    # The probe always asks: a client that only connects to Postfix is another.
    is_idle = all(_is_question(lines[place]) for place in between)
    return list(session) if is_idle and (between or lines[first].container == DOVECOT) else []


def _is_question(line: Line) -> bool:
    is_on_listener = line.container == POSTFIX and line.text.startswith(_LISTENER) and not _WARNING.search(line.text)
    return is_on_listener or f" to=<{PROBE_USER}-" in line.text
