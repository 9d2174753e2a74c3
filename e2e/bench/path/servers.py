"""The two contestants: what the operator renders, and the how-to's own files, in the same images."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.path import kubelet, load
from bench.path.containers import Container, Pod, pod
from harness import images as of_harness
from harness import paths
from harness.images import Image
from mailstack_operator.cli.manifests import mail_stacks
from mailstack_operator.kube.metadata import ref_of
from mailstack_operator.kube.objects import Object, section
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse

USERS = tuple(f"user{number}@example.org" for number in range(20))
BARE = Path(__file__).parent / "bare"
POSTFIX, DOVECOT = "mailstack/postfix:3.10", "mailstack/dovecot:2.4"


@dataclass(frozen=True)
class Servers:
    """Both servers of a contestant, in containers of these names; `queue` and `mail` are their folders."""

    pod: Pod
    queue: Path
    mail: Path

    def cpu_seconds(self) -> float:
        return self.pod.cpu_seconds("postfix", "dovecot")

    def log_lines(self) -> int:
        return self.pod.log_lines("postfix") + self.pod.log_lines("dovecot")

    def retry(self) -> None:
        """Has deferred mail delivered now."""
        self.pod.succeeds("postfix", "postqueue", "-f")


@contextmanager
def rendered(options: Sequence[str] = ()) -> Iterator[Servers]:
    """A MailStack of `examples/mailstack.yaml`."""
    data = {ref_of(each).name: _texts(section(each, "data")) for each in _children() if each["kind"] == "ConfigMap"}
    data["mail-users"] = {"users": _users()}
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as folder, pod(POSTFIX, options) as made:
        kubelet.start(made, stateful_set(), data, Path(folder))
        servers = Servers(made, Path(folder, "queue"), Path(folder, "mail"))
        _await_users(servers)
        yield servers


@contextmanager
def bare(options: Sequence[str] = ()) -> Iterator[Servers]:
    """Two servers with the files of BARE."""
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as name, pod(POSTFIX, options) as made:
        folder = Path(name)
        for each in ("queue", "data", "mail"):
            (folder / each).mkdir()
        (folder / "mail").chmod(0o777)
        (folder / "users").write_text(_users())
        queue = f"--volume={folder}/queue:/var/spool/postfix"
        mounts = [f"--volume={BARE}/{each}:/etc/postfix/{each}:ro" for each in ("main.cf", "master.cf")]
        made.start(Container("postfix", POSTFIX, ("postfix", "start-fg"), (queue, *mounts)))
        made.await_success("postfix", "test", "-d", "/var/spool/postfix/private")
        mounts = [
            f"--volume={folder}/mail:/srv/mail",
            f"--volume={folder}/users:/etc/dovecot/users:ro",
            f"--volume={BARE}/dovecot.conf:/etc/dovecot/dovecot.conf:ro",
        ]
        made.start(Container("dovecot", DOVECOT, ("dovecot", "-F"), (queue, *mounts)))
        servers = Servers(made, folder / "queue", folder / "mail")
        _await_users(servers)
        yield servers


def images() -> list[Image]:
    """Those that both contestants run."""
    helpers = f"mailstack/operator:{of_harness.operator_version()}"
    return [each for each in of_harness.images() if each.reference in (POSTFIX, DOVECOT, helpers)]


def _await_users(servers: Servers) -> None:
    for each in USERS:
        load.verify(servers.pod.address, each)


def _users() -> str:
    return "".join(f"{each}:{{PLAIN}}sample::::::\n" for each in USERS)


def stateful_set() -> Object:
    """That of the operator's pods."""
    return next(each for each in _children() if each["kind"] == "StatefulSet")


def _children() -> list[Object]:
    body = mail_stacks(paths.repository() / "examples" / "mailstack.yaml")[0]
    return children.children(topology.decide(parse({**body, "metadata": {"name": "mail", "namespace": "bench"}})))


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}
