"""`spec.aliases`: where mail to an address goes instead of a mailbox of its own."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import AliasAddress, DomainName

# What the API server's budget for rules over these lists leaves room for; a ConfigMap holds thousands.
MOST_ALIASES = 100
MOST_TARGETS = 20
MOST_DOMAINS = 50

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


class DomainAlias(Model):
    """A domain whose addresses are those of another one."""

    domain: DomainName = Field(description="The further domain, which is not in spec.domains, such as example.com.")
    target: DomainName = Field(description="Domain of spec.domains that has the mailboxes.")


class CatchAll(Model):
    """A domain whose mail, to any address, goes to the same targets."""

    domain: DomainName = Field(description="A domain without users, which is not in spec.domains.")
    targets: Targets = Field(
        min_length=1,
        max_length=MOST_TARGETS,
        description="Addresses that get the mail to each address of the domain that is no alias.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class AddressExtensions(Model):
    """Addresses such as alice+shop@example.org, whose mail is alice's."""

    delimiter: Literal["+", "-", "_"] | None = Field(
        None,
        description="Character that begins the extension (recipient_delimiter, in both servers); no user and no alias "
        "can have it in its name. Default: +.",
    )
