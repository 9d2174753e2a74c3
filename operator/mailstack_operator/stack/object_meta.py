"""What children have in common: metadata (name, labels, owner), and volume claims."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack.mailstack import MailStack


def child(stack: MailStack, name: str) -> Object:
    """Metadata of the child `name`: garbage collection removes it with its MailStack, without finalizers."""
    metadata: Object = {"name": name, "namespace": stack.key.namespace, "labels": {**names.labels(stack.key.name)}}
    # Nothing can refer to a MailStack that is not in a cluster.
    return metadata if stack.uid is None else {**metadata, "ownerReferences": [owner(stack)]}


def owner(stack: MailStack) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": stack.key.name,
        "uid": stack.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def claim(stack: MailStack, name: str, labels: dict[str, str], spec: Object) -> Object:
    """A PersistentVolumeClaim that outlives its MailStack, whatever tool manages that, and belongs to the next one of
    that name."""
    metadata: Object = {
        "name": name,
        "namespace": stack.key.namespace,
        "labels": {**labels},
        "annotations": {**names.KEPT},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def claim_spec(size: str, storage_class: str | None) -> Object:
    """The spec of a volume claim; without a class, the cluster's default applies."""
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return spec
