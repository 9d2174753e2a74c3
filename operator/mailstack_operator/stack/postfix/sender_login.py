"""Which login may use which sender (smtpd_sender_login_maps): an address belongs to those to whom its mail goes.

An alias belongs to its targets: sender_key.regexp takes off the extension, sender_domain_key.regexp replaces an alias
domain as well, and the tables of alias_owners.py and virtual.py say the rest. Any other address is a user's own, also
with an extension, because Dovecot delivers it to them, and in an alias domain; those of a catch-all are its targets':
sender_login.regexp. The first table that answers counts.

Sources: regexp_table(5), DATABASE_README (pipemap); RFC 5321, 4.1.2 (Dot-string); Postfix splits the owners of an
address at blanks and commas.
"""

from mailstack_operator.stack.aliases import Aliases
from mailstack_operator.stack.paths import ALIAS_OWNERS, SENDER_DOMAIN_KEY, SENDER_KEY, SENDER_LOGIN, VIRTUAL
from mailstack_operator.stack.postfix import alias_owners

# The characters of a Dot-string, but for the delimiters. An address with any other character, such as a blank or a
# comma in quotes, belongs to nobody: its parts would be read as owners.
_PLAIN = "A-Za-z0-9.!#$%&'*/=?^`{|}~"
_DELIMITERS = "+_-"
_ANY = f"[{_PLAIN}{_DELIMITERS}]*"
_DOMAIN = r"[A-Za-z0-9.-]+"


def maps(aliases: Aliases) -> str:
    """The tables, in their order."""
    keys = [SENDER_KEY, *([SENDER_DOMAIN_KEY] if aliases.domains else [])] if aliases else []
    of_aliases = (f"pipemap:{{regexp:{key}, texthash:{table}}}" for key in keys for table in (ALIAS_OWNERS, VIRTUAL))
    return " ".join([*of_aliases, f"regexp:{SENDER_LOGIN}"])


def render_key(aliases: Aliases) -> str:
    """sender_key.regexp: an address without its extension; none for what belongs to nobody."""
    return _line(aliases, _DOMAIN, "${1}@${3}")


def render_domain_key(aliases: Aliases) -> str:
    """sender_domain_key.regexp: the same of an alias domain, in the domain that has the mailboxes."""
    return "".join(_of_domains(aliases))


def render(aliases: Aliases) -> str:
    """A table that answers an address with the logins that own it: without the extension, or of this very name."""
    catch_all = {domain: alias_owners.owners_of_domain(aliases, domain) for domain in aliases.catch_all}
    plain = f":^({_local(aliases)})@({_DOMAIN})$: ${{1}}@${{2}}\n"
    return "".join(
        [
            *_of_domains(aliases),
            *(_line(aliases, _exactly(domain), ", ".join(owners)) for domain, owners in catch_all.items()),
            plain,
            f":^({_local(aliases)})({_extension(aliases)})@({_DOMAIN})$: ${{1}}@${{3}} ${{1}}${{2}}@${{3}}\n",
        ]
    )


def _of_domains(aliases: Aliases) -> list[str]:
    return [_line(aliases, _exactly(domain), f"${{1}}@{target}") for domain, target in aliases.domains.items()]


def _line(aliases: Aliases, domain: str, result: str) -> str:
    """Of an address with or without an extension."""
    return f":^({_local(aliases)})({_extension(aliases)})?@({domain})$: {result}\n"


def _local(aliases: Aliases) -> str:
    others = _DELIMITERS.replace(aliases.delimiter, "")
    return f"[{_PLAIN}{others}]+"


def _extension(aliases: Aliases) -> str:
    return f"[{aliases.delimiter}]{_ANY}"


def _exactly(domain: str) -> str:
    return domain.replace(".", "[.]")
