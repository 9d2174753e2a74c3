"""Several calls of kubectl at once; one that fails does not hide what the others tell."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mailstack_operator.plugin.kubectl import Refused

# Each is a process and a connection.
_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


def try_each(function: Callable[[T], R], items: Iterable[T]) -> list[R | Refused]:
    """What the function returns for each, several at once; or why it does not."""

    def attempt(item: T) -> R | Refused:
        try:
            return function(item)
        except Refused as refused:
            return refused
        except ValueError as error:
            return Refused(f"what a pod printed is not what is expected: {error}")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(attempt, items))


def read(tried: Iterable[R | Refused]) -> list[R]:
    """What `try_each` could read."""
    return [each for each in tried if not isinstance(each, Refused)]


def failures(tried: Iterable[object]) -> list[str]:
    """Why `try_each` could not read the rest."""
    return [str(each) for each in tried if isinstance(each, Refused)]
