"""What a spec refers to: Secrets and ConfigMaps of the user, and which keys of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mailstack_operator.api.delivery import ConfigMapFile
from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.stack import link

CERTIFICATE_KEYS = ("tls.crt", "tls.key")
CA_KEY = "ca.crt"
RELAY_KEYS = ("username", "password")


@dataclass(frozen=True)
class Need:
    """`what` says in words what the object holds, for messages."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    keys: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def needs(spec: MailStackSpec) -> list[Need]:
    """Everything that the spec refers to, each once for each use of it."""
    return [*secrets(spec), *files(spec).values()]


def secrets(spec: MailStackSpec) -> Iterator[Need]:
    users, submission = spec.users.passwd_file, spec.submission
    yield Need("Secret", users.secret_name, (users.key,), "the users")
    if spec.tls:
        yield Need("Secret", spec.tls.secret_name, CERTIFICATE_KEYS, "the server's certificate")
    if lmtp_secret := link.lmtp_secret(spec):
        yield Need("Secret", lmtp_secret, (*CERTIFICATE_KEYS, CA_KEY), "the certificate of LMTP")
    if submission and submission.relay_credentials:
        name = submission.relay_credentials.secret_name
        yield Need("Secret", name, RELAY_KEYS, "the login at the relay host")


def files(spec: MailStackSpec) -> dict[str, Need]:
    """The files that become part of the configuration, by their name in topology.Sources."""
    sieve, aliases = spec.plugins.sieve, spec.delivery.local.aliases
    used = {
        "aliases": (aliases, "the aliases"),
        "sieve_before": (sieve.before if sieve else None, "a Sieve script"),
        "sieve_after": (sieve.after if sieve else None, "a Sieve script"),
    }
    return {name: _file(file, what) for name, (file, what) in used.items() if file}


def _file(file: ConfigMapFile, what: str) -> Need:
    return Need("ConfigMap", file.config_map_name, (file.key,), what)
