"""Whether the mail volume can be written to: Dovecot accepts a recipient anyway, and fails at the message."""

import errno
import os
import time
from pathlib import Path

from mailstack_probe import verdicts, volumes
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict
from mailstack_probe.volumes import Volume

# Bytes of the test file.
_SIZE = 4096
_FULL = {errno.ENOSPC, errno.EDQUOT}
# Seconds after which the file system is considered hung.
PATIENCE = 10.0


def problem(folder: Path, message_size: int = 0) -> Verdict | None:
    """Why a small file cannot be written there, or a message of so many bytes; None if they can."""
    file = folder / ".mailstack-probe"
    try:
        # A killed run may have left it, with another owner.
        file.unlink(missing_ok=True)
        _write(file)
        return _without_room(volumes.mail(folder, message_size))
    except OSError as error:
        return _verdict(folder, error)


def _without_room(volume: Volume) -> Verdict | None:
    room = volumes.look(volume.folder)
    if volume.lacks_inodes(room):
        lack = f"the mail volume has fewer than {volumes.INODES} inodes left"
    elif volume.is_full(room):
        lack = "the mail volume has less room left than a message may take"
    else:
        return None
    return verdicts.bad(Reason.STORE_FULL, f"{lack}, so mail is deferred: {volume.remedy}")


def _write(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, bytes(_SIZE))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        file.unlink()


def _verdict(folder: Path, error: OSError) -> Verdict:
    if error.errno in _FULL:
        return verdicts.bad(
            Reason.STORE_FULL,
            f"the mail volume is full ({error.strerror}): enlarge the claim of {folder}, or remove mail",
        )
    return verdicts.bad(
        Reason.STORE_NOT_WRITABLE,
        f"mail cannot be written to {folder} ({error.strerror}): check the volume of its claim",
    )


class Store:
    """The last result. One thread tests the volume; a hung file system does not block the others."""

    def __init__(self, folder: Path, message_size: int = 0) -> None:
        self.folder = folder
        self._message_size = message_size
        self._began: float | None = None
        self._problem: Verdict | None = verdicts.unknown(Reason.STARTING, f"{folder} has not been tested yet")

    def examine(self) -> bool:
        """Writes a file. Returns whether the result has changed."""
        self._began = time.monotonic()
        before, self._problem = self._problem, problem(self.folder, self._message_size)
        self._began = None
        return before != self._problem

    def problem(self) -> Verdict | None:
        began = self._began
        if began is not None and time.monotonic() - began > PATIENCE:
            return verdicts.bad(
                Reason.STORE_NOT_RESPONDING,
                f"a write to {self.folder} has not completed after {PATIENCE:.0f} s: check the storage of its claim",
            )
        return self._problem
