"""The StatefulSets: Postfix's, in whose pods Dovecot stands too with a listener of type Unix, and Dovecot's own."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import object_meta, pods, volumes
from mailstack_operator.stack.topology import Topology


def postfix(topology: Topology, config_digest: str) -> Object:
    """Its name and claims are the same with both types of listener, so that the queue stays with a change of it.

    `config_digest` stands on the pods: they roll when what they read at their start changes.
    """
    pod = pods.both(topology) if topology.is_one_pod else pods.postfix(topology)
    return {
        **_stateful_set(topology, topology.stack.key.name),
        "spec": {
            **_spec(topology, "postfix", config_digest, pod),
            "replicas": topology.spec.postfix.replicas,
            "volumeClaimTemplates": volumes.claims(topology),
        },
    }


def dovecot(topology: Topology, config_digest: str) -> Object:
    pod = pods.dovecot(topology)
    return {
        **_stateful_set(topology, names.dovecot(topology.stack.key.name)),
        "spec": {**_spec(topology, "dovecot", config_digest, pod), "replicas": 1},
    }


def _stateful_set(topology: Topology, name: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": object_meta.child(topology.stack, name)}


def _spec(topology: Topology, component: str, config_digest: str, pod: Object) -> Object:
    stack = topology.stack.key.name
    labels: dict[str, Json] = {**names.pod_labels(stack, component)}
    annotations: Object = {names.ANNOTATION_CONFIG_DIGEST: config_digest}
    return {
        "serviceName": stack if component == "postfix" else names.dovecot(stack),
        # OrderedReady would wait for ever for a broken pod, even when its fix is already wanted.
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
    }
