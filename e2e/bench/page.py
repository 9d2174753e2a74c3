"""docs/performance.md, into which the output of the bench goes."""

import os
import platform
import time
from pathlib import Path

from harness import paths, versions

PAGE = paths.repository() / "docs" / "performance.md"


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
