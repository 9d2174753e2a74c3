"""`spec.postfix` and `spec.dovecot`: the containers, and additions to their configuration."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from mailstack_operator.api import cel
from mailstack_operator.api.mailboxes import DEFAULT as DEFAULT_MAILBOXES
from mailstack_operator.api.mailboxes import Mailbox
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import (
    STORAGE_SIZE,
    ConfigText,
    ImageReference,
    MessageSize,
    ParameterValue,
    Quantity,
    SecretName,
    StorageClassName,
    StorageSize,
)


def _growing(*sizes: str) -> JsonDict:
    """Volumes can grow, the StorageClass permitting, and can do nothing else."""
    same_class = (
        "has(self.storageClassName) == has(oldSelf.storageClassName) && "
        "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)"
    )
    return cel.rules(
        *(
            cel.Rule(
                # A size that is wrong by itself has its own message.
                f"!({STORAGE_SIZE.matches(f'self.{size}')}) || "
                f"quantity(self.{size}).compareTo(quantity(oldSelf.{size})) >= 0",
                f"{size} cannot be reduced: a volume can only grow",
                f"'{size} cannot be reduced from ' + oldSelf.{size} + ' to ' + self.{size} + "
                "': a volume can only grow'",
            )
            for size in sizes
        ),
        cel.Rule(
            same_class,
            "storageClassName cannot be changed: a volume stays in its class. Make a MailStack with the other class "
            "and move the mail: see docs/operations.md",
        ),
    )


class ResourceAmounts(Model):
    """Amounts of compute resources."""

    cpu: Quantity | None = Field(None, description="CPU in cores: 500m is half a core.")
    memory: Quantity | None = Field(None, description="Memory in bytes, such as 128Mi.")

    @property
    def shown(self) -> str:
        return f"{self.cpu} CPU, {self.memory}"


class Resources(Model):
    """Compute resources of one container, as in a pod."""

    requests: ResourceAmounts = Field(
        default_factory=ResourceAmounts, description="Resources that the scheduler reserves for the container."
    )
    limits: ResourceAmounts = Field(
        default_factory=ResourceAmounts, description='Maximum that the container may use; "0" is no limit.'
    )


def _default(requests: tuple[str, str], limits: tuple[str, str]) -> Resources:
    """Of CPU and memory each."""
    (cpu, memory), (most_cpu, most_memory) = requests, limits
    return Resources(
        requests=ResourceAmounts(cpu=cpu, memory=memory), limits=ResourceAmounts(cpu=most_cpu, memory=most_memory)
    )


# Requests: what an idle pod uses, rounded up (1 millicore and 12 MB a server, 2 and 14 a probe). Limits: a thousand
# IMAP sessions take 1.6 MB each, and a hundred smtpd and cleanup processes of Postfix 3 MB each.
POSTFIX_RESOURCES = _default(("5m", "32Mi"), ("1", "1Gi"))
DOVECOT_RESOURCES = _default(("5m", "32Mi"), ("2", "2Gi"))
# A message of 20 MB takes 390 MB while it is read.
FILTER_RESOURCES = _default(("5m", "96Mi"), ("1", "1Gi"))
HELPER_RESOURCES = _default(("2m", "16Mi"), ("500m", "128Mi"))


def resources_field(of: str, default: Resources) -> Resources:
    """A field for what differs from `default`."""
    description = (
        f"Resources of {of}. Default: requests {default.requests.shown}; limits {default.limits.shown}. A default "
        "gives way where it would exceed a limit, or fall below a request, that is set."
    )
    field: Resources = Field(default_factory=Resources, description=description)
    return field


class PullSecret(Model):
    """A Secret of type kubernetes.io/dockerconfigjson, as in a pod."""

    name: SecretName = Field(description="Name of the Secret, in the namespace of the MailStack.")


class Helpers(Model):
    """The containers of the operator's image in the mail pods, such as the probe."""

    resources: Resources = resources_field("each container of the operator's image in the mail pods", HELPER_RESOURCES)


class PostfixStorage(Model):
    """Volumes of Postfix. They can grow if their StorageClass allows it; they cannot shrink."""

    model_config = ConfigDict(json_schema_extra=_growing("queueSize", "dataSize"))

    queue_size: StorageSize = Field("1Gi", description="Size of the mail queue's volume, in bytes (Mi, Gi, Ti).")
    data_size: StorageSize = Field(
        "100Mi",
        description="Size of the volume for Postfix's data directory, in bytes (Mi, Gi, Ti); it has the cache of "
        "address verification.",
    )
    storage_class_name: StorageClassName | None = Field(
        None, description="StorageClass of both volumes. Default: the cluster's."
    )


