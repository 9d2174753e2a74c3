"""Docker images: asked for, pulled, built. An image carries the key of its inputs as a label."""

import enum
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import paths, shell, wait
from harness.shell import Log

KEY_LABEL = "dev.mailstack.key"
REGISTRY_SECONDS = 10.0
PULL_SECONDS = 900.0


def image_id(image: str) -> str | None:
    """The content id of a local image; None when there is none of that name."""
    return shell.ask("docker", "image", "inspect", "--format", "{{.Id}}", image)


def key(image: str) -> str | None:
    """The key a local image was built from; None when there is no such image, or it is not of the harness."""
    return shell.ask("docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{KEY_LABEL}"}}}}', image) or None


def build(
    image: str, *, context: Path, dockerfile: Path | str, key: str, log: Log, arguments: Mapping[str, str] | None = None
) -> None:
    """Build an image; `dockerfile` is a file, or the text of one."""
    pairs = [word for name, value in (arguments or {}).items() for word in ("--build-arg", f"{name}={value}")]
    file, text = (dockerfile, None) if isinstance(dockerfile, Path) else ("-", dockerfile)
    shell.run(
        *("docker", "build", "--tag", image, "--label", f"{KEY_LABEL}={key}", "--file", file, *pairs, context),
        log=log,
        text=text,
    )


def prune(log: Log) -> None:
    """Remove images of the harness that a newer build has taken the name from."""
    shell.run("docker", "image", "prune", "--force", "--filter", f"label={KEY_LABEL}", log=log)


class Pull(enum.Enum):
    """What came of a pull."""

    DONE = "pulled"
    ABSENT = "the registry has no such image"
    SILENT = "no registry answers"


@dataclass
class Registry:
    """Pulls images; a registry that did not answer once is not asked again in the same run."""

    silent: bool = field(default=False, init=False)

    def pull(self, image: str, log: Log) -> Pull:
        """Pull an image; a registry that has said nothing for ten seconds is given up."""
        if self.silent:
            return Pull.SILENT
        outcome = _pull(image, log)
        self.silent = outcome is Pull.SILENT
        log.note(f"{image}: {outcome.value}")
        return outcome


def _pull(image: str, log: Log) -> Pull:
    begin = len(log.path.read_bytes())

    def said() -> str:
        return log.path.read_bytes()[begin:].decode(errors="replace")

    with log.open() as output:
        process = subprocess.Popen(["docker", "pull", image], stdout=output, stderr=output, env=paths.environment())
    try:
        answered = wait.until(lambda: "Pulling from" in said() or process.poll() is not None, REGISTRY_SECONDS)
        process.wait(PULL_SECONDS if answered else 0)
    except subprocess.TimeoutExpired:
        return Pull.SILENT
    finally:
        process.kill()
        process.wait()
    return verdict(process.returncode, said())


def verdict(status: int, said: str) -> Pull:
    """What a pull's exit status and output mean: only a registry that answered can say that it lacks an image."""
    if status == 0:
        return Pull.DONE
    absent = ("not found", "manifest unknown", "does not exist", "access denied")
    return Pull.ABSENT if any(words in said for words in absent) else Pull.SILENT
