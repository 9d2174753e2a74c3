"""Rules over the aliases of the spec."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mailstack_operator.api.aliases import Alias, CatchAll, DomainAlias
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


def _repeated_domain(found: Sequence[DomainAlias | CatchAll]) -> str | None:
    domains = Counter(each.domain for each in found)
    return next((f"duplicate domain {name}: list it once" for name, count in domains.items() if count > 1), None)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _are_in_domains(spec: Spec) -> bool:
    return {_domain(alias.address) for alias in spec.aliases} <= set(aliases.domains(spec))


def _have_no_extension(spec: Spec) -> bool:
    return not any(aliases.delimiter(spec) in alias.address.partition("@")[0] for alias in spec.aliases)


def _have_no_users(spec: Spec) -> bool:
    return not {each.domain for each in spec.catch_all} & set(spec.domains)


def _lead_elsewhere(spec: Spec) -> bool:
    targets = {_domain(target) for each in spec.catch_all for target in each.targets}
    return not {each.domain for each in spec.catch_all} & targets


def _are_further_domains(spec: Spec) -> bool:
    return not {each.domain for each in spec.domain_aliases} & set(spec.domains)


def _have_mailboxes(spec: Spec) -> bool:
    return {each.target for each in spec.domain_aliases} <= set(spec.domains)


def _are_one_of_both(spec: Spec) -> bool:
    return not {each.domain for each in spec.domain_aliases} & {each.domain for each in spec.catch_all}


def _is_set_once(spec: Spec) -> bool:
    return spec.address_extensions.delimiter is None or "recipient_delimiter" not in spec.postfix.parameters


def _unfollowed(spec: Spec) -> str | None:
    """Address verification follows aliases whatever this parameter says: such mail would be accepted and returned."""
    parameters = spec.postfix.parameters
    own = spec.aliases or spec.aliases_from or spec.domain_aliases or spec.catch_all
    if "no_address_mappings" not in parameters.get(_OVERRIDE, "") or not (own or _TABLES & parameters.keys()):
        return None
    return (
        f"{_OVERRIDE}: with no_address_mappings Postfix follows no alias, so mail to aliases would be accepted and "
        "returned: remove it"
    )


_OVERRIDE: Final = "receive_override_options"
# Tables of addresses that parameters may have.
_TABLES: Final = {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"}

_LOOPS: Final = f"aliases in a loop, or more than {_DEPTH} levels deep: {aliases.REMEDY}"

RULES: Final = (
    Rule("spec.aliases", rule("spec.aliases", _LOOPS_CEL, _LOOPS, _has_no_loop).cel, _loop),
    Rule("spec.aliases", None, _other_problem),
    Rule("spec.aliases", None, _repeated),
    rule(
        "spec",
        "self.aliases.all(alias, alias.address.split('@')[1] in self.domains || "
        "self.domainAliases.exists(one, one.domain == alias.address.split('@')[1]) || "
        "self.catchAll.exists(one, one.domain == alias.address.split('@')[1]))",
        "the address of an alias must be in one of spec.domains: add its domain there, or correct the address",
        _are_in_domains,
    ),
    rule(
        "spec",
        "!self.aliases.exists(alias, alias.address.split('@')[0].contains("
        "has(self.addressExtensions.delimiter) ? self.addressExtensions.delimiter : '+'))",
        "the address of an alias has no address extension: write it without, and mail to each extension of it goes to "
        "its targets, too",
        _have_no_extension,
    ),
    rule(
        "spec",
        "!self.catchAll.exists(one, one.domain in self.domains)",
        "a catchAll takes the mail of all users of its domain: use a domain that is not in spec.domains, such as "
        "shop.example.org",
        _have_no_users,
    ),
    rule(
        "spec.catchAll",
        "![self.map(one, one.domain)].exists(domains, "
        "self.exists(one, one.targets.exists(target, target.split('@')[1] in domains)))",
        "a target of a catchAll is in a domain of catchAll, whose addresses have no mailbox: name a user",
        _lead_elsewhere,
    ),
    rule(
        "spec",
        "!self.domainAliases.exists(one, one.domain in self.domains)",
        "a domain of domainAliases is in spec.domains, and its users would get no mail: list it in one of the two",
        _are_further_domains,
    ),
    rule(
        "spec",
        "self.domainAliases.all(one, one.target in self.domains)",
        "the target of a domain alias must be one of spec.domains, because that has the mailboxes",
        _have_mailboxes,
    ),
    rule(
        "spec",
        "!self.domainAliases.exists(one, self.catchAll.exists(other, other.domain == one.domain))",
        "a domain is in domainAliases and in catchAll: list it in one of the two",
        _are_one_of_both,
    ),
    rule(
        "spec",
        "!has(self.addressExtensions.delimiter) || !('recipient_delimiter' in self.postfix.parameters)",
        "set addressExtensions.delimiter or postfix.parameters.recipient_delimiter, not both: the field is for both "
        "servers",
        _is_set_once,
    ),
    Rule("spec.postfix.parameters", None, _unfollowed),
    Rule("spec.domainAliases", None, lambda spec: _repeated_domain(spec.domain_aliases)),
    Rule("spec.catchAll", None, lambda spec: _repeated_domain(spec.catch_all)),
)
