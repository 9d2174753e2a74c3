"""The node's image: kind's own from the registry, else one built from Debian's packages and Go modules."""

import re
import shutil
from pathlib import Path

from harness import base, docker, golang, keys, paths, shell, versions
from harness.docker import Pull, Registry
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, fresh_scratch

PUBLIC = f"kindest/node:v{versions.KUBERNETES}"
OWN = f"mailstack/node:v{versions.KUBERNETES}"
#: Programs that run on the node itself; the rest of the control plane runs in containers.
ON_NODE = ("kubeadm", "kubelet", "kubectl")
IN_CONTAINERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "coredns", "pause")
#: kubeadm gives these arguments only, so their images must name the program; the others are called by name.
ENTRYPOINTS = ("coredns", "pause")
#: The versions of go.mod that must be those of the images that kubeadm demands.
COMPANIONS = {"etcd": versions.ETCD, "coredns": versions.COREDNS}


def ensure(report: Report, registry: Registry) -> str:
    """After this, the node's image is there; answers its name. Raises HarnessError."""
    if present() is None and not _pulled(report, registry):
        base_image = base.ensure(report, registry)
        golang.ensure(report, *ON_NODE, *IN_CONTAINERS)
        report.run(Step("node image", lambda: False, lambda log: _build(base_image, log)))
    else:
        report.run(Step("node image", lambda: True, lambda log: None))
    return present() or OWN


def present() -> str | None:
    """The name of the node image that is there, kind's own first; None when there is none."""
    if docker.image_id(PUBLIC):
        return PUBLIC
    return OWN if docker.key(OWN) == key() else None


def key() -> str:
    """The key of a node image built here."""
    programs = (golang.key(name) for name in (*ON_NODE, *IN_CONTAINERS))
    return keys.of_texts(*programs, base.key(), keys.of_files(paths.data() / "node", Path(__file__)))


def _pulled(report: Report, registry: Registry) -> bool:
    """Try the registry once."""
    outcome: list[Pull] = []
    report.run(Step("node image of the registry", lambda: False, lambda log: outcome.append(registry.pull(PUBLIC, log))))
    return outcome == [Pull.DONE]


def _build(base_image: str, log: Log) -> None:
    context = fresh_scratch("node image")
    images = demanded_images(shell.demand(golang.path("kubeadm"), "config", "images", "list", f"--kubernetes-version=v{versions.KUBERNETES}"))
    _copy_node_files(context / "files", images["pause"], log)
    _copy_programs(context / "bin")
    (context / "images").mkdir()
    for name, image in images.items():
        _build_component(name, image, base_image, log)
        shell.run("docker", "save", "--output", context / "images" / f"{name}.tar", image, log=log)
    arguments = {"BASE_IMAGE": base_image, "KUBERNETES_VERSION": versions.KUBERNETES}
    dockerfile = paths.data() / "node" / "Dockerfile"
    docker.build(OWN, context=context, dockerfile=dockerfile, key=key(), log=log, arguments=arguments)
    shell.run("docker", "image", "rm", *images.values(), log=log)
    docker.prune(log)
    shutil.rmtree(context)


def demanded_images(listing: str) -> dict[str, str]:
    """The images that kubeadm demands, by program. Raises HarnessError when they are not those that go.mod pins."""
    images = {line.rpartition("/")[2].partition(":")[0]: line for line in listing.split()}
    if set(images) != set(IN_CONTAINERS):
        raise HarnessError(f"kubeadm demands {sorted(images)}, the node has {sorted(IN_CONTAINERS)}: adapt node.IN_CONTAINERS")
    for name, version in COMPANIONS.items():
        tag = images[name].rpartition(":")[2].removeprefix("v")
        if tag.partition("-")[0] != version:
            raise HarnessError(f"kubeadm demands {images[name]}, go.mod pins {version}: change versions.py and data/programs/go.mod")
    return images


def _copy_node_files(files: Path, pause_image: str, log: Log) -> None:
    """kind's own static files, out of its Go module, of the same version as the kind program; and the pods' network."""
    shutil.copytree(golang.module_folder("sigs.k8s.io/kind", log) / "images/base/files", files)
    for path in (files, *files.rglob("*")):  # a module's files are read-only
        path.chmod(path.stat().st_mode | 0o200)
    containerd = files / "etc/containerd/config.toml"
    containerd.write_text(adapt_containerd(containerd.read_text(), pause_image))
    network = files / "etc/cni/net.d"
    network.mkdir(parents=True)
    shutil.copy(paths.data() / "node" / "10-pods.conflist", network)
    (files / "kind/manifests").mkdir()


def adapt_containerd(configuration: str, pause_image: str) -> str:
    """kind's containerd configuration, for a machine without CAP_SYS_RESOURCE and with kubeadm's pause image."""
    pinned = re.sub(r'sandbox_image = ".*"', f'sandbox_image = "{pause_image}"', configuration)
    return pinned.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")


def _copy_programs(folder: Path) -> None:
    folder.mkdir()
    for name in ON_NODE:
        shutil.copy(golang.path(name), folder)


def _build_component(name: str, image: str, base_image: str, log: Log) -> None:
    with_packages = paths.data() / "node" / f"{name}.Dockerfile"
    dockerfile = with_packages if with_packages.exists() else bare_dockerfile(name)
    arguments = {"BASE_IMAGE": base_image} if with_packages.exists() else {}
    context = golang.path(name).parent
    docker.build(image, context=context, dockerfile=dockerfile, key=key(), log=log, arguments=arguments)


def bare_dockerfile(name: str) -> str:
    """An image of one static program; PATH must be set because kubeadm's manifests call it by name."""
    call = f'ENTRYPOINT ["{name}"]\n' if name in ENTRYPOINTS else ""
    return f"FROM scratch\nCOPY {name} /usr/local/bin/\nENV PATH=/usr/local/bin\n{call}"
