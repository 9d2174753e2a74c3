"""The `spec` of a MailStack: what a mail administrator writes.

The descriptions become the CRD's (`make crd`). Every field here works; one that does nothing yet is not in
the schema. A rule that spans fields stands twice: as CEL for `kubectl apply`, and as a validator for a
cluster that holds an older CRD.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from mailstack_operator.api import cel, postfix_parameters
from mailstack_operator.api.grammar import (
    DomainName,
    HostName,
    ImageReference,
    MailAddress,
    PostfixTime,
    Quantity,
    SecretKey,
    SecretName,
    SocketName,
    StorageClassName,
    StorageSize,
    cel_seconds,
    seconds,
)

# Postfix's own sockets in private/ (master.cf): Dovecot's must not take one of their names.
POSTFIX_SOCKETS = [
    *("anvil", "bounce", "defer", "discard", "error", "lmtp", "local", "postlog", "proxymap", "proxywrite"),
    *("relay", "retry", "rewrite", "scache", "smtp", "tlsmgr", "trace", "verify", "virtual"),
]

_TAKEN = "this is the name of a socket of Postfix itself: write another, such as dovecot-lmtp"
_TIMES = "refresh is longer than expire: write a refresh of at most expire"
_IMMUTABLE = cel.rules(
    cel.Rule(
        "self == oldSelf",
        "storage cannot change after creation, because a StatefulSet's volume claims cannot: see docs/operations.md",
    )
)


def _each_once(items: list[str]) -> list[str]:
    if len(set(items)) != len(items):
        raise PydanticCustomError("unique", "an entry stands twice: write each once")
    return items


class Model(BaseModel):
    """camelCase in YAML; unknown fields are refused; values do not change."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class PasswdFile(Model):
    """A passwd-file of Dovecot in a Secret."""

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the file.")
    key: SecretKey = Field("users", description="Key of the Secret that holds the file.")


class Users(Model):
    """Who exists. Only Dovecot knows; Postfix asks it."""

    passwd_file: PasswdFile = Field(
        description="A Dovecot passwd-file in a Secret, one user a line: user@domain:{SCHEME}hash::::::. "
        "A change is in use within 90 seconds, without a restart."
    )


class UnixListener(Model):
    """A unix socket in Postfix's spool."""

    name: SocketName = Field("dovecot-lmtp", description="File name of the socket in /var/spool/postfix/private.")

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule(f"!(self.name in {cel.strings(POSTFIX_SOCKETS)})", _TAKEN))
    )

    @field_validator("name")
    @classmethod
    def _not_postfix(cls, name: str) -> str:
        if name in POSTFIX_SOCKETS:
            raise PydanticCustomError("socket", _TAKEN)
        return name


class Listener(Model):
    """Where Dovecot listens for LMTP."""

    type: Literal["Unix"] = Field(
        "Unix",
        description="Unix: a socket in Postfix's spool, private/NAME, shared by the two containers of one pod.",
    )
    unix: UnixListener = Field(default_factory=UnixListener, description="The socket of type Unix.")


class Delivery(Model):
    """How Postfix hands mail to Dovecot."""

    recipients: Literal["Virtual"] = Field(
        "Virtual",
        description="Virtual: virtual_transport; every address of spec.domains is a virtual mailbox of Dovecot.",
    )
    listener: Listener = Field(default_factory=Listener, description="Where Dovecot listens for LMTP.")


class CacheTimes(Model):
    """How long an answer about a recipient is kept."""

    refresh: PostfixTime
    expire: PostfixTime

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule(f"{cel_seconds('self.refresh')} <= {cel_seconds('self.expire')}", _TIMES))
    )

    @model_validator(mode="after")
    def _refresh_before_expire(self) -> "CacheTimes":
        if seconds(self.refresh) > seconds(self.expire):
            raise PydanticCustomError("times", _TIMES)
        return self


class PositiveTimes(CacheTimes):
    """How long it is known that a recipient exists."""

    refresh: PostfixTime = Field(
        "1h", description="Age after which Dovecot is asked again: a deleted user is noticed within it."
    )
    expire: PostfixTime = Field("31d", description="Age up to which the answer serves while Dovecot cannot be asked.")


class NegativeTimes(CacheTimes):
    """How long it is known that a recipient does not exist, or could not be asked for."""

    refresh: PostfixTime = Field(
        "15s",
        description="Age after which Dovecot is asked again: a new user, and good mail after an outage, wait for it.",
    )
    expire: PostfixTime = Field("3d", description="Age at which the answer is forgotten.")


