"""Whether the certificates that the servers show are valid today; they are served either way."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mailstack_probe import pem
from mailstack_probe.contract import StackWarning
from mailstack_probe.reasons import WarningReason


def warnings(files: Iterable[str]) -> Iterator[StackWarning]:
    """`files` are in PEM form, without keys; one that does not exist or cannot be read is left out."""
    for file in files:
        if wrong := _problem(Path(file)):
            message = f"{file}, which the servers show: {wrong}; mail programs refuse it: renew its Secret"
            yield StackWarning(WarningReason.CERTIFICATE_EXPIRED, message)


def _problem(file: Path) -> str | None:
    try:
        return pem.out_of_date(file.read_bytes())
    except OSError:
        return None
