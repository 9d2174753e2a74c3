"""Tables for a terminal. Pure."""

import textwrap
from collections.abc import Iterator, Sequence

_GAP = "  "
# The minimum width of the last column, however narrow the terminal is.
_NARROWEST = 30

Row = Sequence[str]


def render_table(header: Row, rows: Sequence[Row], width: int) -> str:
    """Lines with the cells in columns; the last column is wrapped so that a line has `width` characters at most."""
    every = [header, *([replace_controls(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(header) - 1)]
    room = max(width - sum(widths) - len(_GAP) * len(widths), _NARROWEST)
    return "".join(line for row in every for line in _lines(row, widths, room))


def _lines(row: Row, widths: Sequence[int], room: int) -> Iterator[str]:
    *cells, last = row
    start = "".join(cell.ljust(width) + _GAP for cell, width in zip(cells, widths, strict=True))
    for line in textwrap.wrap(last, room, break_on_hyphens=False) or [""]:
        yield f"{start}{line}".rstrip() + "\n"
        start = " " * len(start)


def replace_controls(text: str) -> str:
    """The text without terminal escapes: senders choose the text of addresses, servers that of replies."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in text)
