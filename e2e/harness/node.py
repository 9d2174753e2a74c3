"""The node's image: kind's own from the registry, else one built from Debian's packages and Go modules."""

import re
import shutil
from pathlib import Path

from harness import base, docker, golang, keys, paths, shell, versions
from harness.docker import Recipe, Registry
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step, fresh_scratch

PUBLIC = f"kindest/node:v{versions.KUBERNETES}"
OWN = f"mailstack/node:v{versions.KUBERNETES}"
#: Programs that run on the node itself; the rest of the control plane runs in containers.
ON_NODE = ("kubeadm", "kubelet", "kubectl")
IN_CONTAINERS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
    *("etcd", "coredns", "pause"),
)
#: kubeadm gives these arguments only, so their images must name the program; the others are called by name.
ENTRYPOINTS = ("coredns", "pause")
#: The versions of go.mod that must be those of the images that kubeadm demands.
COMPANIONS = {"etcd": versions.ETCD, "coredns": versions.COREDNS}


def ensure(report: Report, registry: Registry) -> str:
    """After this, the node's image is there; answers its name. Raises HarnessError."""
    if docker.image_id(PUBLIC):
        report.note(f"node image ({PUBLIC})", "found")
        return PUBLIC
    if _is_built():
        report.note("node image", "cached")
        return OWN
    if report.attempt("node image of a registry", lambda log: registry.pull(PUBLIC, log)):
        return PUBLIC
    base_image = base.ensure(report, registry)
    golang.ensure(report, *ON_NODE, *IN_CONTAINERS)
    report.run(Step("node image", _is_built, lambda log: _build(base_image, log)))
    return OWN


def key() -> str:
    """The key of a node image built here."""
    programs = (golang.key(name) for name in (*ON_NODE, *IN_CONTAINERS))
    recipe = keys.of_functions(_build, _copy_node_files, adapt_containerd, _copy_programs, _component, bare_dockerfile)
    return keys.of_texts(*programs, base.key(), recipe, keys.of_files(paths.data() / "node"))


def _is_built() -> bool:
    return docker.key(OWN) == key()


def _build(base_image: str, log: Log) -> None:
    context = fresh_scratch("node image")
    images = demanded_images(_listing())
    _copy_node_files(context / "files", images["pause"], log)
    _copy_programs(context / "bin")
    _save_components(context / "images", images, base_image, log)
    arguments = {"BASE_IMAGE": base_image, "KUBERNETES_VERSION": versions.KUBERNETES}
    docker.build(OWN, Recipe(context, paths.data() / "node" / "Dockerfile", arguments), key(), log)
    docker.prune(log)
    shutil.rmtree(context)


def _listing() -> str:
    release = f"--kubernetes-version=v{versions.KUBERNETES}"
    return shell.demand(golang.path("kubeadm"), "config", "images", "list", release)


def demanded_images(listing: str) -> dict[str, str]:
    """The images that kubeadm demands, by program. Raises HarnessError when they are not those that go.mod pins."""
    images = {image.rpartition("/")[2].partition(":")[0]: image for image in listing.split()}
    if set(images) != set(IN_CONTAINERS):
        raise HarnessError(f"kubeadm demands {sorted(images)}, not {sorted(IN_CONTAINERS)}: change node.IN_CONTAINERS")
    for name, version in COMPANIONS.items():
        tag = images[name].rpartition(":")[2].removeprefix("v")
        if tag.partition("-")[0] != version:
            raise HarnessError(f"kubeadm demands {images[name]}, not {version}: change versions.py and go.mod")
    return images


def _copy_node_files(files: Path, pause_image: str, log: Log) -> None:
    """kind's static files, out of the Go module that its program is built from, and the pods' network."""
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


def _save_components(folder: Path, images: dict[str, str], base_image: str, log: Log) -> None:
    """The images of what runs in containers, as archives; the engine itself does not keep them."""
    folder.mkdir()
    for name, image in images.items():
        docker.build(image, _component(name, base_image), key(), log)
        shell.run("docker", "save", f"--output={folder / name}.tar", image, log=log)
    shell.run("docker", "image", "rm", *images.values(), log=log)


def _component(name: str, base_image: str) -> Recipe:
    context = golang.path(name).parent
    with_packages = paths.data() / "node" / f"{name}.Dockerfile"
    if with_packages.exists():
        return Recipe(context, with_packages, {"BASE_IMAGE": base_image})
    return Recipe(context, bare_dockerfile(name))


def bare_dockerfile(name: str) -> str:
    """An image of one static program; PATH must be set because kubeadm's manifests call it by name."""
    call = f'ENTRYPOINT ["{name}"]\n' if name in ENTRYPOINTS else ""
    return f"FROM scratch\nCOPY {name} /usr/local/bin/\nENV PATH=/usr/local/bin\n{call}"
