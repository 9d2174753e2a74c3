"""`spec.delivery`: how Postfix hands mail to Dovecot."""

from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mailstack_operator.api import cel
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import ConfigMapKey, ConfigMapName, SecretName, SocketName

# Postfix's own sockets in private/ (master.cf), and `auth` and `quota-status`, where Dovecot answers beside LMTP.
TAKEN_SOCKETS = [
    *("anvil", "auth", "bounce", "defer", "discard", "error", "lmtp", "local", "postlog", "proxymap", "proxywrite"),
    *("quota-status", "relay", "retry", "rewrite", "scache", "smtp", "tlsmgr", "trace", "verify", "virtual"),
]
# Ports of the Dovecot pod that are somebody else's: IMAP, IMAPS, ManageSieve, the quota status, SASL.
TAKEN_PORTS = [143, 993, 4190, 12340, 12345]

_SOCKET = "this is the name of a socket of Postfix itself: write another, such as dovecot-lmtp"
_PORT = "Dovecot listens there for something else: write another, such as 24"
_TYPE = "inet.tls is for type Inet only: set type, or remove inet.tls"
_LOCAL = "local.aliases is for recipients Local only: set recipients, or remove local.aliases"


class UnixListener(Model):
    """A unix socket in Postfix's spool."""

    name: SocketName = Field("dovecot-lmtp", description="File name of the socket in /var/spool/postfix/private.")

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule(f"!(self.name in {cel.strings(TAKEN_SOCKETS)})", _SOCKET))
    )

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in TAKEN_SOCKETS:
            raise PydanticCustomError("socket", _SOCKET)
        return name


class InetTls(Model):
    """STARTTLS between Postfix and Dovecot."""

    secret_name: SecretName = Field(
        description="Secret of type kubernetes.io/tls: Dovecot presents tls.crt and tls.key, Postfix verifies it "
        "against ca.crt (lmtp_tls_security_level = secure). The certificate's name is NAME-dovecot.NAMESPACE.svc."
    )


class InetListener(Model):
    """A TCP port of Dovecot, behind a ClusterIP Service."""

    port: int = Field(24, description="Port of the Service NAME-dovecot.", ge=1, le=65535)
    tls: InetTls | None = Field(
        None, description="Encrypts LMTP between the pods; without it, mail crosses the pod network in plain text."
    )

    model_config = ConfigDict(json_schema_extra=cel.rules(cel.Rule(f"!(self.port in {TAKEN_PORTS})", _PORT)))

    @field_validator("port")
    @classmethod
    def _not_taken(cls, port: int) -> int:
        if port in TAKEN_PORTS:
            raise PydanticCustomError("port", _PORT)
        return port


class Listener(Model):
    """Where Dovecot listens for LMTP."""

    type: Literal["Unix", "Inet"] = Field(
        "Unix",
        description="Unix: a socket in Postfix's spool, private/NAME, shared by the two containers of one pod. "
        "Inet: a TCP port; Postfix and Dovecot have pods of their own.",
    )
    unix: UnixListener = Field(default_factory=UnixListener, description="The socket of type Unix.")
    inet: InetListener = Field(default_factory=InetListener, description="The port of type Inet.")

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule("self.type == 'Inet' || !has(self.inet.tls)", _TYPE))
    )

    @model_validator(mode="after")
    def _of_one_type(self) -> "Listener":
        if self.type != "Inet" and self.inet.tls is not None:
            raise PydanticCustomError("listener", _TYPE)
        return self


class ConfigMapFile(Model):
    """A file in a ConfigMap."""

    config_map_name: ConfigMapName = Field(description="ConfigMap in the same namespace that holds the file.")
    key: ConfigMapKey = Field(description="Key of the ConfigMap that holds the file.")


class LocalRecipients(Model):
    """What belongs to recipients Local."""

    aliases: ConfigMapFile | None = Field(
        None,
        description="An aliases(5) file; commands, files and :include: in it do not work. Without an entry, root goes "
        "to spec.postmasterAddress, and so does postmaster.",
    )


class Delivery(Model):
    """How Postfix hands mail to Dovecot."""

    recipients: Literal["Virtual", "Local"] = Field(
        "Virtual",
        description="Virtual: virtual_transport; every address of spec.domains is a virtual mailbox of Dovecot. "
        "Local: mailbox_transport; spec.domains are Postfix's mydestination, and aliases(5) come first.",
    )
    local: LocalRecipients = Field(default_factory=LocalRecipients, description="What belongs to recipients Local.")
    listener: Listener = Field(default_factory=Listener, description="Where Dovecot listens for LMTP.")

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule("self.recipients == 'Local' || !has(self.local.aliases)", _LOCAL))
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Delivery":
        if self.recipients != "Local" and self.local.aliases is not None:
            raise PydanticCustomError("recipients", _LOCAL)
        return self
