"""The Debian base image: the registry's, else one made from Debian's packages."""

import shlex
from pathlib import Path

from harness import apt, docker, keys, versions
from harness.docker import Registry
from harness.shell import Log, run
from harness.step import Report, Step, fresh_scratch

PUBLIC = f"debian:{versions.DEBIAN}-slim"
OWN = f"mailstack/debian:{versions.DEBIAN}-slim"
#: CAs that an administrator added to this machine: what is built behind such a CA must trust it too.
EXTRA_CAS = Path("/usr/local/share/ca-certificates")
SLIM = (
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)
METADATA = ('CMD ["/bin/bash"]', "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def ensure(report: Report, registry: Registry) -> str:
    """After this, the base image is there; answers its name. Raises HarnessError."""
    report.run(Step("base image", lambda: present() is not None, lambda log: _make(registry, log)))
    return present() or OWN


def present() -> str | None:
    """The name of the base image that is there, the registry's first; None when there is none."""
    if docker.image_id(PUBLIC):
        return PUBLIC
    return OWN if docker.key(OWN) == key() else None


def key() -> str:
    """The key of a base image made here."""
    recipe = keys.of_functions(_bootstrap, _trust)
    return keys.of_texts(versions.DEBIAN, *SLIM, *METADATA, recipe, keys.of_files(EXTRA_CAS))


def _make(registry: Registry, log: Log) -> None:
    if not registry.pull(PUBLIC, log):
        _bootstrap(log)


def _bootstrap(log: Log) -> None:
    apt.install("mmdebstrap", log=log)
    tar = fresh_scratch("base image") / "root.tar"
    hooks = [f"--customize-hook={hook}" for hook in _trust()]
    packages = ("--variant=apt", "--include=ca-certificates")
    run("mmdebstrap", *packages, *SLIM, *hooks, versions.DEBIAN, tar, *apt.sources(), log=log)
    changes = [f"--change={change}" for change in (*METADATA, f"LABEL {docker.KEY_LABEL}={key()}")]
    run("docker", "import", *changes, tar, OWN, log=log)
    tar.unlink()


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
