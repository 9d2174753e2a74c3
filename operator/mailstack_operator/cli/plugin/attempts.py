"""Several calls of kubectl at once; one that fails does not hide what the others tell."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailstack_operator.cli.plugin.kubectl import Refused

# Each is a process and a connection.
_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Tried(Generic[R]):
    """What was asked for each of several things; both properties wait for the answers."""

    _answers: list[Future[R | Refused]]

    @property
    def read(self) -> list[R]:
        """What could be read, in the order of the things."""
        return [found for answer in self._answers if not isinstance(found := answer.result(), Refused)]

    @property
    def problems(self) -> list[str]:
        """Why the rest could not."""
        return [str(found) for answer in self._answers if isinstance(found := answer.result(), Refused)]


@dataclass(frozen=True)
class Pool:
    """Where calls run side by side."""

    _executor: ThreadPoolExecutor

    def each(self, function: Callable[[T], R], things: Iterable[T]) -> Tried[R]:
        """Call the function for each thing. Refused and ValueError (unexpected output) become problems."""
        return Tried([self._executor.submit(_attempt, function, thing) for thing in things])


@contextmanager
def together() -> Iterator[Pool]:
    with ThreadPoolExecutor(_AT_ONCE) as executor:
        yield Pool(executor)


def _attempt(function: Callable[[T], R], thing: T) -> R | Refused:
    try:
        return function(thing)
    except Refused as refused:
        return refused
    except ValueError as error:
        return Refused(f"what a pod printed is not what is expected: {error}")
