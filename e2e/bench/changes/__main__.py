"""Starts and changes a MailStack again and again; prints a table, and ends with 1 if a figure is over its bound.

make bench PART=changes                  prints it
make bench PART=changes WRITE=1          and puts it into docs/performance.md

Needs the cluster, in which it installs the operator, and a machine that does nothing else.
"""

import argparse
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench import page
from bench.changes.figures import ChangesFigure
from bench.changes.rounds import one_round
from bench.figures import rows
from mailtest import manifests, release
from mailtest.client import Client
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack


def main() -> int:
    """Each round with another MailStack."""
    arguments = _arguments()
    release.install()
    found = []
    for number in range(arguments.rounds):
        with _namespace() as namespace:
            found.append(one_round(Stack(namespace)))
        print(
            f"round {number + 1}: ", {figure.name: round(value, 2) for figure, value in found[-1].items()}, flush=True
        )
    return page.publish("changes", rows(ChangesFigure, {1: found}), lambda _: "One MailStack", [], arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.changes", description="Measure what a start and a change take.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is done")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


@contextmanager
def _namespace() -> Iterator[str]:
    """With users and the client; it is gone in the end, so that its end is in no figure of the next round."""
    name = f"bench-changes-{secrets.token_hex(3)}"
    Kubectl().apply(manifests.namespace(name))
    try:
        Kubectl(name).apply(manifests.users())
        Client(name).start()
        yield name
    finally:
        Kubectl()("delete", "namespace", name, "--timeout=120s", seconds=130)


if __name__ == "__main__":
    sys.exit(main())
