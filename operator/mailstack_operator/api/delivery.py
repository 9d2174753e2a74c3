"""`spec.delivery`: how Postfix hands mail to Dovecot."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import ConfigMapKey, ConfigMapName, SecretName, SocketName


class UnixListener(Model):
    """A Unix socket in Postfix's spool."""

    name: SocketName = Field("dovecot-lmtp", description="File name of the socket in /var/spool/postfix/private.")


class InetTls(Model):
    """STARTTLS between Postfix and Dovecot."""

    secret_name: SecretName = Field(
        description="Secret of type kubernetes.io/tls, with ca.crt. Dovecot presents tls.crt, and Postfix verifies it "
        "against ca.crt (lmtp_tls_security_level = secure). It must be valid for NAME-dovecot.NAMESPACE.svc."
    )


class InetListener(Model):
    """A TCP port of Dovecot, behind a ClusterIP Service."""

    port: int = Field(24, description="Port of the Service NAME-dovecot.", ge=1, le=65535)
    tls: InetTls | None = Field(
        None, description="Encrypts LMTP between the pods. Without it, mail crosses the pod network unencrypted."
    )


class Listener(Model):
    """Where Dovecot listens for LMTP."""

    type: Literal["Unix", "Inet"] = Field(
        "Unix",
        description="Unix: a socket in Postfix's spool, private/NAME; both servers are in one pod. "
        "Inet: a TCP port; Postfix and Dovecot have separate pods.",
    )
    unix: UnixListener = Field(default_factory=UnixListener, description="Socket for type Unix.")
    inet: InetListener = Field(default_factory=InetListener, description="Port for type Inet.")


class ConfigMapFile(Model):
    """A file in a ConfigMap."""

    config_map_name: ConfigMapName = Field(description="ConfigMap in the same namespace that holds the file.")
    key: ConfigMapKey = Field(description="Key of the ConfigMap that holds the file.")


class LocalRecipients(Model):
    """Settings for recipients Local."""

    aliases: ConfigMapFile | None = Field(
        None,
        description="An aliases(5) file. Commands, files and :include: in it are disabled. Mail for root and "
        "postmaster goes to spec.postmasterAddress, unless the file has an entry for them.",
    )


class Delivery(Model):
    """How Postfix hands mail to Dovecot."""

    recipients: Literal["Virtual", "Local"] = Field(
        "Virtual",
        description="Virtual: virtual_transport; every address in spec.domains is a virtual mailbox of Dovecot. "
        "Local: mailbox_transport; spec.domains are Postfix's mydestination, and aliases(5) are looked up first.",
    )
    local: LocalRecipients = Field(default_factory=LocalRecipients, description="Settings for recipients Local.")
    listener: Listener = Field(default_factory=Listener, description="Where Dovecot listens for LMTP.")
