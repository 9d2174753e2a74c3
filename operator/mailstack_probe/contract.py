"""What the operator and the programs in the mail pods agree on: names, numbers, paths and command lines.

Both sides import it, so that neither holds a copy. Pure.
"""

from dataclasses import dataclass
from typing import Annotated

from mailstack_probe.arguments import Arguments, Option

# The API to which the probe writes its entry of `status.pods[]`.
GROUP = "mailstack.dev"
VERSION = "v1alpha1"
GROUP_VERSION = f"{GROUP}/{VERSION}"

# The checks, as the entry names them.
LMTP = "lmtp"
VERIFICATION = "verification"
SMTP = "smtp"
CLIENTS = "clients"
USERS = "users"
FILTER = "filter"
# The digest in the entry of the configuration that is in use.
IN_USE = "configDigest"
# The list of warnings in the entry, and how many it holds at most.
WARNINGS = "warnings"
MOST_WARNINGS = 16

SMTP_PORT = 25
# Postfix's listener on 127.0.0.1 for the probe and the rehearsal: without milters, and it accepts no mail.
VERIFICATION_PORT = 10025
PROBE_PORT = 9100

RUN = "/run/mailstack"
IDS_FILE = f"{RUN}/ids/postfix"
TOKEN_FOLDER = f"{RUN}/token"
# Of the ConfigMap of Postfix's files, which a running pod takes over: the digest of all of it, and the digest of the
# pods that it is for, the annotation of their template.
CONFIG_DIGEST = "digest"
CONFIG_POD = "pod"
# The probe's ProbeSettings, an option a line, where they are mounted, and how its command line names them.
PROBE_SETTINGS = "probe"
SETTINGS_FOLDER = f"{RUN}/settings"
SETTINGS_ARGUMENT = f"@{SETTINGS_FOLDER}/{PROBE_SETTINGS}"
# What Postfix's container says of a changed configuration that it does not use.
CONFIG_REFUSED = "refused"

# The file beside the copies of DKIM's keys that says that all were looked at.
DKIM_READY = ".ready"

# Environment variables of the container `probe`.
POD_NAME = "POD_NAME"
POD_UID = "POD_UID"

# Reserved local parts: recipients that the probe (followed by a dash and a number) and the rehearsal ask for, and that
# no user may have.
PROBE_USER = "mailstack-probe"
REHEARSAL_USER = "mailstack-rehearsal-nobody"

# Recipients of no domain that the probe asks Dovecot about an external source of users: the first is accepted while
# the source answers, the second while, in addition, it lacks the canary and lists somebody. Neither has a delimiter of
# address extensions: Dovecot's LMTP would look for what is before it.
SOURCE_ANSWERS = "mailstack.source.answers@probe.invalid"
SOURCE_LISTS = "mailstack.source.lists@probe.invalid"
# Dovecot's variable `session` when a database is to list a page of its users: this, and the last user before them.
PAGE_AFTER = "mailstack-after:"
PAGE = 40

# Exit code of a rehearsal without an answer in time, EX_TEMPFAIL of sysexits.h: a slow node proves nothing.
NO_ANSWER = 75
# Seconds that a rehearsal takes at most, without the start of Python.
REHEARSAL_LIMIT = 23.0

# Replies of Postfix to RCPT for an unknown recipient; 250 where addresses are not verified.
EXPECTED = (550, 450, 250)


@dataclass(frozen=True)
class StackWarning:
    """What works now and what an administrator should look at all the same.

    `reason` is one CamelCase word; `message` says what is and what to do, and holds nothing that changes by itself,
    such as an age: each change of it is written to the status.
    """

    reason: str
    message: str


