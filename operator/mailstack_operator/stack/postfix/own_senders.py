"""own_senders.regexp: what port 25 answers to a sender of the MailStack's own domains (check_sender_access).

Port 25 has no login, so anybody may have written such a sender. Sources: access(5), regexp_table(5).
"""

from collections.abc import Sequence

_REFUSAL = "550 5.7.1 a sender of this domain needs a login, which port 25 does not offer"


def render(domains: Sequence[str]) -> str:
    """A table that refuses every sender of the domains; a domain below one of them is another's."""
    return "".join(f"/@{domain.replace('.', '[.]')}$/ {_REFUSAL}\n" for domain in domains)
