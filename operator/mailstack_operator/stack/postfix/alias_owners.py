"""alias_owners: who may send as an alias, where that is not just whom the table of aliases names (sender_login.py).

A line for an alias with other aliases, or with address extensions, among its targets. An address that is one of its own
targets is a user whose mail is copied: it belongs to that user alone.
"""

from collections.abc import Iterator, Sequence

from mailstack_operator.stack.aliases import Aliases, Targets


def render(aliases: Aliases) -> str:
    """The table (texthash): an alias, then its owners."""
    return "".join(f"{address} {', '.join(owners)}\n" for address, owners in _exceptions(aliases))


def _exceptions(aliases: Aliases) -> Iterator[tuple[str, Targets]]:
    for address, targets in aliases.addresses.items():
        owners = owners_of(aliases, address)
        if owners != targets:
            yield address, owners


def owners_of(aliases: Aliases, address: str) -> Targets:
    """The logins to which mail to the alias goes, which are named without an extension."""
    if address in aliases.addresses.get(address, ()):
        return (address,)
    return _logins(aliases, aliases.recipients(address))


def owners_of_domain(aliases: Aliases, domain: str) -> Targets:
    """The same of a catch-all's other addresses."""
    return _logins(aliases, [each for target in aliases.catch_all[domain] for each in aliases.recipients(target)])


def _logins(aliases: Aliases, recipients: Sequence[str]) -> Targets:
    return tuple(dict.fromkeys(aliases.split(recipient)[0] for recipient in recipients))