@dataclass(frozen=True)
class UnixAddress:
    """A unix socket; `path` is absolute."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True)
class InetAddress:
    """A TCP port of a name or an IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"inet:{self.place}"

    @property
    def place(self) -> str:
        """HOST:PORT, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Address = UnixAddress | InetAddress


def address(text: str) -> Address:
    """Reads `unix:/PATH` or `inet:HOST:PORT`. Raises ValueError."""
    kind, _, place = text.partition(":")
    host, _, port = place.rpartition(":")
    if kind == "unix" and place.startswith("/"):
        return UnixAddress(place)
    if kind == "inet" and host and port.isdecimal():
        return InetAddress(host.removeprefix("[").removesuffix("]"), int(port))
    raise ValueError(f"{text!r} is neither unix:/PATH nor inet:HOST:PORT")


@dataclass(frozen=True)
class Copy:
    """A file or folder, and the file to which its content is copied."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}={self.target}"


def copy(text: str) -> Copy:
    """Reads `SOURCE=TARGET`. Raises ValueError."""
    source, separator, target = text.partition("=")
    if not (source and separator and target):
        raise ValueError(f"{text!r} is not of the form SOURCE=TARGET")
    return Copy(source, target)


def stack_key(text: str) -> str:
    """Reads `NAMESPACE/NAME`. Raises ValueError."""
    namespace, _, name = text.partition("/")
    if not (namespace and name):
        raise ValueError(f"{text!r} is not of the form NAMESPACE/NAME")
    return text


@dataclass(frozen=True, kw_only=True)
class ProbeSettings(Arguments):
    """Those options of the probe that change with Postfix's configuration, while it runs: a file of the ConfigMap."""

    program = "mailstack_probe"
    purpose = "Check the mail servers of this pod, and report to the MailStack."

    domain: Annotated[tuple[str, ...], Option("domain of the MailStack; repeat for each", "DOMAIN")]
    expect: Annotated[
        int | None, Option("reply code for unknown recipients; 250: all are accepted", read=int, choices=EXPECTED)
    ] = None
    message_size: Annotated[int, Option("largest message that Postfix accepts", "BYTES", int)] = 0
    smtp_connections: Annotated[int | None, Option("connections that Postfix serves at once", "NUMBER", int)] = None


@dataclass(frozen=True, kw_only=True)
class ProbeOptions(ProbeSettings):
    """Of `python -m mailstack_probe`; None and an empty tuple are for what is not in the pod."""

    lmtp: Annotated[Address, Option("Dovecot's LMTP listener", "unix:PATH|inet:HOST:PORT", address)]
    lmtp_ca: Annotated[str | None, Option("CA certificates: use STARTTLS, and trust only these", "FILE")] = None
    stack: Annotated[str, Option("the MailStack to report to", "NAMESPACE/NAME", stack_key)]
    port: Annotated[int, Option("port for /metrics and /healthz", "PORT", int)]
    smtp: Annotated[int | None, Option("Postfix's port for other mail servers", "PORT", int)] = None
    verification: Annotated[int | None, Option("Postfix's port for the probe", "PORT", int)] = None
    verify_map: Annotated[str | None, Option("Postfix's verify cache, with its suffix .lmdb", "FILE")] = None
    ids: Annotated[str | None, Option("user and group to become, if root", "FILE")] = None
    queue: Annotated[str | None, Option("Postfix's spool", "FOLDER")] = None
    postfix: Annotated[str | None, Option("Postfix's configuration, as it is in use", "FOLDER")] = None
    submission: Annotated[int | None, Option("port of Submission", "PORT", int)] = None
    submissions: Annotated[int | None, Option("port of Submission with TLS", "PORT", int)] = None
    filter: Annotated[str | None, Option("socket of the filter beside Postfix", "SOCKET")] = None
    imap: Annotated[int | None, Option("port of IMAP", "PORT", int)] = None
    imaps: Annotated[int | None, Option("port of IMAP with TLS", "PORT", int)] = None
    sieve: Annotated[int | None, Option("port of ManageSieve", "PORT", int)] = None
    tokens: Annotated[int, Option("1: a provider is asked about tokens", read=int, choices=(0, 1))] = 0
    connections: Annotated[int | None, Option("sessions that Dovecot serves at once", "NUMBER", int)] = None
    dovecot_warnings: Annotated[str | None, Option("what doveconf warned of", "FILE")] = None
    certificate: Annotated[tuple[str, ...], Option("PEM file, for its date of expiry; repeat for each", "FILE")] = ()
    users: Annotated[str | None, Option("what the helper `users` reports on the users file", "FILE")] = None
    postmaster: Annotated[str | None, Option("mailbox of postmaster@ and abuse@, if it is here", "ADDRESS")] = None
    alias_targets: Annotated[str | None, Option("mailboxes that aliases lead to", "FILE")] = None
    canary: Annotated[str | None, Option("user of an external source who always exists", "ADDRESS")] = None
    errors: Annotated[str | None, Option("socket of Dovecot's last errors", "SOCKET")] = None
    user_list: Annotated[
        str | None, Option("socket on which Dovecot tells of an external source's users", "SOCKET")
    ] = None
    store: Annotated[str | None, Option("mail volume", "FOLDER")] = None
    group: Annotated[int | None, Option("additional group to become, if root: that of the mail", "GID", int)] = None
    credentials: Annotated[str, Option("folder of token and ca.crt for the API server", "FOLDER")] = TOKEN_FOLDER

    settings: Annotated[str | None, Option("further options and their digest, which may change", "FOLDER")] = None

    def conflict(self) -> str | None:
        complete = self.verification is None or self.expect is not None
        return None if complete else "--verification needs --expect"


