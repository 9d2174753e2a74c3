"""Sends the same messages through what the operator renders and through bare servers; prints a table, and ends with 1
if a figure is over its bound.

make bench PART=path                     prints it
make bench PART=path WRITE=1             and puts it into docs/performance.md
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping

from bench import page
from bench.figures import number_of, rows
from bench.path import containers, rounds, servers
from bench.path.figures import PathFigure
from bench.path.rounds import Round
from harness import images
from harness.errors import HarnessError
from harness.step import Report

HEADING = number_of("sessions")


def main() -> int:
    """Every number of sessions, as often as asked for."""
    arguments = _arguments()
    containers.end_with_this()
    options = containers.cgroup(arguments.cgroup_parent)
    try:
        images.ensure_built(Report(), *servers.images())
        found = rounds.measure(arguments.sessions, arguments.rounds, options)
    except HarnessError as error:
        sys.exit(f"bench: {error}")
    measured = rows(PathFigure, {size: [each.figures() for each in of_size] for size, of_size in found.items()})
    return page.publish("path", measured, HEADING, _notes(found), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.path", description="Measure the way of a message beside bare servers.")
    parser.add_argument("--sessions", type=int, nargs="+", default=[*rounds.MESSAGES], help="that send at once")
    parser.add_argument("--rounds", type=int, default=5, help="of each number of sessions")
    parser.add_argument("--cgroup-parent", help="the control group of the containers, as for docker run")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def _notes(found: Mapping[int, list[Round]]) -> Iterator[str]:
    """What no ratio tells."""
    for sessions, of_size in found.items():
        messages = rounds.messages(sessions)
        ours, bare = (statistics.median(each) * 1000 / messages for each in _processors(of_size))
        late = sum(each.bare.late for each in of_size)
        processors = f"Processor time per 1,000 messages, median: {ours:.1f} s, bare {bare:.1f} s"
        yield f"- Sessions: {sessions}. {processors}. Late with bare servers: {late} of {messages * len(of_size):,}."


def _processors(of_size: list[Round]) -> tuple[list[float], list[float]]:
    return [each.ours.cpu for each in of_size], [each.bare.cpu for each in of_size]


if __name__ == "__main__":
    sys.exit(main())
