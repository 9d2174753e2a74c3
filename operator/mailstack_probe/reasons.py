"""Why a check has the status that it has: one word for programs, such as alerts, and what it means.

The words are part of the MailStack's API. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from mailstack_probe.contract import CLIENTS, FILTER, LMTP, SMTP, USERS, VERIFICATION


class Documented(StrEnum):
    """Each member has a docstring of its own, so that the schema and the docs can quote it."""

    def __new__(cls, word: str, meaning: str) -> Self:
        self = str.__new__(cls, word)
        self._value_ = word
        self.__doc__ = meaning
        return self


class Reason(Documented):
    """What a check can report; the docstring of a member says what it means."""

    # Of every check.
    STARTING = "Starting", "Not known yet: the servers have ten seconds to start."
    CHECK_FAILED = "CheckFailed", "A bug in the probe: the check itself failed."

    # Of LMTP.
    REACHABLE = "Reachable", "Dovecot answers, refuses an unknown recipient and accepts a canary recipient."
    NO_CANARY = (
        "NoCanary",
        "Dovecot answers, but no canary recipient is known that would prove that it knows its users.",
    )
    NO_SOCKET = "NoSocket", "The unix socket does not exist."
    CONNECTION_REFUSED = "ConnectionRefused", "The server is not running."
    PERMISSION_DENIED = "PermissionDenied", "Postfix may not connect to the unix socket."
    NOT_SEARCHABLE = "NotSearchable", "Postfix may not search the folder of the unix socket."
    NAME_NOT_RESOLVED = "NameNotResolved", "The name of Dovecot's Service does not resolve."
    CONNECTION_TIMED_OUT = "ConnectionTimedOut", "No answer to a connection over TCP."
    UNREACHABLE = "Unreachable", "Another error of the connection."
    FROZEN = "Frozen", "The server accepts connections, and does not answer."
    CONNECTION_CLOSED = "ConnectionClosed", "The server closes the connection without an answer."
    BAD_GREETING = "BadGreeting", "Something other than the mail server answers."
    TLS_FAILED = "TLSFailed", "Postfix cannot trust Dovecot's certificate, or there is no TLS."
    TEMPORARY_FAILURE = "TemporaryFailure", "Dovecot cannot look up its users or mail, so Postfix cannot ask it."
    UNEXPECTED_REPLY = "UnexpectedReply", "The server gives a reply that no other reason is for."
    ACCEPTS_EVERYBODY = "AcceptsEverybody", "Dovecot accepts an unknown recipient."
    CANARY_REFUSED = "CanaryRefused", "Dovecot refuses a canary recipient."
    STORE_NOT_WRITABLE = "StoreNotWritable", "The mail volume cannot be written to."
    STORE_FULL = "StoreFull", "The mail volume is full."
    STORE_NOT_RESPONDING = "StoreNotResponding", "A write to the mail volume does not complete."

    # Of users.
    ALL_FOUND = "AllFound", "Every line of the users file is one of a user, and Dovecot finds each of them."
    LINES_IGNORED = "LinesIgnored", "Lines of the users file are wrong; the message names them. All others are in use."
    USERS_REFUSED = (
        "UsersRefused",
        "Dovecot does not accept mail for users of the users file; the message names their lines.",
    )
    TOO_FEW_USERS = (
        "TooFewUsers",
        "The users file has fewer than half of the users of the last good one, which stays in use.",
    )
    USERS_EMPTY = "UsersEmpty", "The users file has no users; the last good one stays in use."
    USERS_MALFORMED = "UsersMalformed", "No line of the users file is one of a user; the last good file stays in use."
    USERS_MISSING = "UsersMissing", "The users file does not exist; the last good one stays in use."
    USERS_UNREADABLE = "UsersUnreadable", "The users file, or the report on it, cannot be read."

    SOURCE_ANSWERS = "SourceAnswers", "The database or directory of users finds the canary recipient."
    SOURCE_UNAVAILABLE = (
        "SourceUnavailable",
        "The database or directory of users does not answer, or answers with an error. Mail waits; nobody is refused.",
    )
    CREDENTIALS_REFUSED = (
        "CredentialsRefused",
        "The database or directory of users refuses Dovecot's password. Mail waits; nobody is refused.",
    )
    SOURCE_EMPTY = (
        "SourceEmpty",
        "The source of users lacks the canary, and lists nobody. Mail waits; nobody is refused.",
    )

    # Of SMTP.
    RECEIVING = "Receiving", "Postfix accepts mail from other mail servers."
    FILTER_UNAVAILABLE = "FilterUnavailable", "A mail filter of Postfix (a milter) does not answer."

    CONNECTIONS_EXHAUSTED = "ConnectionsExhausted", "All connections that the server may have are in use."

    # Of the filter.
    FILTERING = "Filtering", "The filter beside Postfix answers."

    # Of the ports for mail programs.
    SERVING = "Serving", "Mail programs get an answer on every port, and a wrong password is refused."
    LOGIN_UNAVAILABLE = "LoginUnavailable", "Dovecot cannot check passwords, so nobody can log in."
    PROVIDER_UNAVAILABLE = (
        "ProviderUnavailable",
        "Dovecot gets no usable answer of the provider of tokens; logins with passwords work.",
    )
    ACCEPTS_ANY_PASSWORD = "AcceptsAnyPassword", "A user that does not exist can log in."

    # Of verification.
    ENFORCED = "Enforced", "Postfix refuses an unknown recipient, with Dovecot's reply."
    DISABLED = "Disabled", "spec.verification.enabled is false."
    PENDING = "Pending", "Postfix is waiting for Dovecot's answer."
    NOT_ENFORCED = "NotEnforced", "Postfix accepts an unknown recipient."
    WRONG_TRANSPORT = "WrongTransport", "Postfix does not ask Dovecot about the domain."
    OTHER_CODE = "OtherCode", "Postfix refuses with another code than that of the spec."
    REFUSED = "Refused", "Postfix refuses what it should accept."
    SERVER_CONFIGURATION = "ServerConfiguration", "A parameter of Postfix is wrong, or a policy service is down."
    QUEUE_FULL = "QueueFull", "The volume of Postfix's queue is nearly full."
    TEMPORARY_REFUSAL = "TemporaryRefusal", "Postfix itself accepts no mail at the moment."
    POSTFIX_UNREACHABLE = "PostfixUnreachable", "Postfix does not answer."


class WarningReason(Documented):
    """What a pod can warn of; the docstring of a member says what it means."""

    CERTIFICATE_EXPIRED = (
        "CertificateExpired",
        "The certificate that the servers show has expired, or is not valid yet.",
    )
    CERTIFICATE_NAME = "CertificateForAnotherName", "The server's certificate is not for spec.hostname."
    CERTIFICATE_CHAIN = (
        "CertificateChainIncomplete",
        "The certificate of the server's issuer is missing, so most mail programs do not trust the server's.",
    )
    CONFIG_NOT_USED = (
        "ConfigNotUsed",
        "A running Postfix does not take over a changed configuration, and keeps its last one.",
    )
    CONFIG_WARNING = "ConfigWarning", "Dovecot warns of its configuration, and runs with it."
    INOTIFY_LIMIT = "InotifyLimit", "More IMAP sessions than the node lets Dovecot watch: they see new mail late."
    VOLUME_NEARLY_FULL = (
        "VolumeNearlyFull",
        "The volume of mail, of the queue or of Postfix's data has little room left.",
    )
    ALIAS_TARGET_UNKNOWN = "AliasTargetUnknown", "An alias leads to an address of the spec's domains that is no user."
    POSTMASTER_WITHOUT_USER = "PostmasterWithoutUser", "spec.postmasterAddress is a mailbox here that no user can read."
    FOREIGN_DOMAIN = "ForeignDomain", "The users file has users of domains that the spec does not have."
    LISTED_USERS_UNUSABLE = (
        "ListedUsersUnusable",
        "A database or directory lists users whom Dovecot does not find, or who cannot log in.",
    )


# Dovecot does not answer: another check costs nothing, and leaves no line in a log.
AWAY = (
    Reason.NO_SOCKET,
    Reason.CONNECTION_REFUSED,
    Reason.PERMISSION_DENIED,
    Reason.NOT_SEARCHABLE,
    Reason.NAME_NOT_RESOLVED,
    Reason.CONNECTION_TIMED_OUT,
    Reason.UNREACHABLE,
    Reason.FROZEN,
)

# All reasons of each check.
BY_CHECK: Mapping[str, tuple[Reason, ...]] = {
    LMTP: (
        Reason.REACHABLE,
        Reason.NO_CANARY,
        Reason.STARTING,
        *AWAY,
        Reason.CONNECTION_CLOSED,
        Reason.BAD_GREETING,
        Reason.TLS_FAILED,
        Reason.TEMPORARY_FAILURE,
        Reason.UNEXPECTED_REPLY,
        Reason.ACCEPTS_EVERYBODY,
        Reason.CANARY_REFUSED,
        Reason.STORE_NOT_WRITABLE,
        Reason.STORE_FULL,
        Reason.STORE_NOT_RESPONDING,
        Reason.CHECK_FAILED,
    ),
    VERIFICATION: (
        Reason.ENFORCED,
        Reason.DISABLED,
        Reason.STARTING,
        Reason.PENDING,
        Reason.NOT_ENFORCED,
        Reason.WRONG_TRANSPORT,
        Reason.OTHER_CODE,
        Reason.REFUSED,
        Reason.TEMPORARY_FAILURE,
        Reason.SERVER_CONFIGURATION,
        Reason.QUEUE_FULL,
        Reason.TEMPORARY_REFUSAL,
        Reason.UNEXPECTED_REPLY,
        Reason.POSTFIX_UNREACHABLE,
        Reason.CHECK_FAILED,
    ),
    USERS: (
        Reason.ALL_FOUND,
        Reason.NO_CANARY,
        Reason.STARTING,
        Reason.LINES_IGNORED,
        Reason.USERS_REFUSED,
        Reason.TOO_FEW_USERS,
        Reason.USERS_EMPTY,
        Reason.USERS_MALFORMED,
        Reason.USERS_MISSING,
        Reason.USERS_UNREADABLE,
        Reason.SOURCE_ANSWERS,
        Reason.SOURCE_UNAVAILABLE,
        Reason.SOURCE_EMPTY,
        Reason.CREDENTIALS_REFUSED,
        Reason.CANARY_REFUSED,
        Reason.UNREACHABLE,
        Reason.CHECK_FAILED,
    ),
    SMTP: (
        Reason.RECEIVING,
        Reason.STARTING,
        Reason.CONNECTION_REFUSED,
        Reason.CONNECTION_TIMED_OUT,
        Reason.UNREACHABLE,
        Reason.FROZEN,
        Reason.CONNECTION_CLOSED,
        Reason.CONNECTIONS_EXHAUSTED,
        Reason.BAD_GREETING,
        Reason.FILTER_UNAVAILABLE,
        Reason.QUEUE_FULL,
        Reason.SERVER_CONFIGURATION,
        Reason.TEMPORARY_REFUSAL,
        Reason.REFUSED,
        Reason.CHECK_FAILED,
    ),
    FILTER: (
        Reason.FILTERING,
        Reason.STARTING,
        Reason.NO_SOCKET,
        Reason.CONNECTION_REFUSED,
        Reason.PERMISSION_DENIED,
        Reason.UNREACHABLE,
        Reason.FROZEN,
        Reason.CONNECTION_CLOSED,
        Reason.BAD_GREETING,
        Reason.CHECK_FAILED,
    ),
    CLIENTS: (
        Reason.SERVING,
        Reason.STARTING,
        Reason.CONNECTION_REFUSED,
        Reason.CONNECTION_TIMED_OUT,
        Reason.UNREACHABLE,
        Reason.FROZEN,
        Reason.CONNECTION_CLOSED,
        Reason.CONNECTIONS_EXHAUSTED,
        Reason.BAD_GREETING,
        Reason.TLS_FAILED,
        Reason.LOGIN_UNAVAILABLE,
        Reason.PROVIDER_UNAVAILABLE,
        Reason.ACCEPTS_ANY_PASSWORD,
        Reason.UNEXPECTED_REPLY,
        Reason.CHECK_FAILED,
    ),
}