@dataclass(frozen=True, kw_only=True)
class RecipientOptions(Arguments):
    """Of `python -m mailstack_probe.recipient`; but for `host` and `address` those of the probe in the pod."""

    program = "mailstack_probe.recipient"
    purpose = "Ask both servers about a recipient."

    lmtp: Annotated[Address, Option("Dovecot's LMTP listener", "unix:PATH|inet:HOST:PORT", address)]
    lmtp_ca: Annotated[str | None, Option("CA certificates: use STARTTLS, and trust only these", "FILE")] = None
    smtp: Annotated[int, Option("Postfix's port for other mail servers", "PORT", int)]
    ids: Annotated[str | None, Option("user and group to become, if root", "FILE")] = None
    host: Annotated[str, Option("the pod's IP address", "ADDRESS")]
    address: Annotated[str, Option("the recipient", "ADDRESS")]


@dataclass(frozen=True, kw_only=True)
class UsersListOptions(Arguments):
    """Of `python -m mailstack_probe.users_list`; but for `domain` and `check` those of the probe in the pod."""

    program = "mailstack_probe.users_list"
    purpose = "List the users, and what is wrong with them."

    lmtp: Annotated[Address, Option("Dovecot's LMTP listener", "unix:PATH|inet:HOST:PORT", address)]
    lmtp_ca: Annotated[str | None, Option("CA certificates: use STARTTLS, and trust only these", "FILE")] = None
    ids: Annotated[str | None, Option("user and group to become, if root", "FILE")] = None
    group: Annotated[int | None, Option("additional group to become, if root", "GID", int)] = None
    users: Annotated[str | None, Option("what the helper `users` reports on the users file", "FILE")] = None
    user_list: Annotated[str | None, Option("socket on which Dovecot tells of its users", "SOCKET")] = None
    canary: Annotated[str | None, Option("user of an external source who always exists", "ADDRESS")] = None
    postmaster: Annotated[str | None, Option("mailbox of postmaster@ and abuse@, if it is here", "ADDRESS")] = None
    domain: Annotated[tuple[str, ...], Option("domain of the MailStack; repeat for each", "DOMAIN")]
    check: Annotated[int, Option("1: ask Dovecot about each user", read=int, choices=(0, 1))] = 0


@dataclass(frozen=True, kw_only=True)
class CertificatesOptions(Arguments):
    """Of `python -m mailstack_probe.certificates`."""

    program = "mailstack_probe.certificates"
    purpose = "Copy certificates from mounted Secrets, and only valid ones."

    pair: Annotated[tuple[Copy, ...], Option("Secret of type kubernetes.io/tls", "FOLDER=TARGET.pem", copy)] = ()
    ca: Annotated[tuple[Copy, ...], Option("file of CA certificates", "FILE=TARGET.pem", copy)] = ()


