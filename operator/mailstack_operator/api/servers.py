"""`spec.postfix` and `spec.dovecot`: the containers, and what their configuration holds beyond the operator's own."""

from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mailstack_operator.api import cel, dovecot_settings, postfix_parameters
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import ImageReference, Quantity, StorageClassName, StorageSize

_IMMUTABLE = cel.rules(
    cel.Rule(
        "self == oldSelf",
        "storage cannot change after creation, because a StatefulSet's volume claims cannot: see docs/operations.md",
    )
)
_ROOTLESS = "rootless needs version 2.4: set version, or remove rootless"


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
    extra_config: str = Field(
        "",
        description="Settings that the operator does not write itself, in Dovecot's own syntax; they come last in "
        "dovecot.conf. Dovecot itself checks them before a running pod gets them.",
        json_schema_extra=dovecot_settings.schema(),
    )

    model_config = ConfigDict(
        json_schema_extra=cel.rules(cel.Rule("!has(self.rootless) || self.version == '2.4'", _ROOTLESS))
    )

    @field_validator("extra_config")
    @classmethod
    def _extra_config(cls, config: str) -> str:
        if found := dovecot_settings.problem(config):
            raise PydanticCustomError("dovecot_setting", "{problem}", {"problem": found})
        return config

    @model_validator(mode="after")
    def _can_be_rootless(self) -> "Dovecot":
        if self.rootless is not None and self.version != "2.4":
            raise PydanticCustomError("rootless", _ROOTLESS)
        return self

    @property
    def image_reference(self) -> str:
        """The image that runs."""
        return self.image or f"mailstack/dovecot:{self.version}"
