"""The kubectl plugin for krew: an archive for each platform, and the manifest that names them.

The plugin is a Python program, so the archives hold it with what it imports, for each Python that it runs on: `lib` is
the project's own, `site/3.13` what that Python imports. Python itself is the user's.
"""

import hashlib
import re
import shutil
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from harness import paths, shell
from harness.shell import Log
from harness.step import Report, fresh_scratch

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: What the plugin imports, and that imports, in requirements/dev.txt.
PACKAGES = (
    *("annotated-types", "click", "dnspython", "pydantic", "pydantic-core", "pyyaml"),
    *("typing-extensions", "typing-inspection"),
)
_LAUNCHER = f"""\
#!/usr/bin/env python3
import sys
from pathlib import Path

ROOT, VERSION = Path(__file__).resolve().parent, "%d.%d" % sys.version_info[:2]
if not (ROOT / "site" / VERSION).is_dir():
    sys.exit("kubectl mailstack: python3 is Python %s; needed is one of {", ".join(PYTHONS)}" % VERSION)
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "site" / VERSION)]
from mailstack_operator.cli.main import kubectl_plugin

kubectl_plugin()
"""
_DESCRIPTION = """\
Status of a MailStack on one screen, what both servers answer about an address, users, queue, logs, DNS records and
DKIM keys.
"""
_CAVEATS = f"""\
Needs one of Python {", ".join(PYTHONS)} as python3 on PATH, and kubectl; `dkim new` also needs openssl.
"""


@dataclass(frozen=True)
class Platform:
    """A platform as krew names it, and as Python's wheels do."""

    os: str
    arch: str
    wheels: str

    def archive(self, version: str) -> str:
        """The name of its archive."""
        return f"kubectl-mailstack-{version}-{self.os}-{self.arch}.tar.gz"


#: PyYAML has no wheel for macOS on amd64 any more.
PLATFORMS = (
    Platform("linux", "amd64", "manylinux_2_17_x86_64"),
    Platform("linux", "arm64", "manylinux_2_17_aarch64"),
    Platform("darwin", "arm64", "macosx_11_0_arm64"),
)


def write(report: Report, version: str, downloads: str, folder: Path) -> None:
    """The archives, and krew.yaml, into the folder; `downloads` is the URL below which people will get them.

    Raises HarnessError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for platform in PLATFORMS:
        report.do(f"plugin for {platform.os} {platform.arch}", partial(_pack, platform, version, folder))
    digests = {each: hashlib.sha256((folder / each.archive(version)).read_bytes()).hexdigest() for each in PLATFORMS}
    (folder / "krew.yaml").write_text(manifest(version, downloads, digests))


def manifest(version: str, downloads: str, digests: Mapping[Platform, str]) -> str:
    """krew's manifest; the file's name in an index is mailstack.yaml."""
    platforms = [
        {
            "selector": {"matchLabels": {"os": platform.os, "arch": platform.arch}},
            "uri": f"{downloads}/{platform.archive(version)}",
            "sha256": digest,
            "bin": "kubectl-mailstack",
        }
        for platform, digest in digests.items()
    ]
    spec = {
        "version": f"v{version}",
        "homepage": "https://mailstack.example.org",
        "shortDescription": "Shows and checks MailStacks (Postfix and Dovecot)",
        "description": _DESCRIPTION,
        "caveats": _CAVEATS,
        "platforms": platforms,
    }
    kind = {"apiVersion": "krew.googlecontainertools.github.com/v1alpha2", "kind": "Plugin"}
    return yaml.safe_dump({**kind, "metadata": {"name": "mailstack"}, "spec": spec}, sort_keys=False, width=120)


def pins(lock: str, names: Iterable[str] = PACKAGES) -> str:
    """The entries of a requirements file, with their hashes. Raises KeyError for a package that it does not have."""
    entries = re.split(r"\n(?=\S)", lock)
    by_name = {entry.partition("==")[0]: entry for entry in entries}
    return "\n".join(by_name[name] for name in names) + "\n"


def lay_out(folder: Path) -> None:
    """The plugin in a folder, but for what it imports."""
    for name in ("mailstack_operator", "mailstack_probe"):
        source = paths.repository() / "operator" / name
        shutil.copytree(source, folder / "lib" / name, ignore=shutil.ignore_patterns("__pycache__"))
    launcher = folder / "kubectl-mailstack"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    shutil.copy(paths.repository() / "LICENSE", folder)


def _pack(platform: Platform, version: str, folder: Path, log: Log) -> None:
    work = fresh_scratch(f"plugin {platform.os} {platform.arch}")
    requirements = work / "requirements.txt"
    requirements.write_text(pins((paths.repository() / "requirements/dev.txt").read_text()))
    tree = work / "tree"
    tree.mkdir()
    lay_out(tree)
    for python in PYTHONS:
        shell.run(*_install(platform, python, requirements, tree / "site" / python), log=log)
    with tarfile.open(folder / platform.archive(version), "w:gz") as archive:
        archive.add(tree, ".")


def _install(platform: Platform, python: str, requirements: Path, target: Path) -> Sequence[str | Path]:
    wheels = ("--only-binary=:all:", "--no-deps", "--no-compile", "--require-hashes")
    where = (f"--python-version={python}", f"--platform={platform.wheels}", "--implementation=cp", f"--target={target}")
    return (sys.executable, "-m", "pip", "install", "--quiet", *wheels, *where, f"--requirement={requirements}")
