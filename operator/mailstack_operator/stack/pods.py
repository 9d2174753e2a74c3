"""The pods: which containers and volumes stand together.

The order of a pod that holds both servers: certificates are there, `spool` prepares Postfix's folders and notes
its ids, `names` prepares Dovecot's account files with them, Dovecot starts and listens, Postfix starts. At the
end Postfix drains what is in delivery while Dovecot is still there.
"""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import config_maps, containers, object_meta, volumes
from mailstack_operator.stack.topology import Topology

# Longer than Postfix's drain and both servers' own stop.
_TERMINATION_GRACE_SECONDS = 45
# A pod that tries a configuration, on a slow node, with images to pull.
_REHEARSAL_SECONDS = 300


def both(topology: Topology) -> Object:
    """Postfix, with Dovecot as a native sidecar: it starts before Postfix and outlives it."""
    stack = topology.stack.key.name
    return _pod(
        init=[
            *_certificates(topology, postfix=True, dovecot=True),
            containers.spool(topology),
            containers.account_names(topology),
            containers.dovecot_check(topology),
            containers.sidecar(containers.dovecot(topology)),
            containers.sidecar(containers.probe(topology, postfix=True, dovecot=True)),
        ],
        main=containers.postfix(topology),
        account=names.probe(stack),
        volumes=[
            *volumes.empty("private"),
            volumes.token(),
            volumes.mail(topology),
            *volumes.postfix_volumes(topology, names.postfix_config(stack)),
            *volumes.dovecot_volumes(topology, names.dovecot_config(stack)),
            *volumes.tls_volumes(topology),
        ],
    )


def postfix(topology: Topology) -> Object:
    """Postfix alone."""
    return _pod(
        init=[
            *_certificates(topology, postfix=True, dovecot=False),
            containers.spool(topology),
            containers.sidecar(containers.probe(topology, postfix=True, dovecot=False)),
        ],
        main=containers.postfix(topology),
        account=names.probe(topology.stack.key.name),
        volumes=[
            *volumes.empty("ids"),
            volumes.token(),
            *volumes.postfix_volumes(topology, names.postfix_config(topology.stack.key.name)),
            *volumes.tls_volumes(topology),
        ],
    )


def dovecot(topology: Topology) -> Object:
    """Dovecot alone."""
    return _pod(
        init=[
            *_certificates(topology, postfix=False, dovecot=True),
            containers.account_names(topology),
            containers.dovecot_check(topology),
            containers.sidecar(containers.probe(topology, postfix=False, dovecot=True)),
        ],
        main=containers.dovecot(topology),
        account=names.probe(topology.stack.key.name),
        volumes=[
            volumes.token(),
            volumes.mail(topology),
            *volumes.dovecot_volumes(topology, names.dovecot_config(topology.stack.key.name)),
            *volumes.tls_volumes(topology),
        ],
    )


def rehearsal(topology: Topology, config_digest: str) -> Object:
    """A pod that tries a changed configuration by running it on empty volumes, and asks the servers a few
    questions. It succeeds, or its containers' last words say why not; no Service leads to it."""
    stack, plan = topology.stack, topology.on_loopback()
    name = names.rehearsal(stack.key.name)
    labels: Object = {**names.labels(stack.key.name), names.LABEL_COMPONENT: "rehearsal"}
    # The Service of the stack selects by this label.
    del labels[names.LABEL_INSTANCE]
    annotations: Object = {names.ANNOTATION_CONFIG_DIGEST: config_digest}
    spec = _pod(
        init=[
            *_certificates(plan, postfix=True, dovecot=True),
            containers.spool(plan),
            containers.account_names(plan),
            containers.dovecot_check(plan),
            containers.sidecar(containers.logged(containers.dovecot(plan))),
            containers.sidecar(containers.logged(containers.postfix(plan))),
        ],
        main=containers.rehearsal(plan),
        volumes=[
            *volumes.empty("private", "queue", "data", "mail", "logs"),
            *volumes.postfix_volumes(plan, names.postfix_config(name)),
            *volumes.dovecot_volumes(plan, names.dovecot_config(name)),
            *volumes.tls_volumes(plan),
        ],
    )
    hosts = plan.lmtp.host_aliases
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**object_meta.child(stack, name), "labels": labels, "annotations": annotations},
        "spec": {
            **spec,
            **({"hostAliases": hosts} if hosts else {}),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _REHEARSAL_SECONDS,
            "terminationGracePeriodSeconds": 1,
        },
    }


def rehearsed_config(topology: Topology) -> list[Object]:
    """The ConfigMaps of the rehearsal's pod."""
    return config_maps.rehearsed(topology.on_loopback())


def _certificates(topology: Topology, *, postfix: bool, dovecot: bool) -> list[Object]:
    return [containers.certificates(topology, postfix=postfix, dovecot=dovecot)] if topology.tls else []


def _pod(init: list[Object], main: Object, volumes: list[Json], account: str = "") -> Object:
    """`account` is the ServiceAccount; its token is in the probe's container alone."""
    return {
        **({"serviceAccountName": account} if account else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _TERMINATION_GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [*init],
        "containers": [main],
        "volumes": volumes,
    }
