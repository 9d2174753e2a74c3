"""Rules of labels and annotations of the user's own."""

from collections.abc import Callable, Iterable, Iterator

from mailstack_operator.api import cel
from mailstack_operator.api.metadata import FREE_KEYS, VALID_KEYS, are_free, are_valid
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.users.source import Spec

Keys = Callable[[Spec], Iterable[str]]


def valid_keys(path: str, keys: Keys) -> Rule:
    """Of the map at `path`: `keys` gives its keys, none where there is no map."""
    return _rule(path, VALID_KEYS, lambda spec: are_valid(keys(spec)))


def own_keys(path: str, keys: Keys) -> Iterator[Rule]:
    """Of labels or annotations beside the operator's."""
    yield valid_keys(path, keys)
    yield _rule(path, FREE_KEYS, lambda spec: are_free(keys(spec)))


def _rule(path: str, found: cel.Rule, holds: Callable[[Spec], bool]) -> Rule:
    return Rule(path, found, lambda spec: None if holds(spec) else found.message)
