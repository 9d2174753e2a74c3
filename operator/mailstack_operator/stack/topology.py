"""Decides what runs where: pods, the LMTP listener, ports, paths and identities.

Pure. render/ and desired/ take their decisions from here, so that Postfix, Dovecot and the pods cannot
disagree about them. With a listener of type Unix there is one pod, with Dovecot's socket in Postfix's spool;
with type Inet the two servers have pods of their own.
"""

from dataclasses import dataclass, field

from mailstack_operator import __version__
from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.kube import names
from mailstack_operator.stack.mailstack import MailStack

SMTP_PORT = 25
PROBE_PORT = 9100

POSTFIX_SPOOL = "/var/spool/postfix"
POSTFIX_DATA = "/var/lib/postfix"
POSTFIX_PRIVATE = f"{POSTFIX_SPOOL}/private"
POSTFIX_CONFIG = "/etc/postfix"
VERIFY_CACHE_FILE = f"{POSTFIX_DATA}/verify_cache.lmdb"
POSTFIX_ALIASES = f"{POSTFIX_CONFIG}/aliases"
SENDER_LOGIN = f"{POSTFIX_CONFIG}/sender_login.regexp"

DOVECOT_FOLDER = "/etc/dovecot"
DOVECOT_CONFIG = f"{DOVECOT_FOLDER}/dovecot.conf"
DOVECOT_EXTRA = f"{DOVECOT_FOLDER}/extra.conf"
SIEVE_BEFORE = f"{DOVECOT_FOLDER}/before.sieve"
SIEVE_AFTER = f"{DOVECOT_FOLDER}/after.sieve"
MAIL_ROOT = "/srv/mail"

RUN = "/run/mailstack"
USERS_FOLDER = f"{RUN}/users"
USERS_FILE = f"{USERS_FOLDER}/passwd"
# Key and certificates in one file, put there whole and only if they fit together (mailstack_probe.certificates).
TLS_FOLDER = f"{RUN}/tls"
TLS_FILE = f"{TLS_FOLDER}/tls.pem"
LMTP_TLS_FILE = f"{TLS_FOLDER}/lmtp.pem"
LMTP_CA_FILE = f"{TLS_FOLDER}/lmtp-ca.pem"
# The same without keys, for the probe, which runs as another user.
TLS_PUBLIC_FILE = f"{TLS_FOLDER}/tls.crt"
LMTP_PUBLIC_FILE = f"{TLS_FOLDER}/lmtp.crt"
LMTP_CA_PUBLIC_FILE = f"{TLS_FOLDER}/lmtp-ca.crt"
RELAY_FOLDER = f"{RUN}/relay"
RELAY_FILE = f"{RELAY_FOLDER}/sasl_passwd"

# Owner of the mail on the volume. A number of our own: it must be the same in every Dovecot image.
MAIL_ID = 5000
# The name that a rootless Dovecot's number gets in its container.
ROOTLESS_USER = "vmail"

DEFAULT_OPERATOR_IMAGE = f"mailstack/operator:{__version__}"


@dataclass(frozen=True)
class Port:
    """A port of a pod: its name, its number at the Service, and where the container listens."""

    name: str
    service: int
    container: int


@dataclass(frozen=True)
class LmtpSocket:
    """The unix socket that joins the two servers of one pod."""

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
class LmtpPort:
    """The TCP port that joins the pods of the two servers.

    `host` is the name of a ClusterIP Service, never of a pod: a name that does not resolve while its pod is away
    would make Postfix refuse good users for good.
    """

    host: str
    port: Port
    tls: bool

    @property
    def transport(self) -> str:
        return f"lmtp:inet:{self.host}:{self.port.service}"


@dataclass(frozen=True)
class Sources:
    """What the spec names in ConfigMaps of the user: the texts of the files, empty where there is none."""

    aliases: str = ""
    sieve_before: str = ""
    sieve_after: str = ""


