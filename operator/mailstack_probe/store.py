"""Whether mail can be written to the mail volume: Dovecot would accept the recipient and fail only at the message."""

import errno
import os
import time
from pathlib import Path

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

# Bytes of the file that is written.
_SIZE = 4096
_FULL = {errno.ENOSPC, errno.EDQUOT}
# Seconds after which a file system counts as hanging.
PATIENCE = 10.0


def problem(folder: Path) -> Verdict | None:
    """What keeps a small file from being written there; None if nothing does."""
    file = folder / ".mailstack-probe"
    try:
        # A killed run may have left it, as another user.
        file.unlink(missing_ok=True)
        _write(file)
    except OSError as error:
        return _verdict(folder, error)
    return None


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
            f"the mail volume is full ({error.strerror}): make the claim behind {folder} larger, or remove mail",
        )
    return verdicts.bad(
        Reason.STORE_NOT_WRITABLE,
        f"mail cannot be written to {folder} ({error.strerror}): look at the volume behind its claim",
    )


def free_bytes(folder: Path) -> int:
    """What users may still write there. Raises OSError."""
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize


class Store:
    """The last finding; one thread examines, others ask, and a file system that hangs does not hold them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._began: float | None = None
        self._problem: Verdict | None = verdicts.unknown(Reason.STARTING, f"{folder} was not written to yet")

    def examine(self) -> bool:
        """Writes a file; whether the finding is another one than before."""
        self._began = time.monotonic()
        before, self._problem = self._problem, problem(self.folder)
        self._began = None
        return before != self._problem

    def problem(self) -> Verdict | None:
        began = self._began
        if began is not None and time.monotonic() - began > PATIENCE:
            return verdicts.bad(
                Reason.STORE_NOT_RESPONDING,
                f"a file on {self.folder} is not written after {PATIENCE:.0f} s: look at the storage behind its claim",
            )
        return self._problem
