"""Text for a terminal: tables, ages and sizes. Pure."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

_GAP = "  "
# The last column gets no less than this, however narrow the terminal is.
_NARROWEST = 30

Row = Sequence[str]


def table(header: Row, rows: Sequence[Row], width: int) -> str:
    """Lines with the cells in columns; the last column is wrapped so that a line has `width` characters at most."""
    every = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(header) - 1)]
    room = max(width - sum(widths) - len(_GAP) * len(widths), _NARROWEST)
    return "".join(line for row in every for line in _lines(row, widths, room))


def _lines(row: Row, widths: Sequence[int], room: int) -> Iterator[str]:
    *cells, last = row
    start = "".join(cell.ljust(width) + _GAP for cell, width in zip(cells, widths, strict=True))
    for line in textwrap.wrap(last, room, break_on_hyphens=False) or [""]:
        yield f"{start}{line}".rstrip() + "\n"
        start = " " * len(start)


def printable(words: str) -> str:
    """Without what could command the terminal: senders choose the text of addresses, servers that of answers."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in words)


def moment(rfc3339: str) -> datetime | None:
    """The time that RFC 3339 text tells; None if it tells none."""
    try:
        found = datetime.fromisoformat(rfc3339)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def since(rfc3339: str, now: datetime) -> str:
    """How long ago that was; `-` if it is no time."""
    found = moment(rfc3339)
    return age((now - found).total_seconds()) if found else "-"


def age(seconds: float) -> str:
    """In the largest unit of which there are two, as kubectl does: 90s, 3m, 47h, 2d."""
    whole = max(int(seconds), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def size(octets: int) -> str:
    """In the largest binary unit of which there is one: 312, 4.1Ki, 10.0Mi."""
    if octets < 1024:
        return str(octets)
    return f"{octets / 1024:.1f}Ki" if octets < 1024**2 else f"{octets / 1024**2:.1f}Mi"
