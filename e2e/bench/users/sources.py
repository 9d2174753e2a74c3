"""MailStacks with many users: in a users file, and in a table of PostgreSQL."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.path import kubelet
from bench.path.containers import Container, Pod, pod
from bench.path.kubelet import Data
from bench.path.servers import POSTFIX
from bench.users import ask
from harness import images
from mailstack_operator.kube.metadata import ref_of
from mailstack_operator.kube.objects import Object, section
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse
from mailtest import certificates

HOST, DATABASE_PASSWORD = "database.example.org", "sample"
CANARY = "postmaster@example.org"
# As docs/users-sql.md has it.
TABLE = """CREATE TABLE users (address text PRIMARY KEY, password text NOT NULL, quota_bytes bigint,
 active boolean NOT NULL DEFAULT true);"""


@dataclass(frozen=True)
class Holder:
    """A running MailStack; `user` is an address by its number, below `size`. `folder` has its volumes.

    `database` has the users of a table.
    """

    pod: Pod
    folder: Path
    size: int
    database: Pod | None = None

    def database_seconds(self) -> float:
        """Of its processors."""
        return self.database.cpu_seconds("database") if self.database else 0.0

    @property
    def lmtp(self) -> Path:
        """Dovecot's socket."""
        return self.folder / "private" / "dovecot-lmtp"

    @property
    def user_list(self) -> Path:
        """Where Dovecot is asked for the users of an external source."""
        return self.folder / "errors" / "auth-userdb"

    def user(self, number: int) -> str:
        return _user(number % self.size)


@contextmanager
def file(size: int, options: Sequence[str] = ()) -> Iterator[Holder]:
    """With a users file."""
    text = "".join(f"{each}:{{PLAIN}}{ask.PASSWORD}::::::\n" for each in _users(size))
    spec: Object = {"passwdFile": {"secretName": "users"}}
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as folder, pod(POSTFIX, options) as made:
        yield _start(made, spec, {"users": {"users": text}}, Path(folder), size)


@contextmanager
def table(size: int, options: Sequence[str] = ()) -> Iterator[Holder]:
    """With a table of PostgreSQL."""
    image = images.SOURCES.reference
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as name, pod(image, options) as server:
        folder = Path(name)
        authority = _start_database(server, folder, size)
        secrets = {"password": {"password": DATABASE_PASSWORD}, "ca": {"ca.crt": authority.pem}}
        spec: Object = {
            "sql": {
                "driver": "PostgreSQL",
                "hosts": [HOST],
                "database": "mail",
                "user": "dovecot",
                "password": {"secretName": "password"},
                "tls": {"caSecretName": "ca"},
            }
        }
        with pod(POSTFIX, options, {HOST: server.address}) as made:
            yield replace(_start(made, spec, secrets, folder, size), database=server)


def _start(made: Pod, users: Object, secrets: Data, folder: Path, size: int) -> Holder:
    found = children.children(topology.decide(parse(_mail_stack(users))))
    maps = {ref_of(each).name: _texts(each) for each in found if each["kind"] == "ConfigMap"}
    stateful_set = next(each for each in found if each["kind"] == "StatefulSet")
    kubelet.start(made, stateful_set, {**maps, **secrets}, folder)
    holder = Holder(made, folder, size)
    ask.until_known(holder.lmtp, holder.user(0))
    return holder


def _start_database(server: Pod, folder: Path, size: int) -> certificates.Authority:
    files = folder / "database"
    files.mkdir()
    authority = certificates.found(files)
    issued = authority.issue(HOST)
    for name, text in {"tls.crt": issued.chain, "tls.key": issued.key, "users": _statements(size)}.items():
        (files / name).write_text(text)
    volume = f"--volume={files}:/etc/source:ro"
    server.start(Container("database", images.SOURCES.reference, ("sh", "/opt/postgresql.sh"), (volume,)))
    ready = "SELECT 1 FROM pg_stat_ssl"
    server.await_success("database", "psql", "-U", "postgres", "-h", "/run/postgresql", "-d", "mail", "-c", ready)
    return authority


def _statements(size: int) -> str:
    series = f"generate_series(0, {size - 1}) number"
    rows = " ".join(("SELECT", f"'user' || number || '@example.org', '{{PLAIN}}{ask.PASSWORD}' FROM {series}"))
    return "\n".join(
        (
            TABLE,
            " ".join(("INSERT", f"INTO users (address, password) {rows};")),
            " ".join(("INSERT", f"INTO users (address, password) VALUES ('{CANARY}', '{{PLAIN}}{ask.PASSWORD}');")),
            f"CREATE ROLE dovecot LOGIN PASSWORD '{DATABASE_PASSWORD}';",
            "GRANT SELECT ON users TO dovecot;",
            "",
        )
    )


def _users(size: int) -> Iterator[str]:
    yield from map(_user, range(size))
    yield CANARY


def _user(number: int) -> str:
    return f"user{number}@example.org"


def _mail_stack(users: Object) -> Object:
    spec: Object = {"hostname": "mail.example.org", "domains": ["example.org"], "postmasterAddress": CANARY}
    spec |= {"users": users}
    metadata: Object = {"name": "mail", "namespace": "bench"}
    return {"apiVersion": "mailstack.dev/v1alpha1", "kind": "MailStack", "metadata": metadata, "spec": spec}


def _texts(config_map: Object) -> dict[str, str]:
    return {name: str(value) for name, value in section(config_map, "data").items()}
