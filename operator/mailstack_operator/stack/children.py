"""The objects of a MailStack. Pure: a topology in, manifests out."""

from collections.abc import Sequence
from dataclasses import replace

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, digest, section
from mailstack_operator.stack import object_meta, pods, rbac, rehearsal_pod, services, stateful_sets
from mailstack_operator.stack.component import Component, config_name
from mailstack_operator.stack.pods import SERVERS, Builder, Pod
from mailstack_operator.stack.topology import Topology


def children(topology: Topology, known_digest: str = "", builders: Sequence[Builder] = SERVERS) -> list[Object]:
    """Every child object that the MailStack wants, complete and in no order that matters.

    `known_digest` is its config_digest, if it was taken already.
    """
    annotations: Object = {
        names.ANNOTATION_CONFIG_DIGEST: known_digest or config_digest(topology, builders),
        names.ANNOTATION_OPERATOR_IMAGE: topology.operator_image,
    }
    found = _children(topology, builders)
    return [_annotated(child, annotations) if child["kind"] == "StatefulSet" else child for child in found]


def config_digest(topology: Topology, builders: Sequence[Builder] = SERVERS) -> str:
    """A digest of all that the pods are and read at their start; an annotation of the StatefulSets that may run it.

    The image of the pods' helpers does not count: an upgrade of the operator is no event for the mail.
    """
    found = _children(replace(topology, operator_image=""), builders)
    configs: list[Json] = [child["data"] for child in found if child["kind"] == "ConfigMap"]
    templates: list[Json] = [
        dict(section(child, "spec", "template")) for child in found if child["kind"] == "StatefulSet"
    ]
    return digest([configs, templates])


def rehearsal_config(topology: Topology, builders: Sequence[Builder] = SERVERS) -> list[Object]:
    """The ConfigMaps with which a change is tried, while the running pods keep theirs."""
    stem = names.rehearsal(topology.stack.key.name)
    return [*_config_maps(topology, stem, pods.servers(topology.on_loopback(), builders)).values()]


def rehearsal(topology: Topology, config_digest: str, builders: Sequence[Builder] = SERVERS) -> Object:
    """The pod in which a change is tried."""
    plan = topology.on_loopback()
    return rehearsal_pod.build(plan, pods.servers(plan, builders), config_digest)


def _annotated(child: Object, annotations: Object) -> Object:
    return {**child, "metadata": {**section(child, "metadata"), "annotations": annotations}}


def _children(topology: Topology, builders: Sequence[Builder]) -> list[Object]:
    servers = pods.servers(topology, builders)
    configs = _config_maps(topology, topology.stack.key.name, servers)
    return [
        *configs.values(),
        services.mail(topology, servers),
        *(child for server in servers for child in server.objects),
        rbac.service_account(topology),
        rbac.role(topology),
        rbac.role_binding(topology),
        *services.links(topology),
        *(_stateful_set(topology, pod, configs) for pod in pods.pods(topology, servers)),
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
