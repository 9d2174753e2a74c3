"""The project's images: built for their inputs, loaded into the cluster when it runs."""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness import base, cluster, docker, engine, keys, paths, shell, tools
from harness.docker import Recipe, Registry
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, fresh_scratch

#: Where an image's key stands in the node's containerd, so that a load is skipped only if the node truly has the image.
NODE_LABEL = "mailstack.dev/key"


@dataclass(frozen=True)
class Image:
    """An image of the folder `images/NAME`."""

    name: str
    version: str

    @property
    def reference(self) -> str:
        """The name that pods use; it has no registry, so pods need `imagePullPolicy: IfNotPresent`."""
        return f"mailstack/{self.name}:{self.version}"

    @property
    def dockerfile(self) -> Path:
        """Its Dockerfile."""
        return paths.repository() / "images" / self.name / "Dockerfile"

    def inputs(self) -> list[Path]:
        """What its context holds, from the repository's root: the lines that `Dockerfile.dockerignore` lets in."""
        ignore = self.dockerfile.with_name("Dockerfile.dockerignore").read_text()
        lines = (line for line in ignore.splitlines() if line.startswith("!"))
        return [paths.repository() / line.removeprefix("!").rstrip("/") for line in lines]


def operator_version() -> str:
    """The operator's version, of pyproject.toml."""
    return str(tomllib.loads((paths.repository() / "pyproject.toml").read_text())["project"]["version"])


def images() -> list[Image]:
    """Every image of the project."""
    return [Image("postfix", "3.10"), Image("dovecot", "2.4"), Image("operator", operator_version())]


def image_key(name: str) -> str:
    """The key of the image that was built last, for a pod annotation that rolls the pod when its image changed.

    Raises HarnessError when it was not built yet.
    """
    image = next(image for image in images() if image.name == name)
    key = docker.key(image.reference)
    if key is None:
        raise HarnessError(f"{image.reference} is not built: run `make images`")
    return key


def ensure(report: Report) -> None:
    """After this, every image is built, and the cluster has it if it runs. Raises HarnessError."""
    engine.ensure(report)
    base_image = base.ensure(report, Registry())
    for image in images():
        report.run(_build_step(image, base_image))
    if not cluster.is_running():
        report.say(f"the cluster {paths.CLUSTER} does not run: nothing to load the images into")
        return
    tools.ensure(report)
    for image in images():
        report.run(_load_step(image))


def _build_step(image: Image, base_image: str) -> Step:
    wanted = _key(image, base_image)

    def make(log: Log) -> None:
        arguments = {"BASE_IMAGE": base_image, "VERSION": image.version}
        docker.build(image.reference, Recipe(_context(image), image.dockerfile, arguments), wanted, log)
        docker.prune(log)

    return Step(f"image {image.name}", lambda: docker.key(image.reference) == wanted, make)


def _key(image: Image, base_image: str) -> str:
    base_id = docker.image_id(base_image) or ""
    return keys.of_texts(base_id, image.reference, keys.of_files(image.dockerfile, *image.inputs()))


def _context(image: Image) -> Path:
    """A folder with the image's inputs only, for builders too that do not know `Dockerfile.dockerignore`."""
    context = fresh_scratch(f"image {image.name}")
    for source in image.inputs():
        target = context / source.relative_to(paths.repository())
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, target)
    return context


def _load_step(image: Image) -> Step:
    label = f"{NODE_LABEL}={image_key(image.name)}"

    def make(log: Log) -> None:
        shell.run("kind", "load", "docker-image", image.reference, "--name", paths.CLUSTER, log=log)
        shell.run(*_ctr("label", _name_in_node(image), label), log=log)

    return Step(f"load {image.name}", lambda: label in _labels(image), make)


def _name_in_node(image: Image) -> str:
    """containerd's full form of a name that has no registry; nothing is fetched from there."""
    return f"docker.io/{image.reference}"


def _labels(image: Image) -> list[str]:
    """The labels of the image in the node; none when the node does not have it."""
    listing = shell.ask(*_ctr("list", f"name=={_name_in_node(image)}")) or ""
    return [label for line in listing.splitlines()[1:] for label in line.split()[-1].split(",")]


def _ctr(*words: str) -> tuple[str, ...]:
    return ("docker", "exec", paths.NODE, "ctr", "--namespace=k8s.io", "images", *words)
