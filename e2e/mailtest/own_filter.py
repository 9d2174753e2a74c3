"""A mail filter of a user's own: `mailtest.milter`, where the client runs."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import paths

PORT = 8891
_PROGRAM = Path(__file__).with_name("milter.py").read_text()


@dataclass
class OwnFilter:
    """`python` is a command that runs Python there, with its standard input."""

    python: tuple[str, ...]

    def start(self) -> None:
        """Returns when it listens."""
        pipe = subprocess.PIPE
        command = [*self.python, "-c", _PROGRAM, str(PORT)]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=paths.environment())
        assert self._process.stdout
        assert self._process.stdout.readline(), "the filter has ended"

    def stop(self) -> None:
        """Nobody listens any more."""
        self._process.communicate(timeout=30)

    @contextmanager
    def away(self) -> Iterator[None]:
        """It does not run meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()
