"""Docker images: asked for, pulled, built. An image carries the key of its inputs as a label."""

import enum
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import engine, paths, shell, wait
from harness.shell import Log

KEY_LABEL = "dev.mailstack.key"
REGISTRY_SECONDS = 10.0
PULL_SECONDS = 900.0
#: What Docker's build cache may keep, where the engine is the harness's own.
BUILD_CACHE = "4gb"


def image_id(image: str) -> str | None:
    """The content id of a local image; None when there is none of that name."""
    return shell.ask("docker", "image", "inspect", "--format", "{{.Id}}", image)


def key(image: str) -> str | None:
    """The key a local image was built from; None when there is no such image, or it is not of the harness."""
    label = f'{{{{index .Config.Labels "{KEY_LABEL}"}}}}'
    return shell.ask("docker", "image", "inspect", "--format", label, image) or None


@dataclass(frozen=True)
class Recipe:
    """What an image is built from; `dockerfile` is a file, or the text of one."""

    context: Path
    dockerfile: Path | str
    arguments: Mapping[str, str] = field(default_factory=dict)


def build(image: str, recipe: Recipe, key: str, log: Log) -> None:
    """Build an image and label it with its key. Raises CommandError."""
    arguments = [f"--build-arg={name}={value}" for name, value in recipe.arguments.items()]
    is_file = isinstance(recipe.dockerfile, Path)
    shell.run(
        *("docker", "build", f"--tag={image}", f"--label={KEY_LABEL}={key}", *arguments),
        f"--file={recipe.dockerfile if is_file else '-'}",
        recipe.context,
        log=log,
        text=None if is_file else str(recipe.dockerfile),
    )


def prune(log: Log) -> None:
    """Remove images of the harness whose name a newer build has taken, and its engine's older build cache."""
    shell.run("docker", "image", "prune", "--force", f"--filter=label={KEY_LABEL}", log=log)
    if engine.is_own():
        shell.run("docker", "builder", "prune", "--force", f"--keep-storage={BUILD_CACHE}", log=log)


class Pull(enum.Enum):
    """What came of a pull."""

    DONE = "pulled"
    ABSENT = "the registry has no such image"
    SILENT = "no registry answers"


@dataclass
class Registry:
    """Pulls images; a registry that did not answer once is not asked again in the same run."""

    silent: bool = False

    def pull(self, image: str, log: Log) -> bool:
        """Whether the image could be pulled; a registry that has said nothing for ten seconds is given up."""
        outcome = Pull.SILENT if self.silent else pull(("docker", "pull", image), log)
        self.silent = outcome is Pull.SILENT
        log.note(f"{image}: {outcome.value}")
        return outcome is Pull.DONE


def pull(command: tuple[str, ...], log: Log, patience: float = REGISTRY_SECONDS) -> Pull:
    """Run docker's pull; `patience` is how many seconds the registry may take to say its first word."""
    begin = log.path.stat().st_size

    def said() -> str:
        return log.path.read_bytes()[begin:].decode(errors="replace")

    with log.open() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=paths.environment())
    try:
        answered = wait.until(lambda: "Pulling from" in said() or process.poll() is not None, patience)
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