@dataclass(frozen=True)
class Topology:
    """What becomes of a MailStack."""

    stack: MailStack
    lmtp: LmtpSocket | LmtpPort
    sources: Sources = field(default_factory=Sources)
    operator_image: str = DEFAULT_OPERATOR_IMAGE

    @property
    def spec(self) -> MailStackSpec:
        return self.stack.spec

    @property
    def inet(self) -> bool:
        """Whether the two servers have pods of their own."""
        return isinstance(self.lmtp, LmtpPort)

    @property
    def rootless(self) -> int | None:
        """The user and group id of a rootless Dovecot, None if it runs as root."""
        return self.spec.dovecot.rootless.run_as_user if self.spec.dovecot.rootless else None

    @property
    def mail_owner(self) -> int:
        """User and group id of the mail on the volume."""
        return self.rootless or MAIL_ID

    @property
    def tls(self) -> bool:
        """Whether the servers read certificates: for people, or for LMTP."""
        return self.spec.tls is not None or self.lmtp_tls

    @property
    def lmtp_tls(self) -> bool:
        return isinstance(self.lmtp, LmtpPort) and self.lmtp.tls

    @property
    def postfix_ports(self) -> list[Port]:
        submission = [Port("submission", 587, 587), Port("submissions", 465, 465)] if self.spec.submission else []
        return [Port("smtp", SMTP_PORT, SMTP_PORT), *submission]

    @property
    def imap(self) -> Port:
        return self._dovecot_port("imap", 143)

    @property
    def imaps(self) -> Port | None:
        return self._dovecot_port("imaps", 993) if self.spec.tls else None

    @property
    def sieve(self) -> Port | None:
        """ManageSieve."""
        return self._dovecot_port("sieve", 4190) if self.spec.plugins.sieve else None

    @property
    def auth(self) -> Port | None:
        """Where Dovecot answers Postfix for SASL over TCP; None if it does so over private/auth, or not at all."""
        return Port("auth", 12345, 12345) if self.spec.submission and self.inet else None

    @property
    def quota_status(self) -> Port | None:
        """Where Dovecot tells Postfix over TCP who is over quota; None if it does so over private/quota-status, or
        not at all."""
        quota = self.spec.plugins.quota
        return Port("quota-status", 12340, 12340) if quota and quota.reject_at_recipient and self.inet else None

    @property
    def servers_ports(self) -> list[Port]:
        """The ports of Dovecot that are for Postfix alone."""
        lmtp = [self.lmtp.port] if isinstance(self.lmtp, LmtpPort) else []
        return [*lmtp, *(port for port in (self.auth, self.quota_status) if port)]

    @property
    def mail_ports(self) -> list[Port]:
        """The ports of Dovecot that are for people."""
        return [port for port in (self.imap, self.imaps, self.sieve) if port]

    @property
    def remark(self) -> str:
        """What an administrator should know of a stack that runs as wanted."""
        if self.inet and not self.lmtp_tls:
            return "LMTP between their pods is not encrypted: set spec.delivery.listener.inet.tls to encrypt it"
        return ""

    @property
    def endpoint(self) -> str:
        """Where mail is received: the Service's name in the cluster, and the port."""
        key = self.stack.key
        return f"{key.name}.{key.namespace}.svc:{SMTP_PORT}"

    def _dovecot_port(self, name: str, number: int) -> Port:
        return dovecot_port(name, number, self.rootless)


def dovecot_port(name: str, number: int, rootless: int | None) -> Port:
    """A port of Dovecot; without root it listens above 1024."""
    return Port(name, number, number + 10_000 if rootless and number < 1024 else number)


def decide(stack: MailStack, sources: Sources = Sources(), operator_image: str = DEFAULT_OPERATOR_IMAGE) -> Topology:
    """The topology that the MailStack's spec asks for."""
    return Topology(stack, _lmtp(stack), sources, operator_image)


def _lmtp(stack: MailStack) -> LmtpSocket | LmtpPort:
    listener = stack.spec.delivery.listener
    if listener.type == "Unix":
        return LmtpSocket(listener.unix.name)
    host = f"{names.dovecot(stack.key.name)}.{stack.key.namespace}.svc"
    rootless = stack.spec.dovecot.rootless
    port = dovecot_port("lmtp", listener.inet.port, rootless.run_as_user if rootless else None)
    return LmtpPort(host, port, tls=listener.inet.tls is not None)
