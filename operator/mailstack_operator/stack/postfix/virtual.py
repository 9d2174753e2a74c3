"""virtual: the table of aliases (virtual_alias_maps). Source: virtual(5), and DATABASE_README for texthash."""

from mailstack_operator.stack import aliases as model
from mailstack_operator.stack.aliases import Aliases
from mailstack_operator.stack.postfix import alias_owners, alias_targets
from mailstack_operator.stack.users.source import Spec

# Bytes of all tables: a ConfigMap holds 1 MiB, and the other files are in the same one.
_MOST_BYTES = 900_000


def render(aliases: Aliases) -> str:
    """A line for each alias, as the spec has it: Postfix itself follows aliases of aliases. It looks for the address,
    for that without the extension, and then for the domain."""
    lines = {
        **aliases.addresses,
        **{f"@{domain}": (f"@{target}",) for domain, target in aliases.domains.items()},
        **{f"@{domain}": targets for domain, targets in aliases.catch_all.items()},
    }
    return "".join(f"{address} {', '.join(targets)}\n" for address, targets in lines.items())


def problem(spec: Spec, text: str) -> str | None:
    """What is wrong with `text`, the file of spec.aliasesFrom, and what to do; the aliases of the spec itself are
    right."""
    if not spec.aliases_from:
        return None
    found = model.of_spec(spec, text)
    wrong = model.of_file(spec, text).problem or model.first_problem(found)
    return wrong or _too_large(render(found), alias_owners.render(found), alias_targets.render(spec, found))


def _too_large(*tables: str) -> str | None:
    size = sum(map(len, tables))
    if size <= _MOST_BYTES:
        return None
    return f"its tables have {size} bytes, and a ConfigMap has room for {_MOST_BYTES}: use fewer aliases or targets"
