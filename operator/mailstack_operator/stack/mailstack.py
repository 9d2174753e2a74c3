"""A MailStack that is valid: what everything else is decided from."""

from dataclasses import dataclass

from mailstack_operator.kube import names
from mailstack_operator.stack.users.source import Spec


@dataclass(frozen=True)
class MailStack:
    """A MailStack that is valid. `uid` is None for a manifest that is not in a cluster."""

    key: names.StackKey
    uid: str | None
    spec: Spec
