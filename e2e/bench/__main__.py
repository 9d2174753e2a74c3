"""Measures the loop against the floor, and has it survive faults; prints a table and what came of the faults, and ends
with 1 if a figure is over its bound or something was left wrong.

make bench                     prints it
make bench WRITE=1             and puts it into docs/performance.md
"""

import argparse
import asyncio
import os
import platform
import sys
import time
from pathlib import Path

from bench import control_plane, faults, figures, loop
from bench.figures import Row
from harness import paths, versions
from harness.errors import HarnessError

PAGE = paths.repository() / "docs" / "performance.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"


def main() -> int:
    """Every size, as often as asked for."""
    arguments = _arguments()
    try:
        control_plane.ensure()
        found = figures.rows({size: _rounds(size, arguments.rounds) for size in arguments.sizes})
        survived = [f"- {line}." for line in _faults(arguments.kills, max(arguments.sizes))]
    except HarnessError as error:
        sys.exit(f"bench: {error}")
    text = "\n".join([_circumstances(arguments.rounds), "", *figures.table(found), "", *survived])
    print(text)
    if arguments.write:
        PAGE.write_text(replaced(PAGE.read_text(), text))
    return _judge(found)


def replaced(page: str, text: str) -> str:
    """The page with this text between the marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the operator against a floor.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000], help="numbers of MailStacks")
    parser.add_argument("--rounds", type=int, default=3, help="of each size")
    parser.add_argument("--kills", type=int, default=100, help="of the operator")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def _rounds(size: int, rounds: int) -> list[loop.Found]:
    found = []
    for number in range(rounds):
        found.append(asyncio.run(loop.one_round(size)))
        print(f"{size} MailStacks, round {number + 1}:", file=sys.stderr)
        for figure, value in found[-1].items():
            print(f"  {figure.name.lower():<16} {value:10.2f} {figure.value.unit}", file=sys.stderr, flush=True)
    return found


def _faults(kills: int, size: int) -> list[str]:
    return [asyncio.run(each) for each in (faults.killed(kills), faults.away(size))]


def _circumstances(rounds: int) -> str:
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    machine = f"{os.cpu_count()} processors, {memory:.0f} GiB of memory, {platform.system()}"
    software = f"Python {platform.python_version()}, Kubernetes {versions.KUBERNETES}"
    load = f"load at the end {os.getloadavg()[0]:.1f}"
    rest = f"Rounds per size: {rounds}; minimum / median / maximum."
    return f"{time.strftime('%Y-%m-%d')}; {machine}; {software}; {load}. {rest}"


def _judge(found: list[Row]) -> int:
    bad = [row for row in found if not row.is_within_bound]
    for row in bad:
        name, bound = row.figure.value.text, row.figure.value.bound
        print(f"over its bound of {bound}: {name} at {row.size} MailStacks: {row.cell()}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
