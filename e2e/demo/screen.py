"""What the demo shows: numbered steps with their time, and what each one saw, indented."""

import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

WIDTH = 110
_MARGIN = "     "
_numbers = count(1)


@contextmanager
def step(title: str) -> Iterator[None]:
    """A numbered step; its seconds stand below what it showed."""
    number, start = next(_numbers), time.monotonic()
    print(f"\n {number}. {title}", flush=True)
    yield
    show(f"[{time.monotonic() - start:.1f} s]")


def show(text: str) -> None:
    """Something that was seen; long lines are broken, and go on further in."""
    for line in text.splitlines():
        print(_broken(line.replace("\t", "    ")), flush=True)


def _broken(line: str) -> str:
    indent = _MARGIN + line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_is(text: str) -> None:
    """A table or a command to copy: lines are never broken."""
    print(textwrap.indent(text.rstrip(), _MARGIN), flush=True)
