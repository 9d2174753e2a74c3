"""The faults of docs/failure-modes.md: how each is made, what mail does, what the status must say and when, and how
it is mended.

The page's table is made from this list (`python -m mailtest.faults`), and e2e/test_faults.py holds every row of it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from mailtest import manifests, node
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack, container_status
from mailtest.wait import holds

PRIVATE = "/var/spool/postfix/private"
SOCKET = f"{PRIVATE}/dovecot-lmtp"
CACHE = "/var/lib/postfix/verify_cache.lmdb"
MAIL = "/srv/mail"
# A folder of every image that nothing uses.
ASIDE = "/mnt"
MAIN_CF = "/etc/postfix/main.cf"
# What the last whole run of e2e/test_faults.py measured: RECORD=1 writes it.
TIMES = Path(__file__).with_name("fault_times.json")

Action = Callable[[Stack], object]


@dataclass(frozen=True)
class Mail:
    """What mail does meanwhile: in words, and by the answer to RCPT for a user whom the cache of address verification
    knows, and for a stranger. The answers are patterns of SMTP's codes, "none" if there is no answer; None if a fault
    leaves nobody to ask."""

    words: str
    user: str | None
    stranger: str | None


QUEUED = Mail("known users are accepted and queued, others get 450", "250", "450")
DEFERRED = Mail("mail is accepted and queued", "250", "550")
# A process of smtpd(8) that has asked verify(8) before keeps its connection to it.
WAITS = Mail("known users may be accepted and queued, others get 4xx or no answer", "250|4..|none", "4..|none")
AWAY = Mail("senders retry", "none", "none")
# MAIL is refused already, before any recipient.
NO_ROOM = Mail("senders retry", "452|503|none", "452|503|none")
OPEN = Mail("unknown recipients are accepted, and their mail bounces", "250", "250")
HEALING = Mail("everybody gets 450 until Postfix is restarted with a new cache", "450|none", "450|none")
AS_EVER = Mail("unaffected", "250", "550")
# Neither a node without its kubelet nor a cluster without its API takes the client's commands.
NOT_ASKED = Mail("unaffected: the servers keep running", None, None)


@dataclass(frozen=True)
class Fault:
    """`told` and `well` are deadlines in seconds: from the fault, and from its repair; `status` and `reason` are
    patterns. `twice`: a message may come twice, because a server was killed amid its delivery. `serial`: it is
    everybody's fault."""

    name: str
    mail: Mail
    condition: str
    status: str
    reason: str
    told: float
    well: float
    make: Action
    mend: Action
    twice: bool = False
    serial: bool = False


def container(stack: Stack, name: str) -> str:
    found: str = container_status(stack.pod(), name)["containerID"]
    return found


def in_dovecot(*command: str) -> Action:
    return lambda stack: stack.run_in("dovecot", *command)


def as_root(*command: str) -> Action:
    """Among Dovecot's files, by the node's root."""
    return lambda stack: node.in_mounts(container(stack, "dovecot"), *command)


def users(text: str) -> Action:
    return lambda stack: stack.kubectl.apply(manifests.secret("mail-users", text))


def users_file(script: str) -> Action:
    """A script on the node, with the Secret's users file as $1: the kubelet's own, which no container can write."""

    def act(stack: Stack) -> None:
        folder = node.volume(stack.pod()["metadata"]["uid"], "secret", "users")
        node.shell(script, f"{folder}/passwd")

    return act


def dovecots_users(script: str) -> Action:
    """A script on the node, with the users file that Dovecot reads as $1."""

    def act(stack: Stack) -> None:
        node.shell(script, f"{node.empty_dir(stack.pod()['metadata']['uid'], 'users-judged')}/passwd")

    return act


def key_removed(stack: Stack) -> None:
    stack.kubectl.patch("secret", "mail-users", {"data": None})


def killed(name: str, times: int = 1) -> Action:
    """By SIGKILL; the kubelet brings a container back at once the first time, then after 10 s, 20 s."""

    def make(stack: Stack) -> None:
        for _ in range(times):
            stack.kill(name)
        node.kill(container(stack, name))

    return make


