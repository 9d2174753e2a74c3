"""virtual: the table of aliases (virtual_alias_maps). Source: virtual(5), and DATABASE_README for texthash."""

from mailstack_operator.stack.aliases import Aliases


def render(aliases: Aliases) -> str:
    """A line for each alias, as the spec has it: Postfix itself follows aliases of aliases. It looks for the address,
    for that without the extension, and then for the domain."""
    lines = {
        **aliases.addresses,
        **{f"@{domain}": (f"@{target}",) for domain, target in aliases.domains.items()},
        **{f"@{domain}": targets for domain, targets in aliases.catch_all.items()},
    }
    return "".join(f"{address} {', '.join(targets)}\n" for address, targets in lines.items())
