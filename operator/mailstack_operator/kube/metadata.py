"""What the operator keeps of an object in the cluster: enough to see that it moved, never the object.

Pure readers of decoded JSON.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailstack_operator.kube import names
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Json, Object, digest, entries, number, section, text


@dataclass(frozen=True, order=True, slots=True)
class Ref:
    """Which object: what kind, where, its name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller in an object's ownerReferences."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class HelperImage:
    """The operator's image, which the pods' helpers run, and the names of the Secrets that it is pulled with."""

    reference: str
    pull_secrets: tuple[str, ...] = ()

    def to_annotations(self) -> Object:
        secrets: Object = {names.ANNOTATION_PULL_SECRETS: ",".join(self.pull_secrets)} if self.pull_secrets else {}
        return {names.ANNOTATION_OPERATOR_IMAGE: self.reference, **secrets}


def helper_image_of(annotations: Mapping[str, Json]) -> HelperImage:
    """Reads what `to_annotations` wrote."""
    secrets = text(annotations, names.ANNOTATION_PULL_SECRETS).split(",")
    return HelperImage(text(annotations, names.ANNOTATION_OPERATOR_IMAGE), tuple(filter(None, secrets)))


@dataclass(frozen=True, slots=True)
class Live:
    """A live child. `fingerprint` changes whenever what we apply could have moved:
    uid, generation (resourceVersion for kinds without one), labels, owners.

    `sizes` are the storage that it asks for: a claim's under its own name, a StatefulSet's by the name of the template.
    `kept`: it is marked so that no tool deletes it. Two that differ in `version` only are the same: somebody wrote what
    does not matter here, such as a status.
    """

    ref: Ref
    uid: str
    owner: Owner | None
    stack: str
    fingerprint: str
    version: int = field(compare=False)
    generation: int = 0
    deleting: bool = False
    config_digest: str = ""
    sizes: Mapping[str, str] = field(default_factory=dict)
    kept: bool = False
    helpers: HelperImage = HelperImage("")


def ref_of(body: Object) -> Ref:
    metadata = section(body, "metadata")
    words = (text(body, "apiVersion"), text(body, "kind"), text(metadata, "namespace"), text(metadata, "name"))
    # Each is kept in several places, of each of thousands of objects.
    return Ref(*map(sys.intern, words))


def live_of(body: Object) -> Live:
    """The child in `body`; its metadata is enough, but for the sizes of volumes."""
    metadata = section(body, "metadata")
    labels, annotations = section(metadata, "labels"), section(metadata, "annotations")
    moves: list[Json] = [
        text(metadata, "uid"),
        number(metadata, "generation") or text(metadata, "resourceVersion"),
        dict(labels),
        metadata.get("ownerReferences"),
    ]
    return Live(
        ref=ref_of(body),
        uid=text(metadata, "uid"),
        owner=_owner(metadata),
        stack=text(labels, names.LABEL_INSTANCE) if text(labels, names.LABEL_MANAGED_BY) == names.MANAGED_BY else "",
        fingerprint=digest(moves),
        version=version_of(body),
        generation=number(metadata, "generation"),
        deleting=bool(metadata.get("deletionTimestamp")),
        config_digest=text(annotations, names.ANNOTATION_CONFIG_DIGEST),
        sizes=sizes_of(body),
        kept=names.KEPT.items() <= annotations.items(),
        helpers=helper_image_of(annotations),
    )


def sizes_of(body: Object) -> dict[str, str]:
    """The storage that a claim, or a StatefulSet's templates, ask for, by name."""
    claims = [body, *entries(section(body, "spec"), "volumeClaimTemplates")]
    found = {text(section(each, "metadata"), "name"): _size(each) for each in claims}
    return {name: size for name, size in found.items() if size}


def _size(claim: Mapping[str, Json]) -> str:
    return text(section(claim, "spec", "resources", "requests"), "storage")


def version_of(body: Object) -> int:
    """metadata.resourceVersion as a number: of two states of an object the larger is the later one
    (Kubernetes API concepts, "Resource versions"). 0 where it is none."""
    version = text(section(body, "metadata"), "resourceVersion")
    return int(version) if version.isdecimal() else 0


def _owner(metadata: Mapping[str, Json]) -> Owner | None:
    for reference in entries(metadata, "ownerReferences"):
        if reference.get("controller"):
            return Owner(*(sys.intern(text(reference, name)) for name in ("kind", "name", "uid")))
    return None


def stack_of(body: Object) -> StackKey:
    """The MailStack that a child or pod belongs to: by its owner, even if its label was changed."""
    metadata = section(body, "metadata")
    owner = _owner(metadata)
    label = text(section(metadata, "labels"), names.LABEL_INSTANCE)
    return StackKey(text(metadata, "namespace"), owner.name if owner and owner.kind == names.KIND else label)