def frozen(stack: Stack) -> None:
    node.pause(container(stack, "dovecot"))


def thawed(stack: Stack) -> None:
    node.resume(container(stack, "dovecot"))


def store(*options: str) -> Action:
    """mount(8) of the mail volume, as Dovecot and the probe see it."""

    def act(stack: Stack) -> None:
        for name in ("dovecot", "probe"):
            node.mount(container(stack, name), *options)

    return act


def store_full(stack: Stack) -> None:
    """Another, small file system is filled, and takes the volume's place."""
    store("--types=tmpfs", "--options=size=16k,mode=0777", "none", ASIDE)(stack)
    for name in ("dovecot", "probe"):
        node.in_mounts(container(stack, name), "dd", "if=/dev/zero", f"of={ASIDE}/all", "bs=4k", "count=4")
    store("--move", ASIDE, MAIL)(stack)


def store_read_only(stack: Stack) -> None:
    """The volume takes its own place, read-only. No mount becomes so while a file is open for writing, such as the lock
    that Dovecot holds."""
    store("--bind", MAIL, ASIDE)(stack)
    store("--options=remount,bind,ro", ASIDE)(stack)
    store("--move", ASIDE, MAIL)(stack)


def port_25(verb: str) -> Action:
    rule = ["INPUT", "--protocol=tcp", "--dport=25", "--jump=DROP"]
    return lambda stack: node.in_network(container(stack, "postfix"), "iptables", verb, *rule)


@contextmanager
def without_dns(*pods: Object) -> Iterator[None]:
    """The DNS answers nothing to Postfix in these pods: all that they ask is dropped."""
    containers = [container_status(pod, "postfix")["containerID"] for pod in pods]
    _drop_questions("--insert", containers)
    try:
        yield
    finally:
        _drop_questions("--delete", containers)


def _drop_questions(verb: str, containers: Sequence[str]) -> None:
    for container_id, protocol in product(containers, ("udp", "tcp")):
        rule = (f"--protocol={protocol}", "--dport=53", "--jump=DROP")
        node.in_network(container_id, "iptables", verb, "OUTPUT", *rule)


@contextmanager
def small_queue_volume(stack: Stack) -> Iterator[str]:
    """The next pod has another volume for its queue, of 200 MB, empty; its folder on the node. No pod after that one
    has it."""
    claim = stack.kubectl.must_get("persistentvolumeclaim", f"queue-{stack.pod_name}")
    volume = Kubectl().must_get("persistentvolume", claim["spec"]["volumeName"])
    folder: str = volume["spec"]["hostPath"]["path"]
    node.on_node("mount", "--types=tmpfs", "--options=size=200m,mode=0777", "none", folder)
    try:
        yield folder
    finally:
        # The pod goes on with it.
        node.on_node("umount", "--lazy", folder)


def main_cf(script: str) -> Action:
    """A script for sed in the running main.cf, which the operator does not see."""
    edit = 'text=$(sed "$2" "$1"); printf "%s\\n" "$text" > "$1"; postfix reload'

    def act(stack: Stack) -> None:
        stack.run_in("postfix", "sh", "-euc", edit, "sh", MAIN_CF, script)

    return act


def parameter_added(line: str) -> Action:
    return main_cf(f"$ a {line}")


def parameter_removed(name: str) -> Action:
    return main_cf(f"/^{name} =/ d")


def new_pod(stack: Stack) -> None:
    stack.kubectl.delete("pod", stack.pod_name)


def corrupt_cache(stack: Stack) -> None:
    whole = f'dd if=/dev/urandom of={CACHE} bs="$(stat -c %s {CACHE})" count=1 conv=notrunc'
    stack.run_in("postfix", "sh", "-c", whole)


def api_away(stack: Stack) -> None:
    """For a minute, in which the socket goes: nobody can write it down. Told is counted from its return."""
    dovecot = container(stack, "dovecot")
    node.stop_api_server()
    try:
        node.in_mounts(dovecot, "rm", SOCKET)
        holds("the API server is away", node.api_is_away, 60, every=5)
    finally:
        node.start_api_server()


