"""The Debian base image: the registry's, else one made from Debian's packages."""

import inspect
from pathlib import Path

from harness import apt, docker, keys, versions
from harness.docker import Pull, Registry
from harness.shell import Log, run
from harness.step import Report, Step, fresh_scratch

PUBLIC = f"debian:{versions.DEBIAN}-slim"
OWN = f"mailstack/debian:{versions.DEBIAN}-slim"
#: CAs that an administrator added to this machine: a build behind such a CA must trust it too.
EXTRA_CAS = Path("/usr/local/share/ca-certificates")
SLIM = (
    "--aptopt=APT::Install-Recommends \"false\"",
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
    return keys.of_texts(versions.DEBIAN, *SLIM, *METADATA, inspect.getsource(_bootstrap), keys.of_files(EXTRA_CAS))


def _make(registry: Registry, log: Log) -> None:
    if registry.pull(PUBLIC, log) is not Pull.DONE:
        _bootstrap(log)


def _bootstrap(log: Log) -> None:
    apt.install("mmdebstrap", log=log)
    tar = fresh_scratch("base image") / "root.tar"
    trust = (
        'mkdir -p "$1/usr/local/share/ca-certificates"',
        f'find {EXTRA_CAS} -name "*.crt" -exec cp "{{}}" "$1/usr/local/share/ca-certificates/" ";"',
        'chroot "$1" update-ca-certificates',
    )
    hooks = [f"--customize-hook={hook}" for hook in trust]
    run(
        *("mmdebstrap", "--variant=apt", "--include=ca-certificates", *SLIM, *hooks, versions.DEBIAN, tar),
        *apt.sources(),
        log=log,
    )
    changes = [word for change in (*METADATA, f"LABEL {docker.KEY_LABEL}={key()}") for word in ("--change", change)]
    run("docker", "import", *changes, tar, OWN, log=log)
    tar.unlink()
