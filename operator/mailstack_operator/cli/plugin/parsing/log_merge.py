"""Merges the logs of several containers into one, ordered by time and by cause. Pure.

The times are the container runtime's, which reads each container in a thread of its own: lines of two containers that
are written within a few milliseconds may bear times in the wrong order. Where the lines name a delivery, its steps
give the order instead: Postfix activates the message, Dovecot saves it, Postfix reports it as sent. A delivery is named
by Dovecot's session id, which is unique to a recipient of an LMTP transaction (`SESSION`, `SESSION:R2`,
`SESSION:T2:R2`; source: Dovecot's smtp-server-transaction.c).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from mailstack_operator.cli.plugin.parsing.log_line import Line

_ACTIVE = "(queue active)"


def merge_logs(logs: Iterable[Iterable[Line]]) -> list[Line]:
    """All lines, each log in its own order; across logs by time, but every cause before its effects.

    Where that is impossible (logs whose causes form a circle), the earliest line comes first. The order of `logs` does
    not matter as long as each is of another container.
    """
    sources = sorted(filter(None, map(tuple, logs)), key=lambda log: (log[0].pod, log[0].container))
    lines = list(chain.from_iterable(sources))
    causes = _causes(lines)
    numbers = iter(range(len(lines)))
    queues = [deque(next(numbers) for _ in log) for log in sources]
    merged: dict[int, Line] = {}
    while queues := [queue for queue in queues if queue]:
        nearest = min(queues, key=lambda queue: (not causes[queue[0]] <= merged.keys(), lines[queue[0]].time))
        number = nearest.popleft()
        merged[number] = lines[number]
    return list(merged.values())


def _causes(lines: Sequence[Line]) -> Mapping[int, set[int]]:
    """The numbers of the lines of other logs that must precede a line, by its number."""
    causes: defaultdict[int, set[int]] = defaultdict(set)
    saves = _saves(lines)
    active: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, line in enumerate(lines):
        message = line.pod, line.queue_id
        if line.queue_id and line.text.endswith(_ACTIVE):
            active[message] = {number}
        for save in saves.get(line.sent_session, ()):
            causes[number].add(save)
            causes[save].update(active[message])
    return causes


def _saves(lines: Sequence[Line]) -> Mapping[str, list[int]]:
    """The numbers of Dovecot's lines by the session that they name."""
    saves: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if line.delivering_session:
            saves[line.delivering_session].append(number)
    return saves
