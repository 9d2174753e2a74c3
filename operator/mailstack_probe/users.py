"""Canary recipients from the users file. Dovecot must accept them, otherwise its 550 for others proves nothing.

The file is a passwd-file of Dovecot, with a line `user:password:uid:gid::home::extra` for each user. If it is missing
or empty, Dovecot refuses every recipient permanently, with the reply for an unknown recipient.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

# Users to ask for before Dovecot is said to refuse them: one may have a line that Dovecot does not accept.
CANARIES = 3
# Seconds until Dovecot has certainly read a change of the file; it checks every second.
_NOTICED = 3.0
# Dovecot looks the name up in lower case, and without the part after a plus.
_USER = re.compile(r"([a-z0-9_][a-z0-9!#$%&'*/=?^_`{|}~.-]*(?:@[a-z0-9.-]+)?):")


def canaries(lines: Iterable[str], domain: str) -> Iterator[str]:
    """The addresses of the users in the lines; a name without a domain gets this one."""
    for line in lines:
        if found := _USER.match(line):
            name = found[1]
            yield name if "@" in name else f"{name}@{domain}"


def is_content(line: str) -> bool:
    """Whether the line is more than a comment."""
    return bool(line.strip()) and line[0] not in "#:"


class UsersFile:
    """Reads the file only after a change."""

    def __init__(self, path: Path, domain: str) -> None:
        self._path = path
        self._domain = domain
        self._version: object = None
        self._changed_at = -math.inf
        self._found: tuple[str, ...] | Verdict = ()

    def look(self, now: float) -> tuple[str, ...] | Verdict:
        """Canary recipients, or the problem with the file."""
        try:
            version = _version(self._path)
            if version != self._version:
                self._found = self._read()
                if self._version is not None:
                    self._changed_at = now
                self._version = version
        except OSError as error:
            self._version = error.errno
            return _unreadable(self._path, error)
        return self._found

    def settled(self, now: float) -> bool:
        """Whether Dovecot has had time to read the last change."""
        return now - self._changed_at > _NOTICED

    def _read(self) -> tuple[str, ...] | Verdict:
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            found = tuple(islice(canaries(lines, self._domain), CANARIES))
            if found:
                return found
            lines.seek(0)
            return _malformed(self._path) if any(map(is_content, lines)) else _empty(self._path)


def _version(path: Path) -> object:
    """Differs after each change: the kubelet creates a new file, an editor may overwrite the old one."""
    found = os.stat(path)  # noqa: PTH116  # a path that is a symbolic link of a Secret's volume
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> Verdict:
    if isinstance(error, FileNotFoundError):
        return verdicts.bad(
            Reason.USERS_MISSING,
            f"the users file {path} does not exist, so Dovecot refuses every recipient permanently: "
            "check the Secret and key in spec.users.passwdFile",
        )
    # Dovecot may be able to read it.
    return verdicts.unknown(Reason.USERS_UNREADABLE, f"the users file {path} cannot be read: {error.strerror}")


def _empty(path: Path) -> Verdict:
    return verdicts.bad(
        Reason.USERS_EMPTY,
        f"the users file {path} has no users, so Dovecot refuses every recipient permanently: "
        "add them to the Secret in spec.users.passwdFile",
    )


def _malformed(path: Path) -> Verdict:
    return verdicts.bad(
        Reason.USERS_MALFORMED,
        f"no line of the users file {path} begins with a user in lower case and a colon: "
        "write lines of the form user:password:::::: to the Secret in spec.users.passwdFile",
    )
