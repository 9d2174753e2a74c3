"""Whether Dovecot takes the quota of a user, as its userdb answers it. Pure.

With any other it accepts no mail for the user and opens no mailbox. Measured over LMTP with 2.3 and 2.4: a unit does no
harm, a percentage none to 2.3.
"""

import re

_UNIT = "(?:b|([kmgt])i?b?)?"
# Of 2.4, where the B is the operator's, and of 2.3; each with the first number that is too large.
_FIELDS = {
    "quota_storage_size": (re.compile(rf"([0-9]+) *{_UNIT}", re.IGNORECASE), 1 << 64),
    "quota_rule": (re.compile(rf"[*]:bytes=([0-9]+)(?:%|{_UNIT})", re.IGNORECASE), 1 << 63),
}


def is_wrong(field: str) -> bool:
    """Of a field NAME=VALUE; one that is no quota is not."""
    name, _, value = field.partition("=")
    if name not in _FIELDS:
        return False
    form, too_large = _FIELDS[name]
    found = form.fullmatch(value)
    return not found or _bytes(found) >= too_large


def _bytes(found: re.Match[str]) -> int:
    number, unit = found.groups()
    return int(number) << 10 * " kmgt".index((unit or " ").lower())
