"""A MailStack that is valid: what everything else is decided from."""

from dataclasses import dataclass

from mailstack_operator.kube import names
from mailstack_operator.stack.users.source import Spec


@dataclass(frozen=True)
class MailStack:
    """A MailStack that is valid: who it is and what is wanted."""

    key: names.StackKey
    uid: str
    spec: Spec
