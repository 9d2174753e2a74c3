"""What children have in common: metadata (name, labels, owner), and the spec of a volume claim."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack.mailstack import MailStack


def child(stack: MailStack, name: str) -> Object:
    """Metadata of the child `name`: garbage collection removes it with its MailStack, without finalizers."""
    metadata = kept(stack, name)
    # Nothing can refer to a MailStack that is not in a cluster.
    return metadata if stack.uid is None else {**metadata, "ownerReferences": [owner(stack)]}


def kept(stack: MailStack, name: str) -> Object:
    """Metadata of what outlives its MailStack, and belongs to the next one of that name."""
    return {"name": name, "namespace": stack.key.namespace, "labels": {**names.labels(stack.key.name)}}


def owner(stack: MailStack) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": stack.key.name,
        "uid": stack.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def claim(size: str, storage_class: str | None) -> Object:
    """The spec of a volume claim; without a class, the cluster's default applies."""
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return spec
