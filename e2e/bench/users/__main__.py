"""Asks MailStacks with few and many users the same, and has Dovecot list and check those of the largest; prints a
table, and ends with 1 if a figure is over its bound.

make bench PART=users                    prints it
make bench PART=users WRITE=1            and puts it into docs/performance.md
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

from bench import page
from bench.figures import rows
from bench.path import containers, servers
from bench.users import rounds, sources
from bench.users.figures import UsersFigure
from bench.users.rounds import Asked
from bench.users.sources import Holder
from harness import images
from harness.errors import HarnessError
from harness.step import Report

FEW, MOST_OF_A_FILE, MANY = 100, 6000, 100_000
HEADINGS = (f"file of {MOST_OF_A_FILE:,}", f"table of {FEW}", f"table of {MANY:,}")
# Users of the largest that are listed and checked.
SAMPLE = 2000


def main() -> int:
    """All of them, as often as asked for."""
    arguments = _arguments()
    containers.end_with_this()
    try:
        images.ensure_built(Report(), *servers.images(), images.SOURCES)
        found, notes = _measure(arguments.rounds, containers.cgroup(arguments.cgroup_parent))
    except HarnessError as error:
        sys.exit(f"bench: {error}")
    measured = rows(UsersFigure, found)
    return page.publish("users", measured, HEADINGS.__getitem__, notes, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.users", description="Measure what many users cost.")
    parser.add_argument("--rounds", type=int, default=5, help="how often all is asked")
    parser.add_argument("--cgroup-parent", help="the control group of the containers, as for docker run")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def _measure(number: int, options: Sequence[str]) -> tuple[Mapping[int, list[Mapping[UsersFigure, float]]], list[str]]:
    """Figures by the place of their heading, and what no ratio tells. Raises HarnessError."""
    with ExitStack() as ended:
        holders = [ended.enter_context(each) for each in _holders(options)]
        found = [rounds.one_round(holders) for _ in range(number)]
        return {place: _figures(found, place) for place in range(len(HEADINGS))}, [*_notes(holders[-1])]


def _holders(options: Sequence[str]) -> list[AbstractContextManager[Holder]]:
    """What the others are compared with comes first."""
    files = [sources.file(size, options) for size in (FEW, MOST_OF_A_FILE)]
    return [*files, *(sources.table(size, options) for size in (FEW, MANY))]


def _figures(found: Sequence[Sequence[Asked]], place: int) -> list[Mapping[UsersFigure, float]]:
    return [others[place].figures(least) for least, *others in found]


def _notes(holder: Holder) -> Iterator[str]:
    for name, work in (("List", rounds.listed(holder, SAMPLE)), ("Check", rounds.checked(holder, SAMPLE))):
        dovecot, database = work.of(1000)
        yield (
            f"- {name} of users, from {work.users:,} of {holder.size:,}: for 1,000 users {dovecot:.2f} s of Dovecot's "
            f"processors and {database:.2f} s of PostgreSQL's."
        )


if __name__ == "__main__":
    sys.exit(main())
