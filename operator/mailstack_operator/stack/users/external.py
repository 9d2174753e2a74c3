"""What sources of users on another server have in common: SQL and LDAP.

The guard: Dovecot answers 550 for an unknown address only if the source has just found the canary. An outage, an empty
table, a wrong base or query answer 451 instead, and mail waits. docs/users-sql.md describes it.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import MailAddress, SecretKey, SecretName
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack.containers import WORLD_READABLE, empty, mount, secret
from mailstack_operator.stack.needs import CA_KEY, Need
from mailstack_operator.stack.paths import DOVECOT_FOLDER
from mailstack_operator.stack.syntax import DovecotPart, Setting, block
from mailstack_operator.stack.users.source import Additions, Canaries, Credentials, Spec, UserSource
from mailstack_probe.contract import RUN, SOURCE_ANSWERS, Copy, CredentialsOptions

FOLDER = f"{RUN}/source"
PASSWORD_FILE = f"{FOLDER}/password"
CA_FILE = f"{FOLDER}/ca.pem"
_SECRET, _CA_SECRET = f"{RUN}/secrets/source", f"{RUN}/secrets/source-ca"
_ANSWERS = "answers"
_ANSWERS_FILE = f"{DOVECOT_FOLDER}/{_ANSWERS}"

# Where the probe reads Dovecot's last errors, which say why the source is unavailable, and asks who the users are.
_ERRORS = f"{RUN}/errors"
_ERRORS_SOCKET = f"{_ERRORS}/log-errors"
# The end of the name is the kind of socket.
_USERS_SOCKET = f"{_ERRORS}/auth-userdb"

SETTINGS: tuple[DovecotPart, ...] = (
    # Dovecot's own list of characters lacks some that are in names, such as o'brien; the source says who exists.
    Setting("auth_username_chars", ""),
    block("service log", block(f"unix_listener {_ERRORS_SOCKET}", mode="0666")),
    # With any other mode than 0666, whoever can open it may ask about every user (example configuration of Dovecot).
    block("service auth", block(f"unix_listener {_USERS_SOCKET}", mode="0777")),
)
# An outage is answered without asking the next userdb: 451.
OUTAGE = {"result_internalfail": "return-fail"}
# The source knows the canary, so that the address is unknown: 550.
UNKNOWN = {"result_success": "return-fail"}

Version = Literal["2.3", "2.4"]


class Password(Model):
    """The password with which Dovecot logs in at the server."""

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the password.")
    key: SecretKey = Field("password", description="Key of the Secret that holds the password, without a newline.")


class SourceTls(Model):
    """How Dovecot knows the server. Its certificate and its name are always verified."""

    ca_secret_name: SecretName = Field(
        description="Secret in the same namespace whose key ca.crt holds the certificate authorities of the server."
    )


class ExternalSource(UserSource):
    """A server that Dovecot asks with a password, over TLS."""

    password: Password = Field(description="Password of Dovecot at the server. A change is in use without a restart.")
    tls: SourceTls = Field(description="How Dovecot knows the server.")
    canary: MailAddress | None = Field(
        None,
        description="Address of a user who always exists, in small letters; by default spec.postmasterAddress, if its "
        "domain is one of spec.domains. While Dovecot does not find it, no address is refused, and mail waits.",
    )

    def needs(self) -> list[Need]:
        return [
            Need("Secret", self.password.secret_name, (self.password.key,), "the password of users", password=True),
            Need("Secret", self.tls.ca_secret_name, (CA_KEY,), "the CA of the source of users"),
        ]

    def canaries(self, spec: Spec) -> Canaries:
        sockets = (mount("errors", _ERRORS),)
        return Canaries(address=canary(self, spec), mounts=sockets, errors=_ERRORS_SOCKET, users=_USERS_SOCKET)

    def additions(self, spec: Spec) -> Additions:
        memory: Object = {"name": "source", "emptyDir": {"medium": "Memory"}}
        return Additions(
            volumes=(
                secret("source-password", self.password.secret_name, [self.password.key], WORLD_READABLE),
                secret("source-ca", self.tls.ca_secret_name, [CA_KEY], WORLD_READABLE),
                memory,
                empty("errors"),
            ),
            mounts=(mount("errors", _ERRORS),),
            config_mounts=(mount("source", FOLDER, read_only=True),),
            files={_ANSWERS: f"{SOURCE_ANSWERS}:::::::\n", **self._files(spec)},
            credentials=(self._credentials(spec),),
        )

    def backs_off(self, spec: Spec) -> bool:
        return True

    def _files(self, spec: Spec) -> dict[str, str]:
        return {} if spec.dovecot.version == "2.4" else self.files_23(spec, tokens=spec.users.oauth2 is not None)

    @abstractmethod
    def files_23(self, spec: Spec, *, tokens: bool) -> dict[str, str]:
        """Further files of /etc/dovecot for Dovecot 2.3; with `tokens` that of who may log in with one, too."""

    def known_23(self, spec: Spec) -> Iterator[DovecotPart]:
        # Dovecot's drivers have the names of the variants.
        yield Setting("driver", self.tag)
        yield Setting("args", path_23("known"))

    @abstractmethod
    def form(self, spec: Spec) -> tuple[str, str]:
        """The form of the password's copy, and what else it holds: `form` and `connect` of the helper."""

    def _credentials(self, spec: Spec) -> Credentials:
        form, connect = self.form(spec)
        options = CredentialsOptions(
            password=f"{_SECRET}/{self.password.key}",
            form=form,
            connect=connect,
            target=PASSWORD_FILE,
            ca=(Copy(f"{_CA_SECRET}/{CA_KEY}", CA_FILE),),
        )
        mounts = (mount("source-password", _SECRET, read_only=True), mount("source-ca", _CA_SECRET, read_only=True))
        return Credentials("source", FOLDER, options, (*mounts, mount("source", FOLDER)))


def canary(source: ExternalSource, spec: Spec) -> str:
    """The address of a user who must exist, in small letters and without an address extension."""
    local, _, domain = (source.canary or spec.postmaster_address).lower().rpartition("@")
    return f"{local.partition(spec.address_extensions.delimiter or '+')[0]}@{domain}"


def path_23(name: str) -> str:
    """Where Dovecot 2.3 reads how a passdb or userdb asks the source."""
    return f"{DOVECOT_FOLDER}/{name}.conf.ext"


def guard_23(asked: Iterable[DovecotPart]) -> Iterator[DovecotPart]:
    """The userdbs behind all others; `asked` are those that ask the source."""
    yield block("userdb", driver="passwd-file", args=_ANSWERS_FILE)
    yield from asked
    yield block("userdb", driver="static", args="allow_all_users=yes tempfail=yes")


def guard_24(asked: Iterable[DovecotPart]) -> Iterator[DovecotPart]:
    """The same for Dovecot 2.4."""
    yield block("userdb answers", driver="passwd-file", passwd_file_path=_ANSWERS_FILE)
    yield from asked
    nobody = block("fields", tempfail="yes")
    yield block("userdb nobody", nobody, driver="static", static_allow_all_users="yes")
