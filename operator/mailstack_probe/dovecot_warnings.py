"""What Dovecot works with, and an administrator should look at all the same."""

from collections.abc import Iterator
from pathlib import Path

from mailstack_probe.contract import StackWarning
from mailstack_probe.reasons import WarningReason

# inotify(7): how many instances a user may have, counted over the whole node. A session in IDLE takes one.
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
# How doveconf begins a line.
_PREFIX = "doveconf: Warning: "


def of_configuration(file: Path) -> Iterator[StackWarning]:
    """What doveconf warned of when the pod started: a warning a line, none if there is no such file yet."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in filter(None, map(str.strip, lines)):
        message = f"Dovecot warns of its configuration: {line.removeprefix(_PREFIX)}"
        yield StackWarning(WarningReason.CONFIG_WARNING, message)


def of_sessions(sessions: int, instances: Path = _INSTANCES) -> Iterator[StackWarning]:
    """For so many IMAP sessions."""
    try:
        limit = int(instances.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if sessions > limit:
        message = (
            f"there are more than {limit} IMAP sessions, and this node lets Dovecot watch the mailboxes of {limit}: "
            "the others see new mail up to 10 s late; raise the node's sysctl fs.inotify.max_user_instances"
        )
        yield StackWarning(WarningReason.INOTIFY_LIMIT, message)
