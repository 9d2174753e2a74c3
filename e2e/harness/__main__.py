"""The commands: `PYTHONPATH=e2e python3 -m harness --help`."""

import argparse
import shlex
import signal
import sys
from collections.abc import Callable
from types import FrameType

from harness import cluster, engine, images, lock, paths, tools
from harness.errors import HarnessError
from harness.step import Report, clear_scratch

Command = Callable[[argparse.Namespace], None]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 with a message on standard error."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    command: Command = options.command
    try:
        command(options)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run it again, it goes on where it stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    description = "A kind cluster and the project's images."
    parser = argparse.ArgumentParser(prog="python3 -m harness", description=description)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    add("cluster", _cluster, f"bring up the cluster {paths.CLUSTER}; what is done already is skipped")
    built = add("images", _images, "build the project's images and load them into the cluster, if it runs")
    built.add_argument("--e2e", action="store_true", help="also those that only the end-to-end tests run")
    add("tools", _tools, "provide kind, kubectl, helm and promtool; needs no Docker")
    add("env", _env, 'print what a shell needs, for: eval "$(python3 -m harness env)"')
    down = add("down", _down, "remove the cluster; the caches stay")
    down.add_argument("--engine", action="store_true", help="also stop the engine that the harness started")
    return parser


def _cluster(_: argparse.Namespace) -> None:
    _reported(cluster.ensure)
    print(f"The cluster {paths.CLUSTER} is up. In a shell, from the repository's root:")
    print('  eval "$(PYTHONPATH=e2e python3 -m harness env)"\n  kubectl get pods --all-namespaces')


def _images(options: argparse.Namespace) -> None:
    extra = images.images_for_e2e() if options.e2e else []
    _reported(lambda report: images.ensure(report, extra))


def _tools(_: argparse.Namespace) -> None:
    _reported(tools.ensure)


def _env(_: argparse.Namespace) -> None:
    for name, value in paths.variables().items():
        print(f"export {name}={shlex.quote(value)}")


def _down(options: argparse.Namespace) -> None:
    _reported(cluster.delete)
    if options.engine:
        print("the engine is stopped" if engine.stop() else "no engine that the harness started is running")
    print(f"caches remain in {paths.cache()} (images, programs, packages)")
    print("and in Go's own folders (go env GOCACHE GOMODCACHE)")


def _reported(work: Callable[[Report], None]) -> None:
    """Do the work alone, then print the table of its steps."""
    report = Report()
    with lock.exclusive():
        clear_scratch()
        work(report)
    print(f"\n{report.table()}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
