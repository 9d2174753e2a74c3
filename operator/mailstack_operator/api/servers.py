"""`spec.postfix` and `spec.dovecot`: the containers, and what their configuration holds beyond the operator's own."""

from typing import Literal

from pydantic import ConfigDict, Field

from mailstack_operator.api import cel
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import (
    ConfigText,
    ImageReference,
    ParameterValue,
    Quantity,
    StorageClassName,
    StorageSize,
)

_IMMUTABLE = cel.rules(
    cel.Rule(
        "self == oldSelf",
        "storage cannot change after creation, because a StatefulSet's volume claims cannot: see docs/operations.md",
    )
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
    replicas: int = Field(
        1,
        description="Pods of Postfix, each with its own queue and verify cache; more than one needs a listener of type "
        "Inet. The queue of a pod that a smaller number removes stays on its claim.",
        ge=1,
        le=32,
    )
    resources: Resources = Field(default_factory=Resources, description="Resources of the postfix container.")
    storage: PostfixStorage = Field(default_factory=PostfixStorage, description="Volumes of Postfix.")
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of main.cf (postconf(5)) that the operator does not set itself, such as "
        'message_size_limit: "52428800". $name is Postfix\'s own and stays.',
    )


class Rootless(Model):
    """Dovecot without root and without any capability."""

    run_as_user: int = Field(
        2525,
        description="User and group id that Dovecot runs as and that owns the mail. With a listener of type Unix it is "
        "that of `postfix` in the Postfix image, so that Dovecot's socket belongs to postfix.",
        ge=1,
        le=65535,
    )


class Dovecot(Model):
    """The Dovecot container, and what dovecot.conf holds beyond the operator's own."""

    version: Literal["2.3", "2.4"] = Field(
        "2.4", description="Dovecot's version in the image, because the settings of the two differ."
    )
    image: ImageReference | None = Field(
        None, description="Image of the dovecot container; without it, mailstack/dovecot of the version."
    )
    rootless: Rootless | None = Field(
        None, description="Runs Dovecot as an ordinary user; without it, as root with eight capabilities."
    )
    resources: Resources = Field(default_factory=Resources, description="Resources of the dovecot container.")
    storage: DovecotStorage = Field(default_factory=DovecotStorage, description="The volume of Dovecot.")
    extra_config: ConfigText = Field(
        "",
        description="Settings that the operator does not write itself, in Dovecot's own syntax; they come last in "
        "dovecot.conf. Dovecot itself checks them before a running pod gets them.",
    )

    @property
    def image_reference(self) -> str:
        """The image that runs."""
        return self.image or f"mailstack/dovecot:{self.version}"
