"""The StatefulSet of the mail pod: Postfix, with Dovecot as a native sidecar.

The order of the pod: `spool` prepares Postfix's folders and notes its ids, `names` prepares Dovecot's
account files with them, Dovecot starts and listens, Postfix starts. At the end Postfix drains what is in
delivery while Dovecot is still there.
"""

from mailstack_operator import names
from mailstack_operator.desired import containers, metadata, volumes
from mailstack_operator.objects import Json, Object
from mailstack_operator.topology import Topology

# Longer than Postfix's drain and both servers' own stop.
TERMINATION_GRACE_SECONDS = 45


def mail(topology: Topology, config_digest: str) -> Object:
    """`config_digest` stands on the pods: they roll when their configuration changes."""
    key = topology.stack.key
    labels: Object = {**names.labels(key.name)}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata.child(topology.stack, key.name),
        "spec": {
            "replicas": 1,
            "serviceName": key.name,
            # OrderedReady would wait for ever for a broken pod, even when its fix is already wanted.
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "volumeClaimTemplates": volumes.claims(topology),
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {names.ANNOTATION_CONFIG_DIGEST: config_digest},
                },
                "spec": _pod(topology),
            },
        },
    }


def _pod(topology: Topology) -> Object:
    init: list[Json] = [
        containers.spool(topology),
        containers.account_names(topology),
        containers.dovecot(topology),
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": init,
        "containers": [containers.postfix(topology)],
        "volumes": volumes.pod_volumes(topology),
    }
