"""Keys: short digests of a step's inputs. Equal key, equal output, nothing to do."""

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

#: Enough of a SHA-256 to tell inputs apart, short enough for a label or a log line.
LENGTH = 16


def of_texts(*texts: str) -> str:
    """A key of texts in their order; the border between two texts counts."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()[:LENGTH]


def of_functions(*functions: Callable[..., object]) -> str:
    """A key of how something is made: the source of the functions that make it."""
    return of_texts(*(inspect.getsource(function) for function in functions))


def of_files(*paths: Path) -> str:
    """A key of files and folders by content, relative name and executable bit, not by time or place."""
    return of_texts(*(part for path in paths for part in _descriptions(path)))


def _descriptions(path: Path) -> Iterator[str]:
    for file in _files(path):
        yield str(file.relative_to(path.parent))
        yield "executable" if file.stat().st_mode & 0o100 else "plain"
        yield hashlib.sha256(file.read_bytes()).hexdigest()


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted(found)
