"""The objects of a MailStack. Pure: a topology in, manifests out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import HelperImage, ref_of
from mailstack_operator.kube.objects import Json, Object, digest, entries, section, text
from mailstack_operator.stack import containers, object_meta, pods, rbac, rehearsal_pod, services, stateful_sets
from mailstack_operator.stack.component import Component, config_name
from mailstack_operator.stack.pods import SERVERS, Builder, Pod
from mailstack_operator.stack.topology import Topology


@dataclass(frozen=True)
class Rendered:
    """The objects of a MailStack, with the image of the pods' helpers left open, and the digest of their configuration.

    The digest is of all that the pods are and read at their start; it is an annotation of the StatefulSets that may run
    it. The image of the helpers does not count: an upgrade of the operator is no event for the mail.
    """

    objects: list[Object]
    config_digest: str

    def children(self, image: HelperImage, kept: Mapping[str, HelperImage] | None = None) -> list[Object]:
        """Every object, complete and in no order that matters, with this image of the helpers; `kept` are other images,
        by the name of the StatefulSet whose pods run them."""
        found = {ref_of(each).name: each for each in self.objects if _has_pods(each)}
        complete = {name: self._complete(each, (kept or {}).get(name, image)) for name, each in found.items()}
        return [complete[ref_of(each).name] if _has_pods(each) else each for each in self.objects]

    def _complete(self, stateful_set: Object, image: HelperImage) -> Object:
        annotations: Object = {names.ANNOTATION_CONFIG_DIGEST: self.config_digest, **image.to_annotations()}
        return _with_helpers(stateful_set, image, annotations)


def render(topology: Topology, builders: Sequence[Builder] = SERVERS) -> Rendered:
    """The objects that the MailStack wants."""
    found = _children(replace(topology, operator_image=""), builders)
    configs: list[Json] = [child["data"] for child in found if child["kind"] == "ConfigMap"]
    templates: list[Json] = [dict(section(child, "spec", "template")) for child in found if _has_pods(child)]
    return Rendered(found, digest([configs, templates]))


def children(topology: Topology, builders: Sequence[Builder] = SERVERS) -> list[Object]:
    """Every object that the MailStack wants, with the topology's image of the helpers."""
    return render(topology, builders).children(topology.helper_image)


def _has_pods(child: Object) -> bool:
    return child["kind"] == "StatefulSet"


def _with_helpers(child: Object, image: HelperImage, annotations: Object) -> Object:
    """The StatefulSet with this image of the helpers, and these annotations."""
    template = section(child, "spec", "template")
    pod: Object = {**section(template, "spec")}
    for kind in ("initContainers", "containers"):
        found = entries(pod, kind)
        pod |= {kind: [{**each, "image": each["image"] or image.reference} for each in found]} if found else {}
    pod |= containers.pull_secrets(
        [*(text(each, "name") for each in entries(pod, "imagePullSecrets")), *image.pull_secrets]
    )
    spec: Object = {**section(child, "spec"), "template": {**template, "spec": pod}}
    return {**child, "metadata": {**section(child, "metadata"), "annotations": annotations}, "spec": spec}


def rehearsal_config(topology: Topology, builders: Sequence[Builder] = SERVERS) -> list[Object]:
    """The ConfigMaps with which a change is tried, while the running pods keep theirs."""
    stem = names.rehearsal(topology.stack.key.name)
    return [*_config_maps(topology, stem, pods.servers(topology.on_loopback(), builders)).values()]


def rehearsal(topology: Topology, config_digest: str, builders: Sequence[Builder] = SERVERS) -> Object:
    """The pod in which a change is tried."""
    plan = topology.on_loopback()
    return rehearsal_pod.build(plan, pods.servers(plan, builders), config_digest)


def _children(topology: Topology, builders: Sequence[Builder]) -> list[Object]:
    servers = pods.servers(topology, builders)
    wanted = pods.pods(topology, servers)
    configs = _config_maps(topology, topology.stack.key.name, servers)
    return [
        *configs.values(),
        services.mail(topology, servers),
        *(child for server in servers for child in server.objects),
        rbac.service_account(topology),
        rbac.role(topology),
        rbac.role_binding(topology),
        *services.links(topology),
        *services.outgoing(topology),
        # Before the StatefulSets, whose controller would make them unmarked.
        *(claim for pod in wanted for claim in stateful_sets.claims(topology, pod)),
        *(_stateful_set(topology, pod, configs) for pod in wanted),
    ]


def _stateful_set(topology: Topology, pod: Pod, configs: dict[str, Object]) -> Object:
    read = [configs[component.name]["data"] for component in pod.components if component.name in configs]
    return stateful_sets.build(topology, pod, digest(read))


def _config_maps(topology: Topology, stem: str, components: Sequence[Component]) -> dict[str, Object]:
    """The ConfigMaps of the components that have files, by the name of the component."""
    return {each.name: _config_map(topology, config_name(stem, each), each) for each in components if each.files}


def _config_map(topology: Topology, name: str, component: Component) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_meta.child(topology.stack, name),
        "data": {file: render() for file, render in component.files.items()},
    }
