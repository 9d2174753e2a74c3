"""A StatefulSet for each kind of pod."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.component import Claim, assemble
from mailstack_operator.stack.pods import Pod
from mailstack_operator.stack.topology import Topology


def build(topology: Topology, pod: Pod, config_digest: str) -> Object:
    """`config_digest` is an annotation of the pods: they roll when what they read at their start changes."""
    stack = topology.stack.key.name
    name = names.stateful_set(stack, pod.server.name)
    claims: list[Json] = [_claim(claim) for component in pod.components for claim in component.claims]
    labels: dict[str, Json] = {**names.pod_labels(stack, pod.server.name)}
    annotations: Object = {names.ANNOTATION_CONFIG_DIGEST: config_digest}
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
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": assemble(stack, pod.components),
            },
            "replicas": pod.server.replicas,
            **({"volumeClaimTemplates": claims} if claims else {}),
        },
    }


def _claim(claim: Claim) -> Object:
    return {"metadata": {"name": claim.name}, "spec": object_meta.claim(claim.size, claim.storage_class)}