def by_itself(_: Stack) -> None:
    """Nobody has to do anything."""


RELOAD = in_dovecot("doveadm", "reload")
USERS = users(manifests.passwd_file(*map(manifests.address, manifests.USERS)))
OWNER = as_root("chown", f"--reference={PRIVATE}", SOCKET)
# The small file system stays, out of the way, until the container ends: a busy one cannot be unmounted.
MOVED = store("--move", MAIL, ASIDE)
REFUSED = "ConnectionRefused|NoSocket"

LMTP_FAULTS = [
    Fault(
        *("Dovecot killed, again and again", QUEUED, "LMTPReachable", "False", REFUSED, 4, 60),
        make=killed("dovecot", 2),
        mend=by_itself,
        twice=True,
    ),
    Fault(
        *("Dovecot frozen (SIGSTOP)", QUEUED, "LMTPReachable", "False", "Frozen", 8, 10),
        make=frozen,
        mend=thawed,
    ),
    Fault(
        *("LMTP service stopped", QUEUED, "LMTPReachable", "False", REFUSED, 12, 15),
        make=lambda stack: stack.stop_lmtp(),
        mend=RELOAD,
    ),
    Fault(
        *("socket file removed", QUEUED, "LMTPReachable", "False", "NoSocket", 12, 15),
        make=in_dovecot("rm", SOCKET),
        mend=RELOAD,
    ),
]
SOCKET_FAULTS = [
    Fault(
        *("socket's mode changed", QUEUED, "LMTPReachable", "False", "PermissionDenied", 12, 15),
        make=as_root("chmod", "0000", SOCKET),
        mend=as_root("chmod", "0600", SOCKET),
    ),
    Fault(
        *("socket's owner changed", QUEUED, "LMTPReachable", "False", "PermissionDenied", 12, 15),
        make=as_root("chown", "0:0", SOCKET),
        mend=OWNER,
    ),
    Fault(
        *("private/ not searchable", WAITS, "LMTPReachable", "False", "NotSearchable", 12, 15),
        make=as_root("chmod", "0000", PRIVATE),
        mend=as_root("chmod", "0700", PRIVATE),
    ),
]
USERS_FAULTS = [
    Fault(
        *("users file without a user", AS_EVER, "UsersReady", "False", "UsersEmpty", 45, 45),
        make=users("# nobody\n"),
        mend=USERS,
    ),
    Fault(
        *("users file malformed", AS_EVER, "UsersReady", "False", "UsersMalformed", 45, 45),
        make=users("no passwd-file at all\n"),
        mend=USERS,
    ),
    Fault(
        *("users file removed", AS_EVER, "UsersReady", "False", "UsersMissing", 12, 15),
        make=users_file('mv "$1" /root/users-of-a-fault'),
        mend=users_file('mv /root/users-of-a-fault "$1"'),
    ),
    Fault(
        *("users' key taken out of the Secret", AS_EVER, "Ready", "False", "SecretKeyNotFound", 60, 60),
        make=key_removed,
        mend=USERS,
    ),
    Fault(
        *("auth broken: it cannot read its users", QUEUED, "LMTPReachable", "False", "TemporaryFailure", 20, 15),
        make=dovecots_users('chmod 0000 "$1"; touch "$1"'),
        mend=dovecots_users('chmod 0444 "$1"; touch "$1"'),
    ),
]
STORE_FAULTS = [
    Fault(
        *("mail volume not writable", DEFERRED, "LMTPReachable", "False", "StoreNotWritable", 45, 45),
        make=as_root("chmod", "0500", MAIL),
        mend=as_root("chmod", "0770", MAIL),
    ),
    Fault(
        *("mail volume read-only", DEFERRED, "LMTPReachable", "False", "StoreNotWritable", 45, 15),
        make=store_read_only,
        mend=MOVED,
    ),
    Fault(
        *("mail volume full", DEFERRED, "LMTPReachable", "False", "StoreFull", 45, 15),
        make=store_full,
        mend=MOVED,
    ),
]
POSTFIX_FAULTS = [
    Fault(
        *("Postfix killed, again and again", AWAY, "VerificationReady", "False", "PostfixUnreachable", 45, 60),
        make=killed("postfix"),
        mend=by_itself,
        twice=True,
    ),
    Fault(
        *("port 25 filtered", AWAY, "SMTPReachable", "False", "ConnectionTimedOut", 60, 30),
        make=port_25("--insert"),
        mend=port_25("--delete"),
    ),
]
VERIFICATION_FAULTS = [
    Fault(
        *("mail filter (milter) unavailable", AWAY, "SMTPReachable", "False", "FilterUnavailable", 45, 30),
        make=parameter_added("smtpd_milters = inet:127.0.0.1:1"),
        mend=parameter_removed("smtpd_milters"),
    ),
    Fault(
        *("queue volume nearly full", NO_ROOM, "SMTPReachable", "False", "QueueFull", 45, 30),
        # More than any volume has free, which is what Postfix compares.
        make=parameter_added("queue_minfree = 1000000000000"),
        mend=parameter_removed("queue_minfree"),
    ),
    Fault(
        *("verification switched off behind the operator's back", OPEN, "VerificationReady", "False"),
        *("NotEnforced", 60, 120),
        make=main_cf("s/, reject_unverified_recipient//"),
        mend=new_pod,
    ),
    Fault(
        *("cache of address verification corrupt", HEALING, "VerificationReady", "Unknown|False"),
        *("Pending|TemporaryFailure|PostfixUnreachable", 60, 90),
        make=corrupt_cache,
        mend=by_itself,
    ),
]
OTHER_FAULTS = [
    Fault(
        *("probe killed, again and again", AS_EVER, "LMTPReachable", "Unknown", "ProbeNotRunning", 10, 60),
        make=killed("probe"),
        mend=by_itself,
    ),
    Fault(
        *("node unreachable (kubelet stopped)", NOT_ASKED, "LMTPReachable", "Unknown", "NodeLost", 120, 60),
        make=lambda _: node.stop_kubelet(),
        mend=lambda _: node.start_kubelet(),
        serial=True,
    ),
    Fault(
        *("socket removed while the API server is away", QUEUED, "LMTPReachable", "False", "NoSocket", 60, 30),
        make=api_away,
        mend=RELOAD,
        serial=True,
    ),
]
# Each group has a MailStack of its own, and they run side by side: most of their time is waiting.
GROUPS = {
    "lmtp": LMTP_FAULTS,
    "socket": SOCKET_FAULTS,
    "users": USERS_FAULTS,
    "store": STORE_FAULTS,
    "postfix": POSTFIX_FAULTS,
    "verification": VERIFICATION_FAULTS,
    "other": OTHER_FAULTS,
}
FAULTS = [fault for group in GROUPS.values() for fault in group]


