"""The faults of docs/failure-modes.md: how each is made, what the status must say and when, and how it is mended.

The page's table is made from this list, and e2e/test_faults.py holds every row of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailtest import manifests, node
from mailtest.stack import Stack, container_status

PRIVATE = "/var/spool/postfix/private"
SOCKET = f"{PRIVATE}/dovecot-lmtp"
CACHE = "/var/lib/postfix/verify_cache.lmdb"

Action = Callable[[Stack], object]


@dataclass(frozen=True)
class Fault:
    """`told` and `well` are deadlines in seconds: from the fault, and from its repair; `reason` is a pattern."""

    name: str
    mail: str
    condition: str
    status: str
    reason: str
    told: float
    well: float
    make: Action
    mend: Action


def in_dovecot(*command: str) -> Action:
    return lambda stack: stack.run_in("dovecot", *command)


def mode(wanted: str, path: str) -> Action:
    return lambda stack: node.change_mode(container_status(stack.pod(), "dovecot")["containerID"], wanted, path)


def users(text: str) -> Action:
    return lambda stack: stack.kubectl.apply(manifests.secret("mail-users", text))


def killed(container: str) -> Action:
    """By SIGKILL; the second time, because the kubelet brings a container back at once after the first."""

    def make(stack: Stack) -> None:
        stack.kill(container)
        node.kill(container_status(stack.pod(), container)["containerID"])

    return make


def frozen(stack: Stack) -> None:
    node.pause(container_status(stack.pod(), "dovecot")["containerID"])


def thawed(stack: Stack) -> None:
    node.resume(container_status(stack.pod(), "dovecot")["containerID"])


def corrupt_cache(stack: Stack) -> None:
    stack.run_in("postfix", "dd", "if=/dev/urandom", f"of={CACHE}", "bs=4096", "count=4", "conv=notrunc")


def by_itself(_: Stack) -> None:
    """Nobody has to do anything."""


RELOAD = in_dovecot("doveadm", "reload")
USERS = users(manifests.passwd_file(*map(manifests.address, manifests.USERS)))
QUEUED = "known users are accepted and queued, others get 450"

FAULTS = [
    Fault(
        *("Dovecot killed, again and again", QUEUED, "LMTPReachable", "False", "ConnectionRefused|NoSocket", 6, 60),
        make=killed("dovecot"),
        mend=by_itself,
    ),
    Fault(
        *("Dovecot frozen (SIGSTOP)", QUEUED, "LMTPReachable", "False", "Frozen", 8, 10),
        make=frozen,
        mend=thawed,
    ),
    Fault(
        *("LMTP service stopped", QUEUED, "LMTPReachable", "False", "ConnectionRefused|NoSocket", 12, 15),
        make=lambda stack: stack.stop_lmtp(),
        mend=RELOAD,
    ),
    Fault(
        *("socket file removed", QUEUED, "LMTPReachable", "False", "NoSocket", 12, 15),
        make=in_dovecot("rm", SOCKET),
        mend=RELOAD,
    ),
    Fault(
        *("socket's mode changed", QUEUED, "LMTPReachable", "False", "PermissionDenied", 12, 15),
        make=mode("0000", SOCKET),
        mend=mode("0600", SOCKET),
    ),
    Fault(
        *("private/ not searchable", "nothing comes in: 4xx", "LMTPReachable", "False", "NotSearchable", 12, 15),
        make=mode("0000", PRIVATE),
        mend=mode("0700", PRIVATE),
    ),
    Fault(
        *("users file without a user", "everybody gets 550", "LMTPReachable", "False", "UsersEmpty", 45, 45),
        make=users("# nobody\n"),
        mend=USERS,
    ),
    Fault(
        *("users file malformed", "everybody gets 550", "LMTPReachable", "False", "UsersMalformed", 45, 45),
        make=users("no passwd-file at all\n"),
        mend=USERS,
    ),
    Fault(
        *("mail volume not writable", "mail is queued", "LMTPReachable", "False", "StoreNotWritable", 45, 45),
        make=mode("0500", "/srv/mail"),
        mend=mode("0770", "/srv/mail"),
    ),
    Fault(
        *("Postfix killed, again and again", "senders try again", "VerificationReady", "False"),
        *("PostfixUnreachable", 45, 60),
        make=killed("postfix"),
        mend=by_itself,
    ),
    Fault(
        *("probe killed, again and again", "as ever", "LMTPReachable", "Unknown", "ProbeNotRunning", 10, 60),
        make=killed("probe"),
        mend=by_itself,
    ),
]


def table() -> str:
    """The rows of docs/failure-modes.md."""
    head = (
        "| Fault | Mail meanwhile | Condition | Reason | Told within | Well again within |\n|---|---|---|---|---|---|\n"
    )
    rows = (
        f"| {fault.name} | {fault.mail} | `{fault.condition}={fault.status}` "
        f"| {_reasons(fault.reason)} | {fault.told:.0f} s | {fault.well:.0f} s |\n"
        for fault in FAULTS
    )
    return head + "".join(rows)


def _reasons(pattern: str) -> str:
    return " or ".join(f"`{reason}`" for reason in pattern.split("|"))
