"""What every source of users has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from mailstack_operator.api.model import Model
from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack.needs import Need
from mailstack_operator.stack.syntax import DovecotPart


@dataclass(frozen=True)
class Canaries:
    """Addresses that Dovecot must accept, so that its refusal of a non-existent recipient means something: a source
    that is empty or misconfigured refuses everybody with the same reply. Without a canary the probe's verdict is
    Unknown.

    `file` is a passwd-file, mounted into the probe by `UserSource.probe_mounts`; the probe takes them from there.
    """

    file: str | None = None


class UserSource(Model, ABC):
    """A variant of `spec.users`. Its fields are what a person writes; its methods, what becomes of them."""

    field: ClassVar[str]
    """Name of the variant in `spec.users`."""
    description: ClassVar[str]
    """Description of that field in the CRD."""

    @abstractmethod
    def needs(self) -> list[Need]:
        """The Secrets and ConfigMaps that it refers to. The pods wait for them."""

    @abstractmethod
    def volumes(self) -> list[Object]:
        """Volumes of Dovecot's pod."""

    @abstractmethod
    def mounts(self) -> list[Object]:
        """Mounts of the dovecot container."""

    @abstractmethod
    def probe_mounts(self) -> list[Object]:
        """Mounts of the probe beside Dovecot."""

    @abstractmethod
    def settings_23(self, spec: "Spec") -> Iterator[DovecotPart]:
        """passdb and userdb in the settings of Dovecot 2.3."""

    @abstractmethod
    def settings_24(self, spec: "Spec") -> Iterator[DovecotPart]:
        """passdb and userdb in the settings of Dovecot 2.4."""

    @abstractmethod
    def canaries(self, spec: "Spec") -> Canaries:
        """Addresses that Dovecot must accept."""


class Users(Model):
    """`spec.users`: a field for each variant, exactly one of which is set."""

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
