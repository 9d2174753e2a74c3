"""The users file, for users whom Dovecot must know: without them its 550 for a stranger proves nothing.

The file is a passwd-file of Dovecot: one `user:password:uid:gid::home::extra` a line. A missing or empty one makes
Dovecot refuse everybody for good, by the same words as a stranger.
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

# Users to ask for before Dovecot is said to refuse them: one of them may have a line that Dovecot does not take.
CANARIES = 3
# Seconds until Dovecot has surely seen a change of the file; it looks every second.
_NOTICED = 3.0
# Dovecot looks for the name in small letters, and without what stands behind a plus.
_USER = re.compile(r"([a-z0-9_][a-z0-9!#$%&'*/=?^_`{|}~.-]*(?:@[a-z0-9.-]+)?):")


def canaries(lines: Iterable[str], domain: str) -> Iterator[str]:
    """The addresses of the users in the file; a name without a domain gets this one."""
    for line in lines:
        if found := _USER.match(line):
            name = found[1]
            yield name if "@" in name else f"{name}@{domain}"


def is_content(line: str) -> bool:
    """Whether Dovecot looks at the line at all."""
    return bool(line.strip()) and line[0] not in "#:"


class UsersFile:
    """Looks at the file as often as asked, and reads it only if it changed."""

    def __init__(self, path: Path, domain: str) -> None:
        self._path = path
        self._domain = domain
        self._version: object = None
        self._changed_at = -math.inf
        self._found: tuple[str, ...] | Verdict = ()

    def look(self, now: float) -> tuple[str, ...] | Verdict:
        """Addresses that Dovecot must know, or what is wrong with the file."""
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
        """Whether Dovecot had time to see the last change."""
        return now - self._changed_at > _NOTICED

    def _read(self) -> tuple[str, ...] | Verdict:
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            found = tuple(islice(canaries(lines, self._domain), CANARIES))
            if found:
                return found
            lines.seek(0)
            return _malformed(self._path) if any(map(is_content, lines)) else _empty(self._path)


def _version(path: Path) -> object:
    """Another one for each change: the kubelet makes a new file, an editor may write into the old one."""
    found = os.stat(path)  # noqa: PTH116  # a path that is a symbolic link of a Secret's volume
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> Verdict:
    if isinstance(error, FileNotFoundError):
        return verdicts.bad(
            Reason.USERS_MISSING,
            f"there is no users file {path}, so Dovecot refuses everybody for good: "
            "look at the Secret and key that spec.users.passwdFile names",
        )
    # Dovecot may be able to: what it says of a user cannot be judged.
    return verdicts.unknown(Reason.USERS_UNREADABLE, f"the users file {path} cannot be read: {error.strerror}")


def _empty(path: Path) -> Verdict:
    return verdicts.bad(
        Reason.USERS_EMPTY,
        f"the users file {path} holds no users, so Dovecot refuses everybody for good: "
        "write them to the Secret that spec.users.passwdFile names",
    )


def _malformed(path: Path) -> Verdict:
    return verdicts.bad(
        Reason.USERS_MALFORMED,
        f"no line of the users file {path} begins with a user in small letters and a colon: "
        "write lines of the form user:password:::::: to the Secret that spec.users.passwdFile names",
    )
