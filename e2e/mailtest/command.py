"""Commands, with the harness's PATH and cluster, and always with a time limit."""

import subprocess

from harness import paths

SECONDS = 60.0


class CommandError(AssertionError):
    """A command failed; the message holds the command, its exit code and what it wrote to stderr."""

    def __init__(self, command: list[str], code: int | str, stderr: str) -> None:
        shown = " ".join(word if len(word) < 120 else f"{word[:100]}..." for word in command)
        super().__init__(f"`{shown}` ended with {code}: {stderr.strip()}")
        self.stderr = stderr


def run(*command: str, stdin: str = "", seconds: float = SECONDS) -> str:
    """The stdout of `command`, run with the harness's PATH and KUBECONFIG.

    Raises CommandError when it fails or takes longer than `seconds`.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=paths.environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(list(command), f"no answer after {seconds:.0f} s", "") from None
    if done.returncode:
        raise CommandError(list(command), done.returncode, done.stderr)
    return done.stdout
