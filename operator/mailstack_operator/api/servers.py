"""`spec.postfix` and `spec.dovecot`: the containers, and additions to their configuration."""

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

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


def _growing(*sizes: str) -> JsonDict:
    """Volumes can grow, the StorageClass permitting, and can do nothing else."""
    same_class = (
        "has(self.storageClassName) == has(oldSelf.storageClassName) && "
        "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)"
    )
    return cel.rules(
        *(
            cel.Rule(
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


class Resources(Model):
    """Compute resources of one container, as in a pod."""

    requests: ResourceAmounts = Field(
        default_factory=ResourceAmounts, description="Resources that the scheduler reserves for the container."
    )
    limits: ResourceAmounts = Field(default_factory=ResourceAmounts, description="Maximum that the container may use.")


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


class Postfix(Model):
    """The Postfix container, and additions to main.cf."""

    image: ImageReference = Field("mailstack/postfix:3.10", description="Image of the postfix container.")
    replicas: int = Field(
        1,
        description="Number of Postfix pods, each with its own queue and verification cache. More than one requires a "
        "listener of type Inet. When it is reduced, the queue of a removed pod stays on its volume.",
        ge=1,
        le=32,
    )
    resources: Resources = Field(default_factory=Resources, description="Resources of the postfix container.")
    storage: PostfixStorage = Field(default_factory=PostfixStorage, description="Volumes of Postfix.")
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of main.cf (postconf(5)) that the operator does not set itself, such as "
        'message_size_limit: "52428800". Postfix expands $name.',
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
        None, description="Image of the dovecot container. Default: mailstack/dovecot with the version as its tag."
    )
    rootless: Rootless | None = Field(
        None, description="Runs Dovecot as an unprivileged user. Default: as root, with a minimal set of capabilities."
    )
    resources: Resources = Field(default_factory=Resources, description="Resources of the dovecot container.")
    storage: DovecotStorage = Field(default_factory=DovecotStorage, description="The volume of Dovecot.")
    extra_config: ConfigText = Field(
        "",
        description="Settings that the operator does not write itself, in Dovecot's syntax, at the end of "
        "dovecot.conf. Dovecot checks them before they reach a running pod.",
    )

    @property
    def image_reference(self) -> str:
        """The image that runs."""
        return self.image or f"mailstack/dovecot:{self.version}"
