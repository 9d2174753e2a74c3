"""Rules over several fields that are Dovecot's."""

from collections import Counter
from typing import Final

from mailstack_operator.api.mailboxes import Mailbox
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users.source import Spec


def _repeated_name(spec: Spec) -> str | None:
    """The API server knows it as the key of the list."""
    names = Counter(mailbox.name for mailbox in spec.dovecot.mailboxes)
    return next((f"duplicate name {name!r}: list it once" for name, count in names.items() if count > 1), None)


def _has_one_of_each_use(spec: Spec) -> bool:
    uses = [mailbox.special_use for mailbox in spec.dovecot.mailboxes if mailbox.special_use]
    return len(set(uses)) == len(uses)


def _is_inbox(mailbox: Mailbox) -> bool:
    return mailbox.name.lower() == "inbox"


RULES: Final = (
    rule(
        "spec.dovecot",
        "!has(self.rootless) || self.version == '2.4'",
        "rootless requires version 2.4: set version to 2.4, or remove rootless",
        lambda spec: spec.dovecot.rootless is None or spec.dovecot.version == "2.4",
    ),
    Rule("spec.dovecot.mailboxes", None, _repeated_name),
    rule(
        "spec.dovecot.mailboxes",
        "self.all(one, !has(one.specialUse) || "
        "self.filter(other, has(other.specialUse) && other.specialUse == one.specialUse).size() == 1)",
        "two mailboxes have the same specialUse: mail programs take one of them, so remove it from the other",
        _has_one_of_each_use,
    ),
    rule(
        "spec.dovecot.mailboxes",
        "!self.exists(one, one.name.matches('^[Ii][Nn][Bb][Oo][Xx]$'))",
        "every user has INBOX anyway: remove it from the list",
        lambda spec: not any(map(_is_inbox, spec.dovecot.mailboxes)),
    ),
)
