"""The contestants: what the operator renders, with LMTP by a socket and over TCP, and the how-to's own files, in the
same images."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from mailtest import certificates

USERS = tuple(f"user{number}@example.org" for number in range(20))
BARE = Path(__file__).parent / "bare"
# As main.cf names Dovecot over TCP.
_LMTP_HOST = "mail-dovecot.bench.svc"
POSTFIX, DOVECOT = "mailstack/postfix:3.10", "mailstack/dovecot:2.4"


@dataclass(frozen=True)
class Servers:
    """Both servers of a contestant, each in a container of its name in these pods, which may be one; `queue` and `mail`
    are their folders."""

    postfix: Pod
    dovecot: Pod
    queue: Path
    mail: Path

    @property
    def address(self) -> str:
        """Where mail is taken."""
        return self.postfix.address

    def cpu_seconds(self) -> float:
        return self.postfix.cpu_seconds("postfix") + self.dovecot.cpu_seconds("dovecot")

    def log_lines(self) -> int:
        return self.postfix.log_lines("postfix") + self.dovecot.log_lines("dovecot")

    def retry(self) -> None:
        """Has deferred mail delivered now."""
        self.postfix.succeeds("postfix", "postqueue", "-f")


@contextmanager
def rendered(options: Sequence[str] = ()) -> Iterator[Servers]:
    """A MailStack of `examples/mailstack.yaml`."""
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as folder, pod(POSTFIX, options) as made:
        kubelet.start(made, stateful_set(), _data(_children()), Path(folder))
        servers = Servers(made, made, Path(folder, "queue"), Path(folder, "mail"))
        _await_users(servers)
        yield servers


@contextmanager
def over_tcp(options: Sequence[str] = ()) -> Iterator[Servers]:
    """The same with LMTP over TCP and TLS, where each server has a pod."""
    with ExitStack() as ended:
        authority, postfix_folder, dovecot_folder = (
            Path(ended.enter_context(tempfile.TemporaryDirectory(prefix="mailstack-bench-"))) for _ in range(3)
        )
        certificate = certificates.found(authority).issue(_LMTP_HOST)
        made = _children(delivery={"listener": {"type": "Inet", "inet": {"tls": {"secretName": "lmtp"}}}})
        data = {
            **_data(made),
            "lmtp": {"tls.crt": certificate.chain, "tls.key": certificate.key, "ca.crt": certificate.ca},
        }
        of_postfix, of_dovecot = (each for each in made if each["kind"] == "StatefulSet")
        dovecot = ended.enter_context(pod(DOVECOT, options))
        kubelet.start(dovecot, of_dovecot, data, dovecot_folder)
        postfix = ended.enter_context(pod(POSTFIX, options, hosts={_LMTP_HOST: dovecot.address}))
        kubelet.start(postfix, of_postfix, data, postfix_folder)
        servers = Servers(postfix, dovecot, postfix_folder / "queue", dovecot_folder / "mail")
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
        servers = Servers(made, made, folder / "queue", folder / "mail")
        _await_users(servers)
        yield servers


def images() -> list[Image]:
    """Those that the contestants run."""
    helpers = f"mailstack/operator:{of_harness.operator_version()}"
    return [each for each in of_harness.images() if each.reference in (POSTFIX, DOVECOT, helpers)]


def _await_users(servers: Servers) -> None:
    for each in USERS:
        load.verify(servers.address, each)


def _users() -> str:
    return "".join(f"{each}:{{PLAIN}}sample::::::\n" for each in USERS)


def stateful_set() -> Object:
    """That of the operator's pods."""
    return next(each for each in _children() if each["kind"] == "StatefulSet")


def _children(**spec: object) -> list[Object]:
    """Of the example, with more fields."""
    body = mail_stacks(paths.repository() / "examples" / "mailstack.yaml")[0]
    described = {**body, "metadata": {"name": "mail", "namespace": "bench"}, "spec": {**section(body, "spec"), **spec}}
    return children.children(topology.decide(parse(described)))


def _data(made: Sequence[Object]) -> dict[str, dict[str, str]]:
    """The files of the ConfigMaps, and of the Secret of users."""
    data = {ref_of(each).name: _texts(section(each, "data")) for each in made if each["kind"] == "ConfigMap"}
    return {**data, "mail-users": {"users": _users()}}


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}
