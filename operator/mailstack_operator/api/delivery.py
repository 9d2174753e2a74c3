"""`spec.delivery`: how Postfix hands mail to Dovecot."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import ConfigMapKey, ConfigMapName, SecretName, SocketName


class UnixListener(Model):
    """A unix socket in Postfix's spool."""

    name: SocketName = Field("dovecot-lmtp", description="File name of the socket in /var/spool/postfix/private.")


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


class Listener(Model):
    """Where Dovecot listens for LMTP."""

    type: Literal["Unix", "Inet"] = Field(
        "Unix",
        description="Unix: a socket in Postfix's spool, private/NAME, shared by the two containers of one pod. "
        "Inet: a TCP port; Postfix and Dovecot have pods of their own.",
    )
    unix: UnixListener = Field(default_factory=UnixListener, description="The socket of type Unix.")
    inet: InetListener = Field(default_factory=InetListener, description="The port of type Inet.")


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
