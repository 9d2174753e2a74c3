"""Measures the loop against the floor, and has it survive faults; prints a table and what came of the faults, and ends
with 1 if a figure is over its bound or something was left wrong.

make bench PART=loop           prints it
make bench PART=loop WRITE=1          and puts it into docs/performance.md
"""

import argparse
import asyncio
import sys

from bench import control_plane, faults, figures, loop, page
from bench.figures import Figure
from harness.errors import HarnessError

HEADING = figures.number_of("MailStacks")


def main() -> int:
    """Every size, as often as asked for."""
    arguments = _arguments()
    try:
        control_plane.ensure()
        found = figures.rows(Figure, {size: _rounds(size, arguments.rounds) for size in arguments.sizes})
        survived = [f"- {line}." for line in _faults(arguments.kills, max(arguments.sizes))]
    except HarnessError as error:
        sys.exit(f"bench: {error}")
    return page.publish("loop", found, HEADING, survived, arguments)


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


if __name__ == "__main__":
    sys.exit(main())
