"""The Debian base images, one for each suite: the registry's, else one made from Debian's packages."""

import shlex
from pathlib import Path

from harness import apt, docker, keys, versions
from harness.docker import Registry
from harness.shell import Log, run
from harness.step import Report, Step, fresh_scratch

#: CAs that an administrator added to this machine: what is built behind such a CA must trust it too.
EXTRA_CAS = Path("/usr/local/share/ca-certificates")
SLIM = (
    "--variant=apt",
    "--include=ca-certificates",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)
#: Debian 12 leaves the links /bin -> usr/bin and the like to a package that brings 50 MB of Perl, or to this hook.
OWN_TO_SUITE = {versions.OLD_DEBIAN: ("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",)}
METADATA = ('CMD ["/bin/bash"]', "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def public(suite: str) -> str:
    """The name of the registry's base image of a Debian suite."""
    return f"debian:{suite}-slim"


def own(suite: str) -> str:
    """The name of one that is made here."""
    return f"mailstack/{public(suite)}"


def ensure(report: Report, registry: Registry, suite: str = versions.DEBIAN) -> str:
    """After this, the base image of a Debian suite is there; answers its name. Raises HarnessError."""
    report.run(Step(f"base image {suite}", lambda: present(suite) is not None, lambda log: _make(suite, registry, log)))
    return present(suite) or own(suite)


def present(suite: str) -> str | None:
    """The name of the suite's base image that is there, the registry's first; None when there is none."""
    if docker.image_id(public(suite)):
        return public(suite)
    return own(suite) if docker.key(own(suite)) == key(suite) else None


def key(suite: str = versions.DEBIAN) -> str:
    """The key of a base image made here."""
    recipe = keys.of_functions(_bootstrap, _trust)
    return keys.of_texts(suite, *_options(suite), *METADATA, recipe, keys.of_files(EXTRA_CAS))


def sources(suite: str) -> list[str]:
    """A suite's sources.list lines: Debian's archives hold every suite under the same addresses."""
    return [line.replace(f" {versions.DEBIAN}", f" {suite}") for line in apt.sources()]


def _make(suite: str, registry: Registry, log: Log) -> None:
    if not registry.pull(public(suite), log):
        _bootstrap(suite, log)


def _bootstrap(suite: str, log: Log) -> None:
    apt.install("mmdebstrap", log=log)
    tar = fresh_scratch(f"base image {suite}") / "root.tar"
    hooks = [f"--customize-hook={hook}" for hook in _trust()]
    run("mmdebstrap", *_options(suite), *hooks, suite, tar, *sources(suite), log=log)
    changes = [f"--change={change}" for change in (*METADATA, f"LABEL {docker.KEY_LABEL}={key(suite)}")]
    run("docker", "import", *changes, tar, own(suite), log=log)
    tar.unlink()


def _options(suite: str) -> tuple[str, ...]:
    return *SLIM, *OWN_TO_SUITE.get(suite, ())


def _trust() -> list[str]:
    """mmdebstrap's hooks that bring the machine's extra CAs into the image's system store."""
    certificates = sorted(str(path) for path in EXTRA_CAS.rglob("*.crt"))
    if not certificates:
        return []
    return [
        f'mkdir -p "$1{EXTRA_CAS}"',
        f"copy-in {shlex.join(certificates)} {EXTRA_CAS}",
        'chroot "$1" update-ca-certificates',
    ]
