"""Debian packages: installed on the machine, or of Debian 13 and unpacked into a folder of the cache."""

import os
import platform
from pathlib import Path

from harness import paths, shell, versions
from harness.errors import HarnessError
from harness.shell import Log

#: Debian releases whose packages of the machine and of Debian 13 were seen to work together.
SUPPORTED = ("bookworm", "trixie")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def demand_root_on_debian(purpose: str, otherwise: str) -> None:
    """Raise HarnessError unless packages may be installed here; `otherwise` says what a person can do instead."""
    if os.geteuid() != 0 or _codename() not in SUPPORTED:
        raise HarnessError(f"{purpose}: only root on Debian 12 or 13 can have it installed here; {otherwise}")


def install(*packages: str, log: Log) -> None:
    """Install packages of the machine's own release, those that are missing."""
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    demand_root_on_debian(f"packages {' '.join(missing)} are missing", f"install them: {' '.join(missing)}")
    noninteractive = {"DEBIAN_FRONTEND": "noninteractive"}
    shell.run("apt-get", "update", log=log)
    shell.run("apt-get", "install", "-y", "--no-install-recommends", *missing, log=log, variables=noninteractive)


def unpack(*packages: str, folder: Path, log: Log) -> None:
    """Unpack packages of Debian 13 into a folder, without their dependencies; the machine's own suites stay."""
    configuration = {"APT_CONFIG": str(_private_root())}
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    shell.run("apt-get", "update", log=log, variables=configuration)
    shell.run("apt-get", "download", *packages, log=log, variables=configuration, cwd=downloads)
    for package in sorted(downloads.glob("*.deb")):
        shell.run("dpkg", "-x", package, folder, log=log)
        package.unlink()
    downloads.rmdir()


def sources() -> list[str]:
    """Debian 13's sources.list lines, from the mirrors that this machine uses. Raises HarnessError when it has none."""
    targets = shell.ask(
        "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"
    )
    lines = lines_of(targets or "", _codename())
    if not lines:
        raise HarnessError("apt knows no Debian mirror: name one in /etc/apt/sources.list.d/debian.sources")
    return lines


def lines_of(targets: str, codename: str) -> list[str]:
    """The lines of Debian 13 for apt's index targets `URI RELEASE COMPONENT` of the machine's own release.

    Only Debian's own archives count: other repositories may hold no packages for another release.
    """
    found = (target.split() for target in targets.splitlines())
    archives = {
        (uri, release.replace(codename, versions.DEBIAN))
        for uri, release, component in found
        if component == "main"
        and uri.rstrip("/").rpartition("/")[2] in ("debian", "debian-security")
        and release in (codename, f"{codename}-updates", f"{codename}-security")
    }
    return [f"deb [signed-by={KEYRING}] {uri} {release} main" for uri, release in sorted(archives)]


def _private_root() -> Path:
    """An apt configuration that sees Debian 13 only and keeps its lists and packages in the cache."""
    root = paths.cache() / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "sources.list").write_text("\n".join(sources()) + "\n")
    configuration = root / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{root}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{root}/lists";\nDir::Cache "{root}/cache";\n'
    )
    return configuration


def _codename() -> str:
    """The machine's release, for example `bookworm`; empty where it is not Debian."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return release.get("VERSION_CODENAME", "") if release.get("ID") == "debian" else ""


def _is_installed(package: str) -> bool:
    return shell.ask("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package) == "ii "
