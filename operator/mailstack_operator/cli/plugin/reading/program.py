"""Programs of the user's machine; the only module that starts processes."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """The exit code of a program, and what it printed; no `stderr` where that was the user's own."""

    code: int
    stdout: str
    stderr: str


def run_program(command: Sequence[str], seconds: float, stdin: str | None = None) -> Ended:
    """With `stdin` None, the streams except stdout are the user's own.

    Raises TimeoutError after so many seconds, and another OSError if the program cannot be started.
    """
    stderr = None if stdin is None else subprocess.PIPE
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    return Ended(done.returncode, done.stdout, done.stderr or "")
