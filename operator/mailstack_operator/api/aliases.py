"""`spec.aliases`: where mail to an address goes instead of a mailbox of its own."""

from typing import Annotated

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import AliasAddress

# What the API server's budget for rules over these lists leaves room for; a ConfigMap holds thousands.
MOST_ALIASES = 100
MOST_TARGETS = 20

Targets = Annotated[list[AliasAddress], AfterValidator(each_once)]


class Alias(Model):
    """An address whose mail goes to other addresses."""

    address: AliasAddress = Field(description="Address in a domain of the MailStack, such as sales@example.org.")
    targets: Targets = Field(
        min_length=1,
        max_length=MOST_TARGETS,
        description="Addresses that get the mail: users, other aliases, or addresses elsewhere. The address itself "
        "among them keeps its own mailbox.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
