"""Pushes to the registry, and signs there. What is published is never replaced."""

import hashlib
import json
import tarfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from harness import apt, docker, keys, paths, shell, versions
from harness.errors import HarnessError
from harness.shell import CommandError, Log
from harness.step import Report, folder_step, fresh_scratch
from release import plan, sbom
from release.plan import Pushed, PushedChart, Target

#: What registries say of a name that they do not have.
_ABSENT = ("not found", "manifest unknown", "name unknown", "does not exist")
#: Nothing about a release goes to a public log: whoever has the public key can verify it.
_PRIVATE = ("--yes", "--tlog-upload=false")


def image(target: Target, log: Log) -> Pushed:
    """Push an image that was built; one that is published already is not pushed again.

    Raises HarnessError if something else is published under its name.
    """
    local = target.image.reference
    found = _published(target.reference, log)
    if found is None:
        shell.run("docker", "tag", local, target.reference, log=log)
        try:
            shell.run("docker", "push", target.reference, log=log)
        finally:
            shell.run("docker", "image", "rm", target.reference, log=log)
        found = _published(target.reference, log)
    if found is None or json.loads(found)["config"]["digest"] != docker.image_id(local):
        raise HarnessError(f"{target.reference} is published with another content: raise the version (docs/release.md)")
    return Pushed(target, f"sha256:{hashlib.sha256(found.encode()).hexdigest()}")


def chart(package: Path, registry: str, version: str, log: Log) -> PushedChart:
    """Push the packed chart; one that is published already must hold the same files. Raises HarnessError."""
    name = f"{plan.chart_folder(registry)}/{plan.CHART}"
    found = _published(f"{name}:{version}", log)
    plain = ["--plain-http"] if plan.is_plain_http(registry) else []
    if found is None:
        shell.run("helm", "push", package, f"oci://{plan.chart_folder(registry)}", *plain, log=log)
        found = _published(f"{name}:{version}", log)
    folder = fresh_scratch("published chart")
    options = [f"--version={version}", f"--destination={folder}", *plain]
    shell.run("helm", "pull", f"oci://{name}", *options, log=log)
    if found is None or _files(folder / package.name) != _files(package):
        raise HarnessError(f"{name}:{version} is published with other files: raise the version (docs/release.md)")
    return PushedChart(registry, version, f"sha256:{hashlib.sha256(found.encode()).hexdigest()}")


def write_sbom(pushed: Pushed, folder: Path, log: Log) -> None:
    """List what is in an image, in the file of its name. Raises HarnessError."""
    local = pushed.target.image.reference
    archive = fresh_scratch(f"files of {pushed.target.file_stem}") / "files.tar"
    # Never started: an image need not have a program of this name.
    container = shell.demand("docker", "create", local, "none")
    try:
        shell.run("docker", "export", f"--output={archive}", container, log=log)
    finally:
        shell.run("docker", "container", "rm", container, log=log)
    built = datetime.fromisoformat(shell.demand("docker", "image", "inspect", "--format={{.Created}}", local))
    subject = sbom.Subject(pushed.target.image.name, pushed.target.tag, pushed.pinned, built)
    with archive.open("rb") as files:
        (folder / pushed.target.sbom).write_text(sbom.document(subject, sbom.read(files)))
    archive.unlink()


def sign(images: Iterable[Pushed], chart: PushedChart, key: str, folder: Path, log: Log) -> None:
    """Sign the images and the chart by digest with a key of cosign's, and attest each image's SBOM.

    The key's password is in COSIGN_PASSWORD. Raises CommandError.
    """
    options = (f"--key={key}", *_PRIVATE)
    plain = ["--allow-http-registry"] if plan.is_plain_http(chart.registry) else []
    for each in images:
        shell.run(cosign(), "sign", *options, *plain, each.pinned, log=log)
        predicate = (f"--predicate={folder / each.target.sbom}", "--type=cyclonedx")
        shell.run(cosign(), "attest", *options, *plain, *predicate, each.pinned, log=log)
    shell.run(cosign(), "sign", *options, *plain, chart.pinned, log=log)


def ensure_cosign(report: Report) -> None:
    """After this, `cosign` is there: the machine's, or Debian 13's in the cache. Raises HarnessError."""
    if shell.ask("cosign", "version") is not None:
        report.note("cosign", "found")
        return

    def unpack(folder: Path, log: Log) -> None:
        apt.demand_root_on_debian("cosign is missing", "install cosign 2, and put it on PATH")
        apt.unpack("cosign", folder=folder, log=log)

    report.run(folder_step("cosign", paths.cache() / "cosign", keys.of_texts(versions.DEBIAN, "cosign"), unpack))


def cosign() -> Path:
    """The program that signs; `ensure_cosign` comes first."""
    unpacked = paths.cache() / "cosign" / "usr/bin/cosign"
    return unpacked if unpacked.exists() else Path("cosign")


def _published(reference: str, log: Log) -> str | None:
    """The manifest in the registry; None if it has none of the name.

    Raises CommandError if the registry does not answer, or refuses.
    """
    command = ("docker", "buildx", "imagetools", "inspect", "--raw", reference)
    found = shell.ask(*command)
    if found is not None:
        return found
    begin = log.path.stat().st_size
    try:
        shell.run(*command, log=log)
    except CommandError:
        said = log.path.read_bytes()[begin:].decode(errors="replace")
        if not any(words in said for words in _ABSENT):
            raise
    return None


def _files(package: Path) -> dict[str, bytes]:
    with tarfile.open(package) as packed:
        found = ((member.name, packed.extractfile(member)) for member in packed if member.isfile())
        return {name: file.read() for name, file in found if file}
