"""Decides what runs where: the pod, the LMTP socket, ports, paths and identities.

Pure. render/ and desired/ take their decisions from here, so that Postfix, Dovecot and the pod cannot
disagree about them. The shape is the how-to's: one pod, Dovecot's socket in Postfix's spool.
"""

from dataclasses import dataclass

from mailstack_operator.api.stack import MailStack

SMTP_PORT = 25
IMAP_PORT = 143

POSTFIX_SPOOL = "/var/spool/postfix"
POSTFIX_DATA = "/var/lib/postfix"
POSTFIX_PRIVATE = f"{POSTFIX_SPOOL}/private"
POSTFIX_CONFIG = "/etc/postfix"

DOVECOT_CONFIG = "/etc/dovecot/dovecot.conf"
MAIL_ROOT = "/srv/mail"
USERS_FOLDER = "/run/mailstack/users"
USERS_FILE = f"{USERS_FOLDER}/passwd"

# Owner of the mail on the volume. A number of our own: it must be the same in every Dovecot image.
MAIL_UID = 5000
MAIL_GID = 5000


@dataclass(frozen=True)
class LmtpSocket:
    """The unix socket that joins the two servers."""

    name: str

    @property
    def path(self) -> str:
        """Where Dovecot listens."""
        return f"{POSTFIX_PRIVATE}/{self.name}"

    @property
    def transport(self) -> str:
        """Postfix's transport to it; relative to the spool, so it holds with and without chroot."""
        return f"lmtp:unix:private/{self.name}"


@dataclass(frozen=True)
class Topology:
    """One StatefulSet of one pod, with Postfix and Dovecot side by side."""

    stack: MailStack
    lmtp: LmtpSocket

    @property
    def endpoint(self) -> str:
        """Where mail is received: the Service's name in the cluster, and the port."""
        key = self.stack.key
        return f"{key.name}.{key.namespace}.svc:{SMTP_PORT}"


def decide(stack: MailStack) -> Topology:
    """The topology that the MailStack's spec asks for."""
    return Topology(stack=stack, lmtp=LmtpSocket(stack.spec.delivery.listener.unix.name))
