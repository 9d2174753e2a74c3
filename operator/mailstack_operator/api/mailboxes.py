"""`spec.dovecot.mailboxes`: the mailboxes that every user has beside INBOX."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import MailboxName


class Mailbox(Model):
    """A mailbox of every user."""

    name: MailboxName = Field(description="Name of the mailbox, as users see it.")
    special_use: Literal["Drafts", "Sent", "Trash", "Junk", "Archive"] | None = Field(
        None, description="Special use (RFC 6154), by which mail programs find the mailbox whatever its name is."
    )
    auto: Literal["Subscribe", "Create", "Never"] = Field(
        "Subscribe",
        description="Subscribe: the mailbox exists from the user's first login, and the user is subscribed to it. "
        "Create: it exists. Never: it exists once the user or a Sieve script creates it.",
    )


DEFAULT = [
    Mailbox(name="Drafts", special_use="Drafts"),
    Mailbox(name="Sent", special_use="Sent"),
    Mailbox(name="Trash", special_use="Trash"),
    Mailbox(name="Junk", special_use="Junk"),
    Mailbox(name="Archive", special_use="Archive"),
]