def record(fault: Fault, told: float, well: float) -> None:
    """Notes what was measured, in seconds, for the page."""
    times = {**measured(), fault.name: [round(told, 1), round(well, 1)]}
    TIMES.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def measured() -> dict[str, list[float]]:
    """By fault, the seconds until it was told, and until its end was."""
    found: dict[str, list[float]] = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.exists() else {}
    return found


_HEAD = """\
| Fault | Effect on mail | Condition | Reason | Detected within | Recovered within | Measured |
|---|---|---|---|---|---|---|
"""


def table() -> str:
    """The rows of docs/failure-modes.md."""
    times = measured()
    return _HEAD + "".join(_row(fault, times.get(fault.name)) for fault in FAULTS)


def _row(fault: Fault, times: list[float] | None) -> str:
    condition = _words(fault.status, lambda status: f"{fault.condition}={status}")
    seen = " / ".join(f"{seconds:.1f}" for seconds in times) + " s" if times else "not yet"
    return (
        f"| {fault.name} | {fault.mail.words} | {condition} | {_words(fault.reason, str)} "
        f"| {fault.told:.0f} s | {fault.well:.0f} s | {seen} |\n"
    )


def _words(pattern: str, shown: Callable[[str], str]) -> str:
    return " or ".join(f"`{shown(word)}`" for word in pattern.split("|"))


if __name__ == "__main__":
    print(table(), end="")
