"""Files that another program reads while they are written."""

import os
from pathlib import Path


def replace(target: Path, content: bytes, mode: int) -> None:
    """Replaces the file atomically: a reader sees the old one or the new one. Raises OSError."""
    draft = target.with_name(f".{target.name}.new")
    # The draft of a killed run is read-only.
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(file, "wb") as out:
        out.write(content)
    draft.rename(target)


def update(target: Path, content: bytes, mode: int) -> None:
    """Replaces the file if it does not hold the content: a reader that looks for changes sees none. Raises OSError."""
    if not target.exists() or target.read_bytes() != content:
        replace(target, content, mode)


def version(path: Path) -> object:
    """Differs after each change: the kubelet creates a new file, an editor may overwrite the old one.

    Raises OSError.
    """
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
