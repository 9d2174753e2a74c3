"""Hands Dovecot a password and a CA for another server, as of a source of users: a sidecar of Dovecot's pod.

    python -m mailstack_probe.credentials --password=/run/secrets/password --form=plain --target=/run/source/password \\
        --ca=/run/secrets/ca.crt=/run/source/ca.pem

The kubelet mounts a changed Secret as it is, and Dovecot would read it as it is: a password with a newline locks
everybody out. So Dovecot reads a copy, in the form that its version wants, which is written atomically and only if it
can be used: else the last good one stays in use. Dovecot's container watches the copies and reloads.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from mailstack_probe import files, password
from mailstack_probe.certificates import Keeper, authority
from mailstack_probe.contract import CredentialsOptions
from mailstack_probe.sidecar import watch

# Seconds between two checks of the sources.
PERIOD = 2
_TITLE = "the password of the source of users"


class Password:
    """Copies the password to the target, in its form, if it is one."""

    def __init__(self, source: Path, target: Path, write: Callable[[str], str], title: str = _TITLE) -> None:
        self._title = title
        self._source = source
        self._target = target
        self._write = write
        self._last: object = None

    def look(self) -> str | None:
        """Checks the source once. Returns a line for the log if the source or the outcome has changed."""
        try:
            content = self._source.read_bytes()
            wrong = password.problem(content)
            if wrong is None:
                # Dovecot's auth process runs as a user of its own.
                files.update(self._target, self._write(content.decode()).encode(), 0o444)
        except OSError as error:
            content, wrong = b"", f"it cannot be read or written: {error.strerror}"
        changed = (content, wrong) != self._last
        self._last = (content, wrong)
        return f"{self._title}: {self._outcome(wrong)}" if changed else None

    def _outcome(self, wrong: str | None) -> str:
        if wrong is None:
            return f"in use as {self._target}"
        return (
            f"{wrong}; {'the last good one stays in use' if self._target.exists() else 'Dovecot waits for a good one'}"
        )


def _looks(options: CredentialsOptions) -> list[Callable[[], str | None]]:
    authorities = (Keeper(authority(Path(copy.source)), Path(copy.target)).look for copy in options.ca)
    return [*_passwords(options), *authorities]


def _passwords(options: CredentialsOptions) -> Iterator[Callable[[], str | None]]:
    if options.password and options.target:
        form, title = password.FORMS[options.form], password.TITLES.get(options.form, _TITLE)
        source, target = Path(options.password), Path(options.target)
        yield Password(source, target, lambda text: form(text, options.connect), title).look


if __name__ == "__main__":
    watch(_looks(CredentialsOptions.parse()), PERIOD)
