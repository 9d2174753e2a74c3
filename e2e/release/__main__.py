"""`make release`: PYTHONPATH=e2e:operator python -m release --help."""

import argparse
import sys
from pathlib import Path

from harness import engine, images, lock, tools
from harness.errors import HarnessError
from harness.step import Report, clear_scratch
from release import plugin, work


def main() -> int:
    """The exit status is 0, or 1 with a message on standard error."""
    parser = argparse.ArgumentParser(prog="python -m release", description="Build, describe, push and sign a version.")
    parser.add_argument(
        "--registry", required=True, help="where images and chart go, such as registry.example.org/mail"
    )
    parser.add_argument(
        "--key", default="", help="cosign's key: a file or a KMS address; without one nothing is signed"
    )
    parser.add_argument(
        "--folder", required=True, type=Path, help="for the release's files; a folder that is new, or its own"
    )
    parser.add_argument("--downloads", required=True, help="the URL below which people will get the release's files")
    options = parser.parse_args()
    if not options.registry:
        parser.error("name the registry: make release REGISTRY=registry.example.org/mail")
    report = Report()
    try:
        with lock.exclusive():
            clear_scratch()
            engine.ensure(report)
            tools.ensure(report)
            images.build(report, images.images())
            plugin.write(report, images.operator_version(), options.downloads.rstrip("/"), options.folder)
            work.release(report, images.images(), options.registry.rstrip("/"), options.folder, options.key)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{report.table()}\n\nthe files of the release are in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
