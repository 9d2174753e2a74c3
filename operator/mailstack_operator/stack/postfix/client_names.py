"""Whether Postfix must know the names of its clients, which it asks the DNS for before it greets.

Without an answer the greeting is late by the resolver's patience, 10 to 20 s. Sources: postconf(5),
smtpd_peername_lookup; access(5); SMTPD_POLICY_README; MILTER_README.
"""

import re
from collections.abc import Mapping
from typing import Final

# Restrictions, and parameters, that look at the name: by themselves, or by what they hand on to another program.
_RESTRICTION: Final = re.compile(
    r"unknown_(reverse_)?client|rhsbl_(reverse_)?client|check_(reverse_)?client_\w*access|check_policy_service"
)
_PARAMETERS: Final = ("debug_peer_list", "smtpd_client_event_limit_exceptions", "smtpd_milter_maps", "smtpd_milters")


def are_needed(parameters: Mapping[str, str]) -> bool:
    """By these parameters of main.cf."""
    return any(parameters.get(name) for name in _PARAMETERS) or any(map(_RESTRICTION.search, parameters.values()))
