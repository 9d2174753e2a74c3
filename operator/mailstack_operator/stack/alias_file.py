"""Aliases from a file, in the form of virtual(5): an address, blanks, and targets between commas or blanks. Pure.

A line that begins with a blank continues the one before, and one that begins with `#` is a comment. A colon after the
address is accepted, as aliases(5) has it. Capitals mean small letters, as everywhere in Postfix's tables.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from mailstack_operator.api.strings import ALIAS_ADDRESS

# Lines that a message names.
_SHOWN = 5
_SEPARATOR = re.compile(r"[\s,]+")


@dataclass
class AliasFile:
    """What the lines say: targets by address, and what is wrong with a line, by its number."""

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)

    @property
    def problem(self) -> str | None:
        """The first few wrong lines, each with the reason."""
        if not self.wrong:
            return None
        shown = [f"line {line}: {reason}" for line, reason in list(self.wrong.items())[:_SHOWN]]
        more = len(self.wrong) - len(shown)
        return "; ".join([*shown, *([f"and {more} more lines"] if more else [])])


@lru_cache(maxsize=8)
def read(text: str, domains: frozenset[str], delimiter: str, taken: frozenset[str]) -> AliasFile:
    """Reads the file; its addresses must be in `domains` and none of `taken`. The result is shared."""
    found = AliasFile()
    for number, line in _lines(text):
        address, *targets = filter(None, _SEPARATOR.split(line.lower()))
        address = address.removesuffix(":")
        reason = _wrong_address(address, domains, delimiter) or _wrong_targets(targets)
        if not reason and (address in found.addresses or address in taken):
            reason = f"{address} has another entry: write one, with the targets of both"
        if reason:
            found.wrong[number] = reason
        else:
            found.addresses[address] = tuple(dict.fromkeys(targets))
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The entries, with the number of their first line; continued lines are joined."""
    pending: tuple[int, str] | None = None
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text.replace("\ufeff", "")), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and pending:
            pending = (pending[0], f"{pending[1]} {line.strip()}")
            continue
        if pending:
            yield pending
        pending = (number, line.strip())
    if pending:
        yield pending


def _wrong_address(address: str, domains: Collection[str], delimiter: str) -> str | None:
    name, _, domain = address.rpartition("@")
    if not name and domain and address.startswith("@"):
        return f"{_shown(address)} is a whole domain: use spec.domainAliases or spec.catchAll"
    if wrong := _not_an_address(address, "sales@example.org"):
        return wrong
    if domain not in domains:
        return f"{address} is in no domain of the MailStack: add it to spec.domains, or correct it"
    return f"{address} has an address extension: leave it out" if delimiter in name else None


def _wrong_targets(targets: Collection[str]) -> str | None:
    if not targets:
        return "the alias has no target"
    wrong = next(filter(None, (_not_an_address(target, "alice@example.org") for target in targets)), None)
    return f"the target {wrong}" if wrong else None


def _not_an_address(text: str, example: str) -> str | None:
    try:
        ALIAS_ADDRESS.check(text)
    except ValueError as error:
        # Of an internationalized domain, the message says what to write.
        ascii_ = "" if text.isascii() else f" ({str(error).partition(': ')[2]})"
        return f"{_shown(text)} is no address such as {example}{ascii_}"
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
