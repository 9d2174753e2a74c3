"""Keeps the files with the servers' certificates good while their Secrets change; a sidecar of the mail pod.

    python -m mailstack_probe.certificates --pair /run/secret=/run/tls/tls.pem --ca /run/ca/ca.crt=/run/tls/ca.pem

The kubelet puts a changed Secret into the pod as it is, and a server that starts or reloads would read it as it is.
So they read a copy, written whole, and only once it was found good: a broken Secret leaves the last good one in use.
That the servers reload after a change is not this program's matter: it reaches no process of theirs.
A startup probe `test -s TARGET` keeps the servers from starting before there is one.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe import pem
from mailstack_probe.contract import CertificatesOptions

# Seconds between two looks at the sources.
PERIOD = 5
_STOP = {signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class Source:
    """Files of a mounted Secret, what is wrong with their contents, and what becomes of those."""

    title: str
    files: tuple[Path, ...]
    problem: Callable[..., str | None]
    content: Callable[..., bytes]


def pair(folder: Path) -> Source:
    """A Secret of the type kubernetes.io/tls, mounted as a folder."""
    return Source(f"Secret in {folder}", (folder / "tls.crt", folder / "tls.key"), pem.problem, pem.bundle)


def authority(file: Path) -> Source:
    """A file with certificates of a CA."""
    return Source(f"CA in {file}", (file,), pem.authority_problem, pem.authorities)


class Keeper:
    """Brings what is good from a source to its target."""

    def __init__(self, source: Source, target: Path) -> None:
        self._source = source
        self._target = target
        self._last: object = None

    def look(self) -> str | None:
        """One look; a line for the log if the source changed since the last one, or what is to be said of it."""
        contents = _read(self._source.files)
        line = f"{self._source.title}: {self._outcome(contents)}"
        changed = (contents, line) != self._last
        self._last = (contents, line)
        return line if changed else None

    def _outcome(self, contents: Sequence[bytes | str]) -> str:
        problem = self._problem(contents)
        if not problem:
            return f"in use as {self._target}"
        if self._target.exists():
            return f"{problem}; the last good one stays in use"
        return f"{problem}; there is no good one yet, and the mail servers wait for it"

    def _problem(self, contents: Sequence[bytes | str]) -> str | None:
        for content in contents:
            if isinstance(content, str):
                return content
        try:
            return self._source.problem(*contents) or self._use(self._source.content(*contents))
        # A sidecar that ends takes its pod out of the Service: nothing that a Secret may hold is worth that.
        except Exception as error:
            return f"unexpected: {error!r}"

    def _use(self, content: bytes) -> str | None:
        """Writes the target if it differs; what went wrong, if anything did."""
        try:
            if not self._target.exists() or self._target.read_bytes() != content:
                _replace(self._target, content)
            public = public_copy(self._target)
            if not public.exists() or public.read_bytes() != pem.authorities(content):
                _replace(public, pem.authorities(content), 0o444)
        except OSError as error:
            return f"{self._target} cannot be written: {error.strerror}"
        return None


def _read(files: Sequence[Path]) -> list[bytes | str]:
    """The contents of the files, of one and the same version of the Secret; words where there is none.

    The kubelet swaps all of them at once, maybe between two of our reads: two readings that agree saw no swap.
    """
    contents = [_content(file) for file in files]
    while contents != (again := [_content(file) for file in files]):
        contents = again
    return contents


def _content(file: Path) -> bytes | str:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return f"{file.name} is missing"
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}"


def public_copy(target: Path) -> Path:
    """The target without its key, for the probe, which runs as another user and tells when it expires."""
    return target.with_suffix(".crt")


def _replace(target: Path, content: bytes, mode: int = 0o400) -> None:
    """Puts the file there whole: a reader sees the old one or the new one."""
    draft = target.with_name(f".{target.name}.new")
    # What a killed run left cannot be opened for writing.
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(file, "wb") as out:  # noqa: PTH123  # pathlib opens no descriptors
        out.write(content)
    draft.rename(target)


def watch(keepers: Sequence[Keeper]) -> None:
    """Looks until told to stop by a signal."""
    # Blocked and waited for: as PID 1 there is no default action, and no look is cut short.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    while True:
        for keeper in keepers:
            if line := keeper.look():
                print(f"mailstack: {line}", flush=True)
        if signal.sigtimedwait(_STOP, PERIOD):
            return


def _keepers(options: CertificatesOptions) -> list[Keeper]:
    pairs = [Keeper(pair(Path(copy.source)), Path(copy.target)) for copy in options.pair]
    return pairs + [Keeper(authority(Path(copy.source)), Path(copy.target)) for copy in options.ca]


if __name__ == "__main__":
    watch(_keepers(CertificatesOptions.parse()))
