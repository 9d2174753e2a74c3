"""Programs built from Go modules: those of a node, and the tools where PATH has none recent enough."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import apt, keys, paths, shell, versions
from harness.shell import Log
from harness.step import Report, Step, folder_step, holds

BUILD_SECONDS = 3600
#: Debian 13's Go, unpacked where the machine has none; it fetches the newer toolchain that go.mod asks for.
PACKAGES = ("golang-1.24-go", "golang-1.24-src")
#: The first Go that can fetch a newer toolchain.
SWITCHING = (1, 21)


@dataclass(frozen=True)
class Program:
    """A main package, the flags that tell it its version, and the folder of data/ whose go.mod pins it."""

    name: str
    package: str
    stamps: tuple[str, ...] = ()
    module: str = "programs"


def _of_kubernetes(name: str) -> Program:
    version = f"v{versions.KUBERNETES}"
    major, minor, _ = versions.KUBERNETES.split(".")
    values = (f"gitVersion={version}", f"gitMajor={major}", f"gitMinor={minor}", "gitTreeState=clean")
    owners = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = tuple(f"{owner}.{value}" for owner in owners for value in values)
    return Program(name, f"k8s.io/kubernetes/cmd/{name}", stamps)


PROGRAMS = {
    program.name: program
    for program in (
        Program("kind", "sigs.k8s.io/kind"),
        Program("helm", "helm.sh/helm/v4/cmd/helm", (f"helm.sh/helm/v4/internal/version.version=v{versions.HELM}",)),
        _of_kubernetes("kubectl"),
        _of_kubernetes("kubeadm"),
        _of_kubernetes("kubelet"),
        _of_kubernetes("kube-apiserver"),
        _of_kubernetes("kube-controller-manager"),
        _of_kubernetes("kube-scheduler"),
        _of_kubernetes("kube-proxy"),
        Program("etcd", "go.etcd.io/etcd/server/v3"),
        Program("coredns", "./coredns"),
        Program("pause", "./pause"),
        Program("kstatus", ".", module="kstatus"),
    )
}


def source(module: str = "programs") -> Path:
    """The Go module that pins programs and all they are made of. One of its own spares the others a new build."""
    return paths.data() / module


def key(name: str) -> str:
    """The key of a program's inputs."""
    program = PROGRAMS[name]
    return keys.of_texts(keys.of_files(source(program.module)), program.package, *program.stamps)


def path(name: str) -> Path:
    """Where a built program is."""
    return paths.programs() / name / name


def ensure(report: Report, *names: str) -> None:
    """Build programs, those that are not built. Raises HarnessError."""
    if any(not is_built(name) for name in names):
        ensure_go(report)
    for name in names:
        report.run(_step(name))


def ensure_go(report: Report) -> None:
    """After this, there is a Go that can fetch modules and build programs. Raises HarnessError."""
    if not can_build(_version(_go())):
        key = keys.of_texts(versions.DEBIAN, *PACKAGES)
        report.run(folder_step("go packages", paths.cache() / "go", key, _unpack_go))


def is_built(name: str) -> bool:
    """Whether the cache holds the program of this key."""
    return holds(path(name).parent, key(name))


def module_folder(module: str, log: Log, pins: Path | None = None) -> Path:
    """The unpacked source of a module that the go.mod in `pins`, or that of the programs, pins. Raises CommandError."""
    place = pins or source()
    shell.run(_go(), "mod", "download", module, cwd=place, variables=_variables(), log=log)
    listing = ("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
    return Path(shell.demand(_go(), *listing, cwd=place, variables=_variables()))


def _step(name: str) -> Step:
    def fill(folder: Path, log: Log) -> None:
        flags = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in PROGRAMS[name].stamps)])
        shell.run(
            *(_go(), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags),
            *("-o", folder / name, PROGRAMS[name].package),
            log=log,
            timeout=BUILD_SECONDS,
            cwd=source(PROGRAMS[name].module),
            variables=_variables(),
        )

    return folder_step(f"program {name}", path(name).parent, key(name), fill)


def _variables() -> dict[str, str]:
    """Static binaries, whatever the user's Go settings; an old toolchain fetches the one that go.mod asks for."""
    recent = _version(_go()) >= _numbers(versions.GO)
    return {"CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local" if recent else f"go{versions.GO}"}


def _go() -> Path:
    """The machine's Go if it will do, else the unpacked one."""
    found = shutil.which("go")
    if found and can_build(_version(Path(found))):
        return Path(found)
    return paths.cache() / "go" / "usr/lib/go-1.24/bin/go"


def can_build(version: tuple[int, ...]) -> bool:
    """Whether a Go of this version can build the programs, if need be by a newer toolchain that it fetches."""
    return version >= SWITCHING


def _unpack_go(folder: Path, log: Log) -> None:
    apt.demand_root_on_debian("Go is missing or too old", f"install Go {versions.GO} or newer and put it on PATH")
    apt.unpack(*PACKAGES, folder=folder, log=log)


def _version(go: Path) -> tuple[int, ...]:
    """The toolchain's own version, as `GOTOOLCHAIN=local` has it; empty if it does not answer."""
    said = shell.ask(go, "env", "GOVERSION", cwd=Path(os.sep), variables={"GOTOOLCHAIN": "local"})
    return _numbers(said or "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
