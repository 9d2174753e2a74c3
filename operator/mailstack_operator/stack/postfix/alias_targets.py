"""alias_targets: the mailboxes that aliases lead to, for the probe, which asks Dovecot about each.

Postfix asks nobody about an alias with several targets.
"""

from mailstack_operator.stack.aliases import Aliases
from mailstack_operator.stack.users.source import Spec


def render(spec: Spec, aliases: Aliases) -> str:
    """A line for each mailbox of the MailStack's domains: its address, and the first alias that leads to it."""
    found: dict[str, str] = {}
    for address in (*aliases.addresses, *(f"any-address@{domain}" for domain in aliases.catch_all)):
        for recipient in aliases.recipients(address):
            found.setdefault(aliases.split(recipient)[0], address)
    local = {mailbox: name for mailbox, name in found.items() if mailbox.rpartition("@")[2] in spec.domains}
    return "".join(f"{mailbox} {name}\n" for mailbox, name in local.items())
