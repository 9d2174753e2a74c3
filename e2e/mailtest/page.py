"""The shell commands of a page, in the order in which a reader types them.

They stand in blocks of the language `sh`, or `console` with the prompt `$ `. An HTML comment `<!-- not run: REASON -->`
above a block, which the site does not show, says why no test runs it.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from textwrap import dedent

from harness import paths

_FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>.+?) -->\n\n?)?^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_SHELL = {"sh", "console"}


@dataclass(frozen=True)
class Block:
    """The commands of one block; `section` is the heading of level 2 above it, `reason` why they are not run, or ""."""

    page: str
    line: int
    section: str
    commands: str
    reason: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page with commands, as a path from the repository's root."""
    root = paths.repository()
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "charts").rglob("*.md")]
    names = sorted(path.relative_to(root).as_posix() for path in found)
    return [name for name in names if blocks(name)]


@cache
def blocks(page: str) -> list[Block]:
    """All blocks of commands of a page."""
    return list(_blocks(page, (paths.repository() / page).read_text(encoding="utf-8")))


def _blocks(page: str, text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        if found["language"] in _SHELL:
            before = text[: found.start("language")]
            section = (_HEADING.findall(before) or [""])[-1]
            body = dedent(found["text"])
            commands = body if found["language"] == "sh" else "".join(_typed(body))
            yield Block(page, before.count("\n") + 1, section, commands, found["reason"] or "")


def _typed(text: str) -> Iterator[str]:
    """What stands behind the prompts, each with as many lines as its quotes need."""
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        if line.startswith("$ "):
            command = line.removeprefix("$ ")
            while not _is_complete(command):
                command += next(lines)
            yield command


def _is_complete(command: str) -> bool:
    done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0 and not command.endswith("\\\n")
