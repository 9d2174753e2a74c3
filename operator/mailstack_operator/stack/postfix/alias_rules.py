"""Rules over the aliases of the spec."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mailstack_operator.api.aliases import Alias
from mailstack_operator.stack import aliases
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users.source import Spec

# Aliases of aliases of aliases, as far as the API server can follow them.
_DEPTH: Final = 4
# Those that lead to others of the list; after as many rounds as there are levels only loops are left.
_ROUND: Final = (
    ".map(left, [left.map(one, one.address)].map(names, left.filter(one, "
    "one.targets.exists(target, target != one.address && target in names)))[0])"
)
_LOOPS_CEL: Final = f"[self]{_ROUND * _DEPTH}[0].size() == 0"


def _has_no_loop(spec: Spec) -> bool:
    left: Sequence[Alias] = spec.aliases
    for _ in range(_DEPTH):
        addresses = {alias.address for alias in left}
        left = [alias for alias in left if addresses & set(alias.targets) - {alias.address}]
    return not left


def _loop(spec: Spec) -> str | None:
    """With the addresses of the loop, which the API server cannot list."""
    if _has_no_loop(spec):
        return None
    return aliases.first_problem(aliases.of_spec(spec)) or _LOOPS


def _other_problem(spec: Spec) -> str | None:
    """What the API server does not see, such as a loop by address extensions."""
    return aliases.first_problem(aliases.of_spec(spec)) if _has_no_loop(spec) else None


def _repeated(spec: Spec) -> str | None:
    """The API server knows it as the key of the list."""
    addresses = Counter(alias.address for alias in spec.aliases)
    return next((f"duplicate alias {name}: list it once" for name, count in addresses.items() if count > 1), None)


def _are_in_domains(spec: Spec) -> bool:
    return all(alias.address.rpartition("@")[2] in spec.domains for alias in spec.aliases)


_LOOPS: Final = f"aliases in a loop, or more than {_DEPTH} levels deep: {aliases.REMEDY}"

RULES: Final = (
    Rule("spec.aliases", rule("spec.aliases", _LOOPS_CEL, _LOOPS, _has_no_loop).cel, _loop),
    Rule("spec.aliases", None, _other_problem),
    Rule("spec.aliases", None, _repeated),
    rule(
        "spec",
        "self.aliases.all(alias, alias.address.split('@')[1] in self.domains)",
        "the address of an alias must be in one of spec.domains: add its domain there, or correct the address",
        _are_in_domains,
    ),
    rule(
        "spec.aliases",
        "!self.exists(alias, alias.address.contains('+'))",
        "the address of an alias has no address extension: write it without '+', and mail to each extension of it "
        "goes to its targets, too",
        lambda spec: not any("+" in alias.address for alias in spec.aliases),
    ),
)
