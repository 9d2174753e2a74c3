"""Whether restrictions of the spec's own parameters leave no other mail server a way in. Pure. Source: postconf(5)."""

import re
from collections.abc import Mapping
from typing import Final

_LISTS: Final = ("smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions")
# Nobody has these on port 25: only the pod itself is in mynetworks, and there is no login.
_NOBODY: Final = {"permit_mynetworks", "permit_inet_interfaces", "permit_sasl_authenticated"}
# What lets nobody pass the rest of the list, and arguments, such as zen.spamhaus.org.
_ON: Final = re.compile(r"(reject|defer)_\w+|warn_if_reject|sleep|\d+|\S*[.:=]\S*")
_ENDS: Final = {"reject", "defer"}


def closed_by(parameters: Mapping[str, str]) -> str | None:
    """The name of the first list that refuses every other server; None if there is none."""
    return next((name for name in _LISTS if _refuses_all(parameters.get(name, ""))), None)


def _refuses_all(restrictions: str) -> bool:
    before = ""
    for word in re.split(r"[\s,]+", restrictions.strip()):
        if word in _ENDS and before != "warn_if_reject":
            return True
        if not (word in _NOBODY | _ENDS or _ON.fullmatch(word)):
            return False
        before = word
    return False
