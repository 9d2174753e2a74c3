"""Copies valid certificates from their Secrets for the servers; a sidecar of the mail pod.

    python -m mailstack_probe.certificates --pair=/run/secret=/run/tls/tls.pem --ca=/run/ca/ca.crt=/run/tls/ca.pem

The kubelet mounts a changed Secret as it is, and a server that starts or reloads would read it as it is. So the
servers read a copy, which is written atomically and only if they can use it: a broken Secret leaves the last good copy
in use. An expired certificate is better than none, and worse than a copy that is valid. The servers watch the copy and
reload by themselves. A startup probe `test -s TARGET` keeps the servers from starting before there is a copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe import files, pem
from mailstack_probe.contract import CertificatesOptions
from mailstack_probe.sidecar import watch

# Seconds between two checks of the sources.
PERIOD = 5


@dataclass(frozen=True)
class Source:
    """Files of a mounted Secret; `problem` checks their contents, `content` makes the copy from them, `mode` is the
    copy's, and `doubt` says what clients have against such a copy, which the servers can use."""

    title: str
    files: tuple[Path, ...]
    problem: Callable[..., str | None]
    content: Callable[..., bytes]
    doubt: Callable[[bytes], str | None] = lambda _: None
    mode: int = 0o400


def pair(folder: Path) -> Source:
    """A Secret of the type kubernetes.io/tls, mounted as a folder."""
    files = (folder / "tls.crt", folder / "tls.key")
    return Source(f"Secret in {folder}", files, pem.problem, pem.bundle, pem.out_of_date)


def authority(file: Path) -> Source:
    """A file with certificates of a CA: there is no key in it, and tlsproxy(8) reads it as the user postfix."""
    return Source(f"CA in {file}", (file,), pem.authority_problem, pem.authorities, mode=0o444)


class Keeper:
    """Copies a source to its target if the servers can use it, and unless the target is valid and it has expired."""

    def __init__(self, source: Source, target: Path) -> None:
        self._source = source
        self._target = target
        self._last: object = None

    def look(self) -> str | None:
        """Checks the source once. Returns a line for the log if the source or the outcome has changed."""
        contents = _read(self._source.files)
        line = f"{self._source.title}: {self._outcome(contents)}"
        changed = (contents, line) != self._last
        self._last = (contents, line)
        return line if changed else None

    def _outcome(self, contents: Sequence[bytes | str]) -> str:
        problem = self._problem(contents)
        if not problem:
            return f"in use as {self._target}{self._doubt()}"
        if self._target.exists():
            return f"{problem}; the last good one stays in use"
        return f"{problem}; the mail servers wait for a good one"

    def _problem(self, contents: Sequence[bytes | str]) -> str | None:
        for content in contents:
            if isinstance(content, str):
                return content
        try:
            return self._source.problem(*contents) or self._offer(self._source.content(*contents))
        # A sidecar that exits takes its pod out of the Service; no content of a Secret may cause that.
        except Exception as error:
            return f"unexpected error: {error!r}"

    def _offer(self, content: bytes) -> str | None:
        """Uses the content, unless the target is better. Returns the problem, if there is one."""
        doubt = self._source.doubt(content)
        better = doubt and self._target.exists() and self._source.doubt(self._target.read_bytes()) is None
        return doubt if better else self._use(content)

    def _doubt(self) -> str:
        doubt = self._source.doubt(self._target.read_bytes())
        return f", although {doubt}" if doubt else ""

    def _use(self, content: bytes) -> str | None:
        """Writes the target if it differs. Returns the problem, if there is one."""
        try:
            files.update(self._target, content, self._source.mode)
            files.update(public_copy(self._target), pem.authorities(content), 0o444)
        except OSError as error:
            return f"{self._target} cannot be written: {error.strerror}"
        return None


def _read(files: Sequence[Path]) -> list[bytes | str]:
    """The contents of the files, all of the same version of the Secret; an error message for one that is missing.

    The kubelet replaces all of them at once, maybe between two reads: two equal readings saw no replacement.
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
    """The target without its key, for the probe, which runs as another user and reports when it expires."""
    return target.with_suffix(".crt")


def _keepers(options: CertificatesOptions) -> list[Keeper]:
    pairs = [Keeper(pair(Path(copy.source)), Path(copy.target)) for copy in options.pair]
    return pairs + [Keeper(authority(Path(copy.source)), Path(copy.target)) for copy in options.ca]


if __name__ == "__main__":
    watch([keeper.look for keeper in _keepers(CertificatesOptions.parse())], PERIOD)
