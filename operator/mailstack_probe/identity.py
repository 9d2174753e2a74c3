"""The probe connects as Postfix does, so it must become the user of Postfix, with the ids of Postfix's image."""

import os
import sys
from pathlib import Path


def become(ids: Path | None, group: int | None) -> None:
    """Becomes the user and group in the file `ids` for good, with one additional group; does nothing unless root.

    The file has the lines `uid=N` and `gid=N`. Exits if it does not: root may read too much.
    """
    if os.getuid() != 0:
        return
    if ids is None:
        sys.exit("mailstack: as root the option --ids is required: which user to become")
    try:
        uid, gid = _numbers(ids.read_text(encoding="ascii"))
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"mailstack: {ids} must hold the lines uid=N and gid=N of postfix: {error!r}")
    os.setgroups([] if group is None else [group])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _numbers(text: str) -> tuple[int, int]:
    """Raises KeyError and ValueError."""
    values = dict(line.partition("=")[::2] for line in text.split())
    return int(values["uid"]), int(values["gid"])
