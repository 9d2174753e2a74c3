"""docs/performance.md, into which the output of the bench goes."""

import os
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from bench.figures import Heading, Row, judge, table
from harness import paths, versions

PAGE = paths.repository() / "docs" / "performance.md"


class Options(Protocol):
    """Of the command line: how many rounds were made, and whether the page is to be written."""

    rounds: int
    write: bool


def publish(part: str, found: Sequence[Row], heading: Heading, notes: Iterable[str], options: Options) -> int:
    """Prints the table and notes of a part, and puts them into the page if asked to. Returns the exit status: 1 if a
    figure is over its bound."""
    text = "\n".join([circumstances(options.rounds), "", *table(found, heading), "", *notes])
    print(text)
    if options.write:
        write(part, text)
    return judge(found, heading)


def write(part: str, text: str) -> None:
    """The text takes the place of the part's last."""
    PAGE.write_text(replaced(PAGE.read_text(), part, text))


def marks(part: str) -> tuple[str, str]:
    """The lines around a part."""
    return f"<!-- begin: make bench {part} -->", f"<!-- end: make bench {part} -->"


def replaced(page: str, part: str, text: str) -> str:
    """The page with this text between the marks of the part."""
    begin, end = marks(part)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


def circumstances(rounds: int) -> str:
    """Where and when a table was made."""
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    machine = f"{os.cpu_count()} processors, {memory:.0f} GiB of memory, {platform.system()}"
    software = f"Python {platform.python_version()}, Kubernetes {versions.KUBERNETES}"
    load = f"load at the end {os.getloadavg()[0]:.1f}"
    rest = f"Rounds per size: {rounds}; minimum / median / maximum."
    return f"{time.strftime('%Y-%m-%d')}; {machine}; {software}; {load}. {rest}"