@dataclass(frozen=True, kw_only=True)
class UsersOptions(Arguments):
    """Of `python -m mailstack_probe.handover`."""

    program = "mailstack_probe.handover"
    purpose = "Copy the users file from its mounted Secret, without the lines that Dovecot could not use."

    source: Annotated[str, Option("passwd-file of the Secret", "FILE")]
    target: Annotated[str, Option("passwd-file for Dovecot", "FILE")]
    report: Annotated[str, Option("what the probe is told of it", "FILE")]
    kept: Annotated[str, Option("copy of the target that outlives the pod", "FILE")]
    root: Annotated[str, Option("mail volume", "FOLDER")]
    owner: Annotated[int, Option("user and group id of the mail", "ID", int)]
    rootless: Annotated[int | None, Option("user id of a rootless Dovecot", "ID", int)] = None


@dataclass(frozen=True, kw_only=True)
class CredentialsOptions(Arguments):
    """Of `python -m mailstack_probe.credentials`."""

    program = "mailstack_probe.credentials"
    purpose = "Copy a password and a CA for another server from their mounted Secrets, if Dovecot can use them."

    password: Annotated[str | None, Option("password, as the Secret has it", "FILE")] = None
    form: Annotated[str, Option("form of the copy: plain, pgsql, mysql, ldap, url or setting", "FORM")] = ""
    connect: Annotated[str, Option("for pgsql and URLs, what the copy holds beside the password", "TEXT")] = ""
    target: Annotated[str | None, Option("copy of the password for Dovecot", "FILE")] = None
    ca: Annotated[tuple[Copy, ...], Option("file of CA certificates", "FILE=TARGET.pem", copy)] = ()

    def conflict(self) -> str | None:
        return None if (self.password is None) == (self.target is None) else "--password needs --target"


@dataclass(frozen=True, kw_only=True)
class DkimOptions(Arguments):
    """Of `python -m mailstack_probe.dkim`."""

    program = "mailstack_probe.dkim"
    purpose = "Copy keys for DKIM from their mounted Secrets, if they can sign."

    secrets: Annotated[str, Option("folder of a folder for each Secret", "FOLDER")]
    target: Annotated[str, Option("folder of the copies", "FOLDER")]


@dataclass(frozen=True, kw_only=True)
class RehearsalOptions(Arguments):
    """Of `python -m mailstack_probe.rehearsal`; the ports are those of this pod that are checked."""

    program = "mailstack_probe.rehearsal"
    purpose = "Check that the mail servers of this pod work with their configuration."

    expect: Annotated[int | None, Option("Postfix's reply to --unknown", read=int, choices=EXPECTED)] = None
    unknown: Annotated[tuple[str, ...], Option("a non-existent recipient; repeat for each", "ADDRESS")] = ()
    verification: Annotated[int | None, Option("Postfix's port for --unknown", "PORT", int)] = None
    smtp: Annotated[int | None, Option("port of SMTP", "PORT", int)] = None
    submission: Annotated[int | None, Option("port of Submission", "PORT", int)] = None
    submissions: Annotated[int | None, Option("port of Submission with TLS", "PORT", int)] = None
    imap: Annotated[int | None, Option("port of IMAP", "PORT", int)] = None
    imaps: Annotated[int | None, Option("port of IMAP with TLS", "PORT", int)] = None
    sieve: Annotated[int | None, Option("port of ManageSieve", "PORT", int)] = None
    log: Annotated[tuple[str, ...], Option("log file of a server; repeat for each", "FILE")] = ()
    source: Annotated[str | None, Option("external source of users, whose outage is no mistake", "NAME")] = None

    def conflict(self) -> str | None:
        complete = not self.unknown or (self.verification and self.expect)
        return None if complete else "--unknown needs --verification and --expect"
