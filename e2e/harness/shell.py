"""Commands: run with a log, or asked for their output."""

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness import paths
from harness.errors import HarnessError

Argument = str | Path


class CommandError(HarnessError):
    """A command ended with an error, or did not end in time; its output is in the step's log."""


@dataclass(frozen=True)
class Log:
    """A step's log file: every command and what it wrote."""

    path: Path

    def open(self) -> IO[bytes]:
        """The file, to append to."""
        return self.path.open("ab")

    def note(self, text: str) -> None:
        """Add a line of the harness's own."""
        with self.open() as file:
            file.write(f"{text}\n".encode())

    def tail(self, lines: int = 20) -> list[str]:
        """The last lines."""
        return self.path.read_text(errors="replace").splitlines()[-lines:]


def run(
    *command: Argument,
    log: Log,
    timeout: float = 900,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    text: str | None = None,
) -> None:
    """Run a command with its output in the log; `text` is its standard input, `timeout` is in seconds.

    Raises CommandError when it ends with an error, runs out of time or is not installed.
    """
    words = [str(word) for word in command]
    log.note(f"+ {shlex.join(words)}")
    with log.open() as output:
        try:
            done = subprocess.run(
                words,
                input=(text or "").encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                cwd=cwd,
                env=paths.environment() | dict(variables or {}),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"{shlex.join(words)} did not end within {timeout:.0f} s") from error
        except FileNotFoundError as error:
            raise CommandError(f"{words[0]} is not installed") from error
    if done.returncode:
        raise CommandError(f"{shlex.join(words)} ended with status {done.returncode}")


def ask(
    *command: Argument, timeout: float = 30, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> str | None:
    """A command's standard output without the last line end; None when it fails, is missing or takes too long.

    `timeout` is in seconds.
    """
    try:
        return subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            cwd=cwd,
            env=paths.environment() | dict(variables or {}),
            check=True,
            text=True,
        ).stdout.rstrip("\n")
    except (subprocess.SubprocessError, OSError):
        return None


def demand(
    *command: Argument, timeout: float = 30, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> str:
    """Like `ask`, where no answer is an error. Raises CommandError."""
    answer = ask(*command, timeout=timeout, cwd=cwd, variables=variables)
    if answer is None:
        raise CommandError(f"no answer from: {shlex.join(str(word) for word in command)}")
    return answer
