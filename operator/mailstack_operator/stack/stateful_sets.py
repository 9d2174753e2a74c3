"""A StatefulSet for each kind of pod, and the claims of its pods."""

from collections.abc import Sequence

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, digest
from mailstack_operator.stack import containers, object_meta, placement
from mailstack_operator.stack.component import Claim, assemble
from mailstack_operator.stack.pods import Pod
from mailstack_operator.stack.topology import Topology


def build(topology: Topology, pod: Pod, read: Sequence[Json]) -> Object:
    """`read` is what the pods read at their start and never again. The digest of that and of what they are is an
    annotation of theirs: they roll when it changes, and know by it which files are for them."""
    stack = topology.stack.key.name
    name = names.stateful_set(stack, pod.server.name)
    templates: list[Json] = [_template(claim) for component in pod.components for claim in component.claims]
    labels: dict[str, Json] = {**names.pod_labels(stack, pod.server.name)}
    wanted = topology.spec
    spec: Object = {
        **assemble(stack, pod.components, wanted.helpers.resources),
        **placement.of_pod(wanted.placement, labels),
        **containers.pull_secrets(topology.spec_pull_secrets),
    }
    annotations: Object = {**wanted.pod_annotations, names.ANNOTATION_CONFIG_DIGEST: digest([*read, spec])}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": object_meta.child(topology.stack, name),
        "spec": {
            "serviceName": name,
            # OrderedReady would wait for ever for a broken pod, even when its fix is already wanted.
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**wanted.pod_labels, **labels}, "annotations": annotations},
                "spec": spec,
            },
            "replicas": pod.server.replicas,
            **({"volumeClaimTemplates": templates} if templates else {}),
        },
    }


def claims(topology: Topology, pod: Pod) -> list[Object]:
    """The claims of its pods, as the StatefulSet controller would make them, but marked to be kept.

    The controller uses what is there. It would never mark or grow them: a StatefulSet's templates are immutable.
    """
    stack, server = topology.stack, pod.server
    labels = names.pod_labels(stack.key.name, server.name)
    return [
        object_meta.claim(stack, names.claim(claim.name, stack.key.name, server.name, ordinal), labels, _spec(claim))
        for component in pod.components
        for claim in component.claims
        for ordinal in range(server.replicas)
    ]


def _template(claim: Claim) -> Object:
    return {"metadata": {"name": claim.name}, "spec": _spec(claim)}


def _spec(claim: Claim) -> Object:
    return object_meta.claim_spec(claim.size, claim.storage_class)
