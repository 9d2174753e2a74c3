"""Where mail to an address goes before Dovecot is asked: the steps of virtual(5), without Postfix. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailstack_operator.stack import alias_file
from mailstack_operator.stack.alias_file import AliasFile
from mailstack_operator.stack.users.source import Spec

# Postfix gives up after more (virtual_alias_recursion_limit, virtual_alias_expansion_limit: 1000 both).
LEVELS = 100
MOST_RECIPIENTS = 1000
# Of all aliases together: each is expanded, in the operator's memory. Tables of so many hardly fit into a ConfigMap.
MOST_ALTOGETHER = 500_000
_TOO_MANY = (
    f"the aliases have more than {MOST_ALTOGETHER} recipients altogether: use a mailing list, or fewer aliases that "
    "lead to the same long list"
)

Targets = tuple[str, ...]


REMEDY = "make users, or addresses elsewhere, their targets"


class AliasProblem(ValueError):
    """What Postfix could not follow; the text says which alias, and what to do."""


@dataclass(frozen=True)
class Aliases:
    """Targets by address; of an alias domain, the domain that has the mailboxes; of a catch-all, the targets by domain.

    All names are in lower case; `delimiter` begins an address extension.
    """

    addresses: Mapping[str, Targets]
    domains: Mapping[str, str] = field(default_factory=dict)
    catch_all: Mapping[str, Targets] = field(default_factory=dict)
    delimiter: str = "+"
    _found: dict[str, Targets] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains or self.catch_all)

    def step(self, address: str) -> Targets | None:
        """The targets of the address; None if it is no alias. What a target does with an extension, Postfix has it do
        with that of the address, too (propagate_unmatched_extensions)."""
        if found := self.addresses.get(address):
            return found
        base, extension = self.split(address)
        local, _, domain = address.rpartition("@")
        if base not in self.addresses and domain in self.domains:
            return (f"{local}@{self.domains[domain]}",)
        found = self.addresses.get(base) or self.catch_all.get(domain)
        return tuple(_extended(each, extension) for each in found) if found and extension else found

    def recipients(self, address: str) -> Targets:
        """The addresses that mail to the address reaches in the end. Raises AliasProblem."""
        return self._resolve(address, ())

    def split(self, address: str) -> tuple[str, str]:
        """The address without its extension, and the extension with its delimiter."""
        local, _, domain = address.rpartition("@")
        name, delimiter, extension = local.partition(self.delimiter)
        return (f"{name}@{domain}", delimiter + extension) if name else (address, "")

    def _resolve(self, address: str, path: Targets) -> Targets:
        if address not in self._found:
            targets = self._next(address, (*path, address))
            found = dict.fromkeys(
                recipient
                for target in targets
                for recipient in ([target] if target == address else self._resolve(target, (*path, address)))
            )
            self._found[address] = _bounded(address, tuple(found))
        return self._found[address]

    def _next(self, address: str, path: Targets) -> Targets:
        """One step further on the path."""
        if address in path[:-1]:
            raise AliasProblem(f"aliases in a loop: {' -> '.join(path)}: remove one of the targets")
        if len(path) > LEVELS + 1:
            raise AliasProblem(
                f"aliases in a loop, or more than {LEVELS} levels deep: {' -> '.join(path[:4])} -> ...: {REMEDY}"
            )
        return self.step(address) or (address,)


def _extended(target: str, extension: str) -> str:
    local, _, domain = target.rpartition("@")
    return f"{local}{extension}@{domain}"


def _bounded(address: str, recipients: Targets) -> Targets:
    if len(recipients) > MOST_RECIPIENTS:
        raise AliasProblem(
            f"{address} has {len(recipients)} recipients, and Postfix follows {MOST_RECIPIENTS} at most: use a mailing "
            "list, or fewer targets"
        )
    return recipients


def of_spec(spec: Spec, text: str = "") -> Aliases:
    """The aliases that the spec itself has, and those of the file that it names, whose content is `text`."""
    own = {alias.address: tuple(alias.targets) for alias in spec.aliases}
    return Aliases(
        addresses={**own, **of_file(spec, text).addresses},
        domains={alias.domain: alias.target for alias in spec.domain_aliases},
        catch_all={each.domain: tuple(each.targets) for each in spec.catch_all},
        delimiter=delimiter(spec),
    )


def of_file(spec: Spec, text: str) -> AliasFile:
    """The file of spec.aliasesFrom."""
    taken = frozenset(alias.address for alias in spec.aliases)
    return alias_file.read(text, frozenset(domains(spec)), delimiter(spec), taken)


def delimiter(spec: Spec) -> str:
    """What begins an address extension, for both servers."""
    return spec.address_extensions.delimiter or "+"


def domains(spec: Spec) -> list[str]:
    """All domains that Postfix receives mail for: those with mailboxes, and those whose mail goes to their users."""
    further = [*(each.domain for each in spec.domain_aliases), *(each.domain for each in spec.catch_all)]
    return [*spec.domains, *further]


def first_problem(aliases: Aliases) -> str | None:
    """The first alias that Postfix could not follow, and what to do."""
    found = 0
    try:
        for address in (*aliases.addresses, *(f"any-address@{domain}" for domain in aliases.catch_all)):
            found += len(aliases.recipients(address))
            if found > MOST_ALTOGETHER:
                return _TOO_MANY
    except AliasProblem as problem:
        return str(problem)
    return None
