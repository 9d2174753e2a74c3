"""The settings of Dovecot for users in a directory, for 2.4 and 2.3."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailstack_operator.stack import syntax
from mailstack_operator.stack.syntax import DovecotPart, FileSetting, Include, Query, Setting, block
from mailstack_operator.stack.users.external import CA_FILE, OUTAGE, PASSWORD_FILE, UNKNOWN, path_23

# A connection of its own: that of the logins binds as one user after the other.
_LOOKUPS = {"ldap_connection_group": "lookups"}


@dataclass(frozen=True)
class Directory:
    """`alias` is what is before a further address in a filter, such as proxyAddresses=smtp:. `quota_bytes` is the quota
    of a user without the attribute `quota`; `canary` a user who always exists."""

    uris: tuple[str, ...]
    bind_dn: str
    base: str
    filter: str
    address: str
    alias: str | None
    quota: str | None
    quota_bytes: int
    canary: str

    @property
    def everybody(self) -> str:
        """The filter for all users. Dovecot 2.4 gives up the list at an entry without an address."""
        return f"(&{self.filter}({self.address}=*))"

    def found_by(self, address: str) -> str:
        """The filter for one user."""
        own = f"({self.address}={address})"
        return f"(&{self.filter}{f'(|{own}({self.alias}{address}))' if self.alias else own})"


def server_24(directory: Directory) -> Iterator[DovecotPart]:
    yield Setting("ldap_uris", " ".join(directory.uris))
    # 2.4.1 does not hand ssl_client_ca_file to the LDAP library; 2.4.3 does, say its changes.
    yield block("import_environment", LDAPTLS_CACERT=CA_FILE)
    yield Setting("ssl_client_ca_file", CA_FILE)
    yield Setting("ldap_auth_dn", directory.bind_dn)
    yield FileSetting("ldap_auth_dn_password", PASSWORD_FILE)
    yield Setting("ldap_base", directory.base)


def users_24(directory: Directory) -> Iterator[DovecotPart]:
    address = Query("user", f"%{{ldap:{directory.address}}}")
    found = Query("filter", directory.found_by("%{user}"))
    yield block("passdb ldap", found, block("fields", address), bind="yes")
    yield block(
        "userdb ldap",
        found,
        block("fields", address, *_quota_24(directory)),
        Query("iterate_filter", directory.everybody),
        block("iterate_fields", address),
        **OUTAGE,
        **_LOOKUPS,
    )


def _quota_24(directory: Directory) -> Iterator[DovecotPart]:
    if directory.quota:
        # Without a default, a user who has no such attribute gets an error.
        default = f"default('{directory.quota_bytes}')"
        yield Query("quota_storage_size", f"%{{ldap:{directory.quota} | {default}}}B")


def known_24(directory: Directory) -> Iterator[DovecotPart]:
    yield Setting("driver", "ldap")
    yield Query("passdb_ldap_filter", directory.found_by("%{user}"))
    address = Query("user", f"%{{ldap:{directory.address}}}")
    yield block("fields", address, nopassword="yes")
    yield from (Setting(name, value) for name, value in _LOOKUPS.items())


def present_24(directory: Directory) -> Iterator[DovecotPart]:
    """Whether the source knows the canary. Two entries are an error, so it cannot be asked for anybody."""
    canary = Query("userdb_ldap_filter", directory.found_by(directory.canary))
    # Each user is listed once, by the first userdb.
    nobody = Query("userdb_ldap_iterate_filter", "(!(objectClass=*))")
    address = block("userdb_ldap_iterate_fields", Query("user", f"%{{ldap:{directory.address}}}"))
    yield block("userdb present", canary, nobody, address, driver="ldap", **UNKNOWN, **_LOOKUPS)


def users_23() -> Iterator[DovecotPart]:
    yield block("passdb", driver="ldap", args=path_23("logins"))
    yield block("userdb", driver="ldap", args=path_23("users"), **OUTAGE)


def present_23() -> Iterator[DovecotPart]:
    yield block("userdb", driver="ldap", args=path_23("present"), **UNKNOWN)


def files_23(directory: Directory, *, tokens: bool = False) -> dict[str, str]:
    """The files of passdb and userdbs; with `tokens` that of who may log in with one, too."""
    address = f"{directory.address}=user"
    quota = f", {directory.quota}=quota_rule=*:bytes=%$" if directory.quota else ""
    found = directory.found_by("%u")
    logins: list[DovecotPart] = [Setting("auth_bind", "yes"), Query("pass_attrs", address), Query("pass_filter", found)]
    users: list[DovecotPart] = [
        Query("user_attrs", f"{address}{quota}"),
        Query("user_filter", found),
        Query("iterate_attrs", address),
        Query("iterate_filter", directory.everybody),
    ]
    present: list[DovecotPart] = [
        Query("user_attrs", address),
        Query("user_filter", directory.found_by(directory.canary)),
    ]
    known: list[DovecotPart] = [Query("pass_attrs", f"{address}, =nopassword=y"), Query("pass_filter", found)]
    parts = {"logins": logins, "users": users, "present": present, **({"known": known} if tokens else {})}
    return {f"{name}.conf.ext": _file_23(directory, asked) for name, asked in parts.items()}


def _file_23(directory: Directory, asked: list[DovecotPart]) -> str:
    server: list[DovecotPart] = [
        Setting("uris", " ".join(directory.uris)),
        Setting("tls_ca_cert_file", CA_FILE),
        Setting("tls_require_cert", "hard"),
        Setting("dn", directory.bind_dn),
        Include(PASSWORD_FILE),
        Setting("base", directory.base),
        Setting("scope", "subtree"),
    ]
    return syntax.HEADER + syntax.dovecot_conf([*server, *asked])
