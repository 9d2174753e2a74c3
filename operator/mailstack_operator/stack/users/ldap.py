"""Users from a directory (OpenLDAP, Active Directory), which Dovecot asks.

Sources: Dovecot's "LDAP authentication" in the documentation of 2.3 and 2.4; RFC 4515 (filters).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import (
    AttributeName,
    DistinguishedName,
    LdapFilter,
    LdapUri,
    ValuePrefix,
    size_bytes,
)
from mailstack_operator.stack.syntax import DovecotPart
from mailstack_operator.stack.users import external, ldap_settings
from mailstack_operator.stack.users.external import ExternalSource
from mailstack_operator.stack.users.ldap_settings import Directory
from mailstack_operator.stack.users.source import Additions, Spec

# Of ldaps.
_PORT = 636
# libldap 2.5 waits in a busy loop for a server that is gone amid the start of TLS until the kernel ends the connection,
# by default after 2 hours. Its own options for that (KEEPALIVE_IDLE, ldap.conf(5)) end the process with signal 11.
_KEEPALIVE = {
    "net.ipv4.tcp_keepalive_time": "30",
    "net.ipv4.tcp_keepalive_intvl": "10",
    "net.ipv4.tcp_keepalive_probes": "3",
}


class Aliases(Model):
    """Further addresses of a user."""

    attribute: AttributeName = Field(description="Attribute with the further addresses, such as proxyAddresses.")
    prefix: ValuePrefix | None = Field(
        None, description="What is before each address in it, such as smtp: in Active Directory."
    )


class Ldap(ExternalSource):
    """A directory that Dovecot asks about each user."""

    tag: ClassVar[str] = "ldap"
    description: ClassVar[str] = (
        "A directory (OpenLDAP, Active Directory) that Dovecot asks about each user, over ldaps. Passwords are checked "
        "by a bind. A change of an entry is in use at once."
    )

    uris: Annotated[list[LdapUri], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=8,
        description="Servers of the directory, such as ldaps://ldap.example.org. Another is asked if one is away.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    bind_dn: DistinguishedName = Field(description="Entry as which Dovecot binds to search for users.")
    base: DistinguishedName = Field(description="Entry under which users are, such as ou=people,dc=example,dc=org.")
    filter: LdapFilter = Field(
        "(objectClass=inetOrgPerson)",
        description="Which entries are users whom mail reaches. The operator adds the address that is looked for.",
    )
    address_attribute: AttributeName = Field("mail", description="Attribute with the user's address.")
    quota_attribute: AttributeName | None = Field(
        None, description="Attribute with the user's quota in bytes; a user without it has spec.plugins.quota.size."
    )
    aliases: Aliases | None = Field(None, description="Further addresses of a user, whose mail is in the same mailbox.")

    def additions(self, spec: Spec) -> Additions:
        added = super().additions(spec)
        return replace(added, sysctls=_KEEPALIVE) if spec.dovecot.version == "2.3" else added

    def files_23(self, spec: Spec, *, tokens: bool) -> dict[str, str]:
        return ldap_settings.files_23(self.asked(spec), tokens=tokens)

    def form(self, spec: Spec) -> tuple[str, str]:
        return ("plain" if spec.dovecot.version == "2.4" else "ldap"), ""

    def settings_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield from external.SETTINGS
        yield from ldap_settings.users_23()

    def settings_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield from external.SETTINGS
        yield from ldap_settings.server_24(self.asked(spec))
        yield from ldap_settings.users_24(self.asked(spec))

    def known_24(self, spec: Spec) -> Iterator[DovecotPart]:
        return ldap_settings.known_24(self.asked(spec))

    def guard_23(self, spec: Spec) -> Iterator[DovecotPart]:
        return external.guard_23(ldap_settings.present_23())

    def guard_24(self, spec: Spec) -> Iterator[DovecotPart]:
        return external.guard_24(ldap_settings.present_24(self.asked(spec)))

    @property
    def server_ports(self) -> tuple[int, ...]:
        given = (uri.rpartition("/")[2].partition(":")[2] for uri in self.uris)
        return tuple(sorted({int(port or _PORT) for port in given}))

    def asked(self, spec: Spec) -> Directory:
        """What Dovecot asks, and where."""
        quota = spec.plugins.quota
        return Directory(
            uris=tuple(self.uris),
            bind_dn=self.bind_dn,
            base=self.base,
            filter=self.filter,
            address=self.address_attribute,
            alias=f"{self.aliases.attribute}={self.aliases.prefix or ''}" if self.aliases else None,
            quota=self.quota_attribute if quota else None,
            quota_bytes=size_bytes(quota.size) if quota else 0,
            canary=external.canary(self, spec),
        )
