"""The objects of a MailStack, one builder per object. Pure: a topology in, manifests out."""

from dataclasses import replace

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, digest, section
from mailstack_operator.stack import config_maps, pods, rbac, services, stateful_sets, volumes
from mailstack_operator.stack.topology import Topology


def children(topology: Topology, known_digest: str = "") -> list[Object]:
    """Every child object that the MailStack wants, complete and in no order that matters.

    `known_digest` is its config_digest, if it was taken already.
    """
    annotations: Object = {
        names.ANNOTATION_CONFIG_DIGEST: known_digest or config_digest(topology),
        names.ANNOTATION_OPERATOR_IMAGE: topology.operator_image,
    }
    found = _children(topology)
    return [_annotated(child, annotations) if child["kind"] == "StatefulSet" else child for child in found]


def config_digest(topology: Topology) -> str:
    """A digest of all that the pods are and read at their start; it stands on the StatefulSets that may run it.

    The image of the pods' helpers does not count: an upgrade of the operator is no event for the mail.
    """
    found = _children(replace(topology, operator_image=""))
    configs: list[Json] = [child["data"] for child in found if child["kind"] == "ConfigMap"]
    templates: list[Json] = [
        dict(section(child, "spec", "template")) for child in found if child["kind"] == "StatefulSet"
    ]
    return digest([configs, templates])


def _annotated(child: Object, annotations: Object) -> Object:
    return {**child, "metadata": {**section(child, "metadata"), "annotations": annotations}}


def _children(topology: Topology) -> list[Object]:
    postfix = config_maps.postfix(topology)
    dovecot = config_maps.dovecot(topology)
    both = [
        postfix,
        dovecot,
        services.mail(topology),
        volumes.mail_claim(topology),
        rbac.service_account(topology),
        rbac.role(topology),
        rbac.role_binding(topology),
    ]
    if topology.is_one_pod:
        return [*both, stateful_sets.postfix(topology, digest([postfix["data"], dovecot["data"]]))]
    return [
        *both,
        services.lmtp(topology),
        stateful_sets.postfix(topology, digest([postfix["data"]])),
        stateful_sets.dovecot(topology, digest([dovecot["data"]])),
    ]


def rehearsal_config(topology: Topology) -> list[Object]:
    """The ConfigMaps with which a change is tried."""
    return pods.rehearsed_config(topology)


def rehearsal(topology: Topology, config_digest: str) -> Object:
    """The pod in which a change is tried."""
    return pods.rehearsal(topology, config_digest)
