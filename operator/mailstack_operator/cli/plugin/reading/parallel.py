"""Several calls of kubectl at once; one that fails does not hide the results of the others."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailstack_operator.cli.plugin.reading.kubectl import KubectlError

# Each is a process and a connection.
_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Results(Generic[R]):
    """The results of a function for several things; both properties wait for them."""

    _futures: list[Future[R | KubectlError]]

    @property
    def values(self) -> list[R]:
        """Of the calls that succeeded, in the order of the things."""
        return [result for future in self._futures if not isinstance(result := future.result(), KubectlError)]

    @property
    def problems(self) -> list[str]:
        """Why the other calls failed."""
        return [str(result) for future in self._futures if isinstance(result := future.result(), KubectlError)]


@dataclass(frozen=True)
class Pool:
    """Runs calls side by side."""

    _executor: ThreadPoolExecutor

    def call_each(self, function: Callable[[T], R], things: Iterable[T]) -> Results[R]:
        """Call the function for each thing. KubectlError and ValueError (unexpected output) become problems."""
        return Results([self._executor.submit(_attempt, function, thing) for thing in things])


@contextmanager
def open_pool() -> Iterator[Pool]:
    with ThreadPoolExecutor(_AT_ONCE) as executor:
        yield Pool(executor)


def _attempt(function: Callable[[T], R], thing: T) -> R | KubectlError:
    try:
        return function(thing)
    except KubectlError as error:
        return error
    except ValueError as error:
        return KubectlError(f"unexpected output from a pod: {error}")
