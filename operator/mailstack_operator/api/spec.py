"""The `spec` of a MailStack: what a mail administrator writes.

The descriptions become the CRD's (`make crd`). Every field here works; one that does nothing yet is not in
the schema. Rules over several fields are in `stack/rules.py`, beside the servers that they are about.
"""

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field

from mailstack_operator.api.delivery import Delivery
from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.plugins import Plugins
from mailstack_operator.api.servers import Dovecot, Postfix
from mailstack_operator.api.strings import DomainName, HostName, MailAddress
from mailstack_operator.api.submission import Submission
from mailstack_operator.api.tls import Tls
from mailstack_operator.api.verification import Verification

# A field for each source of users: stack/users, because a source is more than its fields.
UsersT_co = TypeVar("UsersT_co", bound=Model, covariant=True)


class MailStackSpec(Model, Generic[UsersT_co]):
    """One mail server: Postfix receives, Dovecot stores, LMTP joins them."""

    hostname: HostName = Field(
        description="Postfix's myhostname, the name that the server greets with, such as mail.example.org."
    )
    domains: Annotated[list[DomainName], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=256,
        description="Mail domains that Dovecot delivers; mail for any other domain is refused.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    postmaster_address: MailAddress = Field(
        description="Dovecot's postmaster_address: the sender of what LMTP itself writes."
    )
    users: UsersT_co = Field(description="Who exists, known to Dovecot alone.")
    delivery: Delivery = Field(default_factory=Delivery, description="How Postfix hands mail to Dovecot.")
    verification: Verification = Field(
        default_factory=Verification,
        description="Whether and how Postfix asks Dovecot if a recipient exists.",
    )
    plugins: Plugins = Field(default_factory=Plugins, description="What Dovecot does with mail on delivery.")
    tls: Tls | None = Field(
        None,
        description="TLS on every port, and no login without it; without this field there is none, and logins cross "
        "the network in plain text.",
    )
    submission: Submission | None = Field(
        None, description="Lets users send mail on ports 587 and 465; without this field nobody can."
    )
    postfix: Postfix = Field(default_factory=Postfix, description="The Postfix container.")
    dovecot: Dovecot = Field(default_factory=Dovecot, description="The Dovecot container.")