class Verification(Model):
    """Postfix asks Dovecot over LMTP whether a recipient exists (reject_unverified_recipient)."""

    enabled: bool = Field(
        True,
        description="false: Postfix accepts every address of spec.domains and returns undeliverable mail to its "
        "sender, which is backscatter.",
    )
    reject_code: Literal[450, 550] = Field(
        550,
        description="SMTP reply code for an address that does not exist (unverified_recipient_reject_code): "
        "550 refuses for good, 450 lets the sender try again.",
    )
    poll_delay: PostfixTime = Field(
        "1s", description="Time between looks at an answer that is under way (address_verify_poll_delay)."
    )
    positive: PositiveTimes = Field(default_factory=PositiveTimes, description="Times of addresses that exist.")
    negative: NegativeTimes = Field(
        default_factory=NegativeTimes,
        description="Times of addresses that do not exist or could not be asked for.",
    )


class ResourceAmounts(Model):
    """Amounts of compute resources."""

    cpu: Quantity | None = Field(None, description="Processor time in cores: 500m is half a core.")
    memory: Quantity | None = Field(None, description="Memory in bytes, such as 128Mi.")


class Resources(Model):
    """Compute resources of one container, as in a pod."""

    requests: ResourceAmounts = Field(
        default_factory=ResourceAmounts, description="What the scheduler sets aside for the container."
    )
    limits: ResourceAmounts = Field(default_factory=ResourceAmounts, description="What the container may use at most.")


class PostfixStorage(Model):
    """Volume claims of Postfix."""

    model_config = ConfigDict(json_schema_extra=_IMMUTABLE)

    queue_size: StorageSize = Field("1Gi", description="Size of the mail queue's volume, in bytes (Mi, Gi, Ti).")
    data_size: StorageSize = Field(
        "100Mi",
        description="Size of the data directory's volume, in bytes; it holds the cache of address verification.",
    )
    storage_class_name: StorageClassName | None = Field(
        None, description="StorageClass of both volumes; without it, the cluster's default."
    )


class DovecotStorage(Model):
    """The volume claim of Dovecot."""

    model_config = ConfigDict(json_schema_extra=_IMMUTABLE)

    mail_size: StorageSize = Field("5Gi", description="Size of the mail volume, in bytes (Mi, Gi, Ti).")
    storage_class_name: StorageClassName | None = Field(
        None, description="StorageClass of the volume; without it, the cluster's default."
    )


class Postfix(Model):
    """The Postfix container, and what main.cf holds beyond the operator's own."""

    image: ImageReference = Field("mailstack/postfix:3.10", description="Image of the postfix container.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the postfix container.")
    storage: PostfixStorage = Field(default_factory=PostfixStorage, description="Volumes of Postfix.")
    parameters: dict[str, str] = Field(
        default_factory=dict,
        max_length=postfix_parameters.MAX_PARAMETERS,
        description="Parameters of main.cf (postconf(5)) that the operator does not set itself, such as "
        'message_size_limit: "52428800". $name is Postfix\'s own and stays.',
        json_schema_extra=postfix_parameters.schema(),
    )

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str]) -> dict[str, str]:
        problems = (postfix_parameters.problem(name, value) for name, value in sorted(parameters.items()))
        if found := next(filter(None, problems), None):
            raise PydanticCustomError("postfix_parameter", "{problem}", {"problem": found})
        return parameters


class Dovecot(Model):
    """The Dovecot container."""

    image: ImageReference = Field("mailstack/dovecot:2.4", description="Image of the dovecot container.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the dovecot container.")
    storage: DovecotStorage = Field(default_factory=DovecotStorage, description="The volume of Dovecot.")


class MailStackSpec(Model):
    """One mail server: Postfix receives, Dovecot stores, LMTP joins them."""

    hostname: HostName = Field(
        description="Postfix's myhostname, the name that the server greets with, such as mail.example.org."
    )
    domains: Annotated[list[DomainName], AfterValidator(_each_once)] = Field(
        min_length=1,
        max_length=256,
        description="Mail domains that Dovecot delivers; mail for any other domain is refused.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    postmaster_address: MailAddress = Field(
        description="Dovecot's postmaster_address: the sender of what LMTP itself writes."
    )
    users: Users = Field(description="Who exists, known to Dovecot alone.")
    delivery: Delivery = Field(default_factory=Delivery, description="How Postfix hands mail to Dovecot.")
    verification: Verification = Field(
        default_factory=Verification,
        description="Whether and how Postfix asks Dovecot if a recipient exists.",
    )
    postfix: Postfix = Field(default_factory=Postfix, description="The Postfix container.")
    dovecot: Dovecot = Field(default_factory=Dovecot, description="The Dovecot container.")