class DovecotStorage(Model):
    """The volume claim of Dovecot. It can grow if its StorageClass allows it; it cannot shrink."""

    model_config = ConfigDict(json_schema_extra=_growing("mailSize"))

    mail_size: StorageSize = Field("5Gi", description="Size of the mail volume, in bytes (Mi, Gi, Ti).")
    storage_class_name: StorageClassName | None = Field(
        None, description="StorageClass of the volume. Default: the cluster's."
    )


_Rate = Annotated[int, Field(ge=1, le=1_000_000)]


class RateLimits(Model):
    """What one client address may do in a minute. Above a limit it gets a temporary refusal, and tries again."""

    connections: _Rate = Field(
        60, description="New connections to a port in a minute (smtpd_client_connection_rate_limit)."
    )
    logins: _Rate = Field(20, description="AUTH commands in a minute (smtpd_client_auth_rate_limit).")
    messages: _Rate | None = Field(
        None, description="Messages in a minute (smtpd_client_message_rate_limit). Default: any number."
    )
    recipients: _Rate | None = Field(
        None, description="Recipients in a minute (smtpd_client_recipient_rate_limit). Default: any number."
    )


class Postfix(Model):
    """The Postfix container, and additions to main.cf."""

    image: ImageReference | None = Field(
        None, description="Image of the postfix container. Default: the operator's (images.postfix of its chart)."
    )
    replicas: int = Field(
        1,
        description="Number of Postfix pods, each with its own queue and verification cache. More than one requires a "
        "listener of type Inet. When it is reduced, the queue of a removed pod stays on its volume.",
        ge=1,
        le=32,
    )
    resources: Resources = resources_field("each container of Postfix's image", POSTFIX_RESOURCES)
    storage: PostfixStorage = Field(default_factory=PostfixStorage, description="Volumes of Postfix.")
    message_size_limit: MessageSize | None = Field(
        None,
        description="Maximum size of a message, in bytes (Ki, Mi, Gi), as it is sent: attachments grow by a third on "
        "the way (message_size_limit). At most half of storage.queueSize, because Postfix accepts mail only while 1.5 "
        "times this size is free on the queue's volume. Default: 50Mi, or a quarter of storage.queueSize if that is "
        "less.",
    )
    own_domain_senders: Literal["Reject", "Accept"] | None = Field(
        None,
        description="What port 25, which has no login, does with mail whose sender (MAIL FROM) is an address of "
        "spec.domains. Reject: 550, which also refuses mail that another server forwards with its sender unchanged. "
        "Default: Reject if spec.submission is set, else Accept, because then all mail of the users comes from other "
        "servers.",
    )
    rate_limits: RateLimits | None = Field(
        None,
        description="What one client address may do in a minute. Requires spec.expose.smtp with externalTrafficPolicy "
        "Local or proxyProtocol, because otherwise all clients have the address of a node. Default: no limits.",
    )
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of main.cf (postconf(5)) that the operator does not set itself, such as "
        "smtpd_client_connection_count_limit: 60. Postfix expands $name. Put yes, no and numbers that begin with 0 in "
        "quotes.",
    )


class Rootless(Model):
    """Dovecot without root and without capabilities."""

    run_as_user: int = Field(
        2525,
        description="User and group ID that Dovecot runs as and that owns the mail. With a listener of type Unix it is "
        "also the ID of the postfix user in the Postfix container, which must own Dovecot's socket.",
        ge=1,
        le=65535,
    )


class Dovecot(Model):
    """The Dovecot container, and additions to dovecot.conf."""

    version: Literal["2.3", "2.4"] = Field(
        "2.4", description="Dovecot version in the image. The settings of the two versions differ."
    )
    image: ImageReference | None = Field(
        None,
        description="Image of the dovecot container. Default: the operator's for the version (images.dovecot of its "
        "chart).",
    )
    rootless: Rootless | None = Field(
        None, description="Runs Dovecot as an unprivileged user. Default: as root, with a minimal set of capabilities."
    )
    connections: int = Field(
        1000,
        description="Maximum number of IMAP sessions at the same time, and of ManageSieve sessions. A session takes "
        "1.6 MiB of memory.",
        ge=10,
        le=20000,
    )
    mailboxes: list[Mailbox] = Field(
        DEFAULT_MAILBOXES,
        max_length=32,
        description="Mailboxes that every user has beside INBOX. Default: Drafts, Sent, Trash, Junk and Archive, each "
        "with its special use.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    resources: Resources = resources_field("each container of Dovecot's image", DOVECOT_RESOURCES)
    storage: DovecotStorage = Field(default_factory=DovecotStorage, description="The volume of Dovecot.")
    extra_config: ConfigText = Field(
        "",
        description="Settings that the operator does not write itself, in Dovecot's syntax, at the end of "
        "dovecot.conf. Dovecot checks them before they reach a running pod.",
    )
