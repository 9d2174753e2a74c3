"""The lines of the servers' logs, and Postfix's refusals. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mailstack_operator.cli.plugin.parsing.log_line import Line
from mailstack_operator.cli.plugin.parsing.refusals import Refusal
from mailstack_operator.cli.plugin.screens.table import render_table, replace_controls
from mailstack_operator.cli.plugin.screens.units import format_age


def render_log(lines: Sequence[Line]) -> str:
    """A line each: container, time (UTC), text; the pod too if several have this container."""
    titles = _titles(lines)
    widest = max(map(len, titles.values()), default=0)
    return "".join(
        f"{titles[line.pod, line.container]:{widest}}  {_clock(line.time)}  {replace_controls(line.text)}\n"
        for line in lines
    )


def _titles(lines: Sequence[Line]) -> dict[tuple[str, str], str]:
    """The title of each pod's container."""
    places = {(line.pod, line.container) for line in lines}
    containers = [container for _, container in places]
    return {
        (pod, container): container if containers.count(container) == 1 else f"{pod}/{container}"
        for pod, container in places
    }


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}"


def render_refusals(refusals: Sequence[Refusal], now: datetime, width: int) -> str:
    """A table, the last refusal at the end."""
    rows = [
        (_age(each, now), each.client, each.sender or "<>", each.recipient or "-", _truncate(each.reply))
        for each in refusals
    ]
    return render_table(("AGE", "CLIENT", "SENDER", "RECIPIENT", "REPLY"), rows, width)


def _age(refusal: Refusal, now: datetime) -> str:
    return format_age((now - refusal.time).total_seconds())


def _truncate(reply: str, longest: int = 120) -> str:
    return reply if len(reply) <= longest else f"{reply[: longest - 3]}..."
