"""virtual: the table of aliases (virtual_alias_maps). Source: virtual(5), and DATABASE_README for texthash."""

from mailstack_operator.stack.aliases import Aliases


def render(aliases: Aliases) -> str:
    """A line for each alias, as the spec has it: Postfix itself follows aliases of aliases."""
    return "".join(f"{address} {', '.join(targets)}\n" for address, targets in aliases.addresses.items())
