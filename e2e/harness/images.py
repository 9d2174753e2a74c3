"""The project's images: built for their inputs, loaded into the cluster when it runs."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import base, cluster, docker, engine, keys, paths, shell, tools, versions
from harness.docker import Recipe, Registry
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, fresh_scratch

#: Where an image's key stands in the node's containerd, so that a load is skipped only if the node truly has the image.
NODE_LABEL = "mailstack.dev/key"


@dataclass(frozen=True)
class Image:
    """An image of the folder `images/NAME`, tagged with its version; `arguments` are the Dockerfile's, such as ids."""

    name: str
    version: str
    suite: str = versions.DEBIAN
    arguments: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def reference(self) -> str:
        """The name that pods use; it has no registry, so pods need `imagePullPolicy: IfNotPresent`."""
        return f"mailstack/{self.name}:{self.version}"

    @property
    def title(self) -> str:
        """What a step's line calls it, for example `dovecot 2.4`."""
        return f"{self.name} {self.version}"

    @property
    def dockerfile(self) -> Path:
        """Its Dockerfile."""
        return paths.repository() / "images" / self.name / "Dockerfile"

    def inputs(self) -> list[Path]:
        """What its context holds, from the repository's root: the lines that `Dockerfile.dockerignore` lets in."""
        ignore = self.dockerfile.with_name("Dockerfile.dockerignore").read_text()
        lines = (line for line in ignore.splitlines() if line.startswith("!"))
        return [paths.repository() / line.removeprefix("!").rstrip("/") for line in lines]


#: swaks, msmtp, mbsync, sieve-connect, testssl.sh, dkimpy and HAProxy.
PROGRAMS = Image("e2e-programs", "1")
#: PostgreSQL, MariaDB and slapd.
SOURCES = Image("e2e-sources", "1")


def operator_version() -> str:
    """The project's version. Read as text, because the harness runs before any environment is there."""
    source = (paths.repository() / "operator" / "mailstack_operator" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert found is not None, "no __version__ in mailstack_operator/__init__.py"
    return found[1]


def images() -> list[Image]:
    """Every image that users run."""
    return [
        Image("postfix", "3.10"),
        Image("dovecot", "2.4"),
        Image("dovecot", "2.3", versions.OLD_DEBIAN),
        Image("rspamd", "3.12"),
        Image("operator", operator_version()),
    ]


def images_for_e2e() -> list[Image]:
    """What only end-to-end tests run: Postfix with other ids, images without the programs that a pod needs, the
    programs of mail users, and servers that hold users."""
    return [
        _postfix_with_ids("e2e-ids-100", user=100, group=101, postdrop=102),  # a Debian package's own choice
        _postfix_with_ids("e2e-ids-5555", user=5555, group=5555, postdrop=5556),
        _postfix_with_ids("e2e-ids-collide", user=2424, group=2425, postdrop=2426),  # dovecot's user, dovenull's group
        Image("e2e-bare", "1"),
        Image("e2e-scratch", "1"),
        PROGRAMS,
        SOURCES,
    ]


def image_key(name: str) -> str:
    """The key of the image that was built last, for a pod annotation that rolls the pod when its image changed.

    Where a name has several versions, it is the first of `images()`. Raises HarnessError when it was not built yet.
    """
    return _built_key(next(image for image in images() if image.name == name))


def ensure(report: Report, extra: Sequence[Image] = ()) -> None:
    """After this, every image and each `extra` one is built, and in the cluster if it runs. Raises HarnessError."""
    wanted = [*images(), *extra]
    ensure_built(report, *wanted)
    if not cluster.is_running():
        report.say(f"the cluster {paths.CLUSTER} does not run: nothing to load the images into")
        return
    tools.ensure(report)
    report.run(_load_step(wanted))


def build(report: Report, wanted: Sequence[Image]) -> None:
    """After this, the images are in the engine, which answers already. Raises HarnessError."""
    registry = Registry()
    suites = dict.fromkeys(image.suite for image in wanted)
    bases = {suite: base.ensure(report, registry, suite) for suite in suites}
    for image in wanted:
        report.run(_build_step(image, bases[image.suite]))


def ensure_built(report: Report, *wanted: Image) -> None:
    """After this, the engine runs and has these images. Raises HarnessError."""
    engine.ensure(report)
    build(report, wanted)


def _postfix_with_ids(tag: str, *, user: int, group: int, postdrop: int) -> Image:
    ids = {"POSTFIX_UID": user, "POSTFIX_GID": group, "POSTDROP_GID": postdrop}
    return Image("postfix", tag, arguments={name: str(number) for name, number in ids.items()})


def _built_key(image: Image) -> str:
    key = docker.key(image.reference)
    if key is None:
        raise HarnessError(f"{image.reference} is not built: run `make images`")
    return key


def _build_step(image: Image, base_image: str) -> Step:
    arguments = {"BASE_IMAGE": base_image, "VERSION": image.version, **image.arguments}
    wanted = _key(image, docker.image_id(base_image) or "", arguments)

    def make(log: Log) -> None:
        docker.build(image.reference, Recipe(_context(image), image.dockerfile, arguments), wanted, log)
        docker.prune(log)

    return Step(f"image {image.title}", lambda: docker.key(image.reference) == wanted, make)


def _key(image: Image, base_id: str, arguments: Mapping[str, str]) -> str:
    given = (f"{name}={value}" for name, value in arguments.items())
    return keys.of_texts(base_id, image.reference, *given, keys.of_files(image.dockerfile, *image.inputs()))


def _context(image: Image) -> Path:
    """A folder with the image's inputs only, for builders too that do not know `Dockerfile.dockerignore`."""
    context = fresh_scratch(f"image {image.title}")
    for source in image.inputs():
        target = context / source.relative_to(paths.repository())
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, target)
    return context


def _load_step(wanted: Sequence[Image]) -> Step:
    """All that the node lacks goes in at once: images share layers, and each is sent and unpacked only once then."""
    labels = {image: f"{NODE_LABEL}={_built_key(image)}" for image in wanted}

    def lacking() -> list[Image]:
        return [image for image, label in labels.items() if label not in _labels(image)]

    def make(log: Log) -> None:
        missing = lacking()
        references = [image.reference for image in missing]
        shell.run("kind", "load", "docker-image", *references, "--name", paths.CLUSTER, log=log)
        for image in missing:
            shell.run(*_ctr("label", _name_in_node(image), labels[image]), log=log)

    return Step(f"images in {paths.CLUSTER}", lambda: not lacking(), make)


def _name_in_node(image: Image) -> str:
    """containerd's full form of a name that has no registry; nothing is fetched from there."""
    return f"docker.io/{image.reference}"


def _labels(image: Image) -> list[str]:
    """The labels of the image in the node; none when the node does not have it."""
    listing = shell.ask(*_ctr("list", f"name=={_name_in_node(image)}")) or ""
    return [label for line in listing.splitlines()[1:] for label in line.split()[-1].split(",")]


def _ctr(*words: str) -> tuple[str, ...]:
    return ("docker", "exec", paths.NODE, "ctr", "--namespace=k8s.io", "images", *words)
