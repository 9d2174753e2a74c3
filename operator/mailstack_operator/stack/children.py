"""The objects of a MailStack. Pure: a topology in, manifests out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import HelperImage, ref_of
from mailstack_operator.kube.objects import Json, Object, digest, entries, section, text
from mailstack_operator.stack import (
    containers,
    disruption,
    exposure,
    network_policies,
    object_meta,
    pods,
    rbac,
    rehearsal_pod,
    services,
    stateful_sets,
)
from mailstack_operator.stack.component import Component, config_name
from mailstack_operator.stack.pods import SERVERS, Builder, Pod
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import CONFIG_DIGEST, CONFIG_POD


@dataclass(frozen=True)
class Rendered:
    """The objects of a MailStack, with the image of the pods' helpers left open, and the digest of their configuration.

    The digest is of all that the pods are and read at their start; it is an annotation of the StatefulSets that may run
    it. The image of the helpers does not count: an upgrade of the operator is no event for the mail. `files_digest` is
    that of the files that running pods take over, which their probes report.
    """

    objects: list[Object]
    config_digest: str
    files_digest: str

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
    files = (text(section(child, "data"), CONFIG_DIGEST).strip() for child in found if child["kind"] == "ConfigMap")
    return Rendered(found, digest([configs, templates]), next(filter(None, files), ""))


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
    stem, servers = names.rehearsal(topology.stack.key.name), pods.servers(topology.on_loopback(), builders)
    found = _config_maps(topology, stem, servers)
    # For no pod: that of the rehearsal starts with them.
    return [*(found | {each.name: _followed(found[each.name], "") for each in servers if each.restarts_for}).values()]


def rehearsal(topology: Topology, config_digest: str, builders: Sequence[Builder] = SERVERS) -> Object:
    """The pod in which a change is tried."""
    plan = topology.on_loopback()
    return rehearsal_pod.build(plan, pods.servers(plan, builders), config_digest)


def _children(topology: Topology, builders: Sequence[Builder]) -> list[Object]:
    servers = pods.servers(topology, builders)
    wanted = pods.pods(topology, servers)
    configs = _config_maps(topology, topology.stack.key.name, servers)
    sets = [_stateful_set(topology, pod, configs) for pod in wanted]
    for pod, stateful_set in zip(wanted, sets, strict=True):
        for each in (each for each in pod.components if each.restarts_for):
            configs[each.name] = _followed(configs[each.name], _pod_digest(stateful_set))
    return [
        *configs.values(),
        services.mail(topology, servers),
        *disruption.budgets(topology, wanted),
        *network_policies.policies(topology, wanted),
        *exposure.services(topology, (port for server in servers for port in server.ports)),
        *(child for server in servers for child in server.objects),
        rbac.service_account(topology),
        rbac.role(topology),
        rbac.role_binding(topology),
        *services.links(topology),
        *services.outgoing(topology),
        # Before the StatefulSets, whose controller would make them unmarked.
        *(claim for pod in wanted for claim in stateful_sets.claims(topology, pod)),
        *sets,
    ]


def _stateful_set(topology: Topology, pod: Pod, configs: Mapping[str, Object]) -> Object:
    read = [_read_at_start(each, configs[each.name]) for each in pod.components if each.name in configs]
    return stateful_sets.build(topology, pod, read)


def _read_at_start(component: Component, config: Object) -> Json:
    return {**component.restarts_for()} if component.restarts_for else config["data"]


def _pod_digest(stateful_set: Object) -> str:
    return text(section(stateful_set, "spec", "template", "metadata", "annotations"), names.ANNOTATION_CONFIG_DIGEST)


def _followed(config: Object, pod: str) -> Object:
    """A ConfigMap that running pods follow: for which pods it is, and the digest of all of it."""
    data: Object = {**section(config, "data"), CONFIG_POD: f"{pod}\n"}
    return {**config, "data": {**data, CONFIG_DIGEST: f"{digest(data)}\n"}}


def _config_maps(topology: Topology, stem: str, components: Sequence[Component]) -> dict[str, Object]:
    """The ConfigMaps of the components that have files, by the name of the component."""
    return {each.name: _config_map(topology, config_name(stem, each.name), each) for each in components if each.files}


def _config_map(topology: Topology, name: str, component: Component) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_meta.child(topology.stack, name),
        "data": {file: render() for file, render in component.files.items()},
    }
