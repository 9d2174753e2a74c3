"""What every source of users has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.oauth2 import OAuth2
from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack.needs import Need
from mailstack_operator.stack.syntax import DovecotPart
from mailstack_probe.contract import CredentialsOptions


@dataclass(frozen=True)
class JudgedFile:
    """A passwd-file that the helper `users` reads from `source` and, judged line by line, writes to `target`; `report`
    is what the probe is told of it. `mounts` are those of the helper."""

    source: str
    target: str
    report: str
    mounts: tuple[Object, ...]


@dataclass(frozen=True)
class Credentials:
    """A password and a CA for another server, which the helper `name` hands to Dovecot in the folder `folder`.

    `options` are the helper's, `mounts` those of the Secrets. Dovecot reloads when a file of the folder changes.
    """

    name: str
    folder: str
    options: CredentialsOptions
    mounts: tuple[Object, ...]


@dataclass(frozen=True)
class Additions:
    """What a source adds to Dovecot's pod.

    `init` are containers that run before Dovecot checks its configuration. `mounts` are those of the dovecot container,
    `config_mounts` those of the check as well: what the configuration itself includes. `files` are further files of
    /etc/dovecot, by name. `judged` is a file of users for the helper, which runs before the check too;
    `credentials` are for another. `sysctls` are the pod's, by name: of those that Kubernetes calls safe.
    """

    init: tuple[Object, ...] = ()
    volumes: tuple[Object, ...] = ()
    mounts: tuple[Object, ...] = ()
    config_mounts: tuple[Object, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    judged: JudgedFile | None = None
    credentials: tuple[Credentials, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "Additions") -> "Additions":
        return Additions(
            init=self.init + other.init,
            volumes=self.volumes + other.volumes,
            mounts=self.mounts + other.mounts,
            config_mounts=self.config_mounts + other.config_mounts,
            files={**self.files, **other.files},
            judged=self.judged or other.judged,
            credentials=self.credentials + other.credentials,
            sysctls={**self.sysctls, **other.sysctls},
        )


@dataclass(frozen=True)
class Canaries:
    """Recipients that Dovecot must accept. Without one its refusal of a non-existent recipient proves nothing: a source
    that is empty or misconfigured refuses every recipient with the same reply.

    `file` is a report of the helper `users` that names them, and `mounts` are those of the probe, so that it can read
    it. `address` is one of an external source: no part of Dovecot's own configuration may accept it; `errors` is a
    socket on which Dovecot tells its last errors, `users` one on which it lists the users. With neither a file nor an
    address the probe's verdict is Unknown.
    """

    file: str | None = None
    address: str | None = None
    errors: str | None = None
    users: str | None = None
    mounts: tuple[Object, ...] = ()


class UserSource(Model, ABC):
    """A variant of `spec.users`. Its fields are what a person writes; its methods, what becomes of them."""

    tag: ClassVar[str]
    """Name of its field in `spec.users`."""
    description: ClassVar[str]
    """Description of the field in the CRD."""

    @abstractmethod
    def needs(self) -> list[Need]:
        """The Secrets and ConfigMaps that it refers to. The pods wait for them."""

    @property
    def server_ports(self) -> tuple[int, ...]:
        """The ports of other servers that Dovecot asks."""
        return ()

    @abstractmethod
    def additions(self, spec: "Spec") -> Additions:
        """What it adds to Dovecot's pod."""

    @abstractmethod
    def settings_23(self, spec: "Spec") -> Iterator[DovecotPart]:
        """passdb and userdb in the settings of Dovecot 2.3."""

    @abstractmethod
    def settings_24(self, spec: "Spec") -> Iterator[DovecotPart]:
        """passdb and userdb in the settings of Dovecot 2.4."""

    @abstractmethod
    def known_23(self, spec: "Spec") -> Iterator[DovecotPart]:
        """What a passdb of Dovecot 2.3 holds that knows who may log in, and takes any password: for tokens."""

    @abstractmethod
    def known_24(self, spec: "Spec") -> Iterator[DovecotPart]:
        """The same for Dovecot 2.4."""

    def guard_23(self, spec: "Spec") -> Iterator[DovecotPart]:
        """userdbs behind all others, asked about unknown addresses alone: a temporary failure while the source holds
        nobody. For a source of which nothing else makes sure that it never gets empty."""
        yield from ()

    def guard_24(self, spec: "Spec") -> Iterator[DovecotPart]:
        """The same for Dovecot 2.4."""
        yield from ()

    @abstractmethod
    def canaries(self, spec: "Spec") -> Canaries:
        """Recipients that Dovecot must accept."""

    def backs_off(self, spec: "Spec") -> bool:
        """Whether Dovecot waits the longer for the source the longer it was away, unless it is reloaded."""
        return False


class Users(Model):
    """`spec.users`: a field for each variant, exactly one of which is set, and what is beside it."""

    oauth2: OAuth2 | None = Field(
        None,
        description="Logins with a token of an OAuth 2.0 provider (OAUTHBEARER, XOAUTH2), beside those with passwords; "
        "only users of the source may log in. Requires tls.",
    )

    @property
    def given(self) -> list[UserSource]:
        """The variants that are set; a valid MailStack has one."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value for value in values if isinstance(value, UserSource)]

    @property
    def source(self) -> UserSource:
        """The variant that is set."""
        return self.given[0]


Spec: TypeAlias = MailStackSpec[Users]
