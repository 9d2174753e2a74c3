"""Role addresses, which every mail server answers for: postmaster@ (RFC 5321, 4.5.1) and abuse@ (RFC 2142), in every
domain. Their mail goes to spec.postmasterAddress.

If that is a mailbox here, Dovecot hands it over, after the users: a user of such a name keeps their mail. If it is an
address elsewhere, Postfix does, before Dovecot is asked.
"""

from collections.abc import Iterator

from mailstack_operator.stack.aliases import Aliases, delimiter
from mailstack_operator.stack.users.source import Spec

NAMES = ("postmaster", "abuse")


def is_mailbox_here(spec: Spec) -> bool:
    """Whether spec.postmasterAddress is in a domain of the MailStack."""
    return spec.postmaster_address.rpartition("@")[2] in spec.domains


def passwd_file(spec: Spec) -> str:
    """A passwd-file of Dovecot: each role address with the user whose mailbox it is, without an address extension.

    That mailbox itself is in it: it takes mail even while no user of its name can read it. Not if it is the canary of
    an external source: then it must be a user there.
    """
    local, _, domain = spec.postmaster_address.lower().rpartition("@")
    user = f"{local.partition(delimiter(spec))[0]}@{domain}"
    addresses = {*_addresses(spec), user} - {spec.users.source.canaries(spec).address}
    return "".join(f"{address}:::::::userdb_user={user}\n" for address in sorted(addresses))


def mailbox(spec: Spec, aliases: Aliases) -> str | None:
    """The mailbox here that the mail of role addresses goes to; None if it goes elsewhere, or through an alias."""
    address = spec.postmaster_address.lower()
    if not is_mailbox_here(spec) or aliases.recipients(address) != (address,):
        return None
    return aliases.split(address)[0]


def alias_table(spec: Spec) -> str:
    """The same for virtual_alias_maps of Postfix (postconf(5), "inline")."""
    entries = ", ".join(f"{address}={spec.postmaster_address}" for address in _addresses(spec))
    return f"inline:{{{entries}}}"


def _addresses(spec: Spec) -> Iterator[str]:
    return (f"{name}@{domain}" for domain in spec.domains for name in NAMES)
