"""Volumes only grow: what is wanted, with the sizes that the live objects allow. Pure.

A claim that is larger than the spec's is left as it is. A StatefulSet's claim templates are immutable, so it keeps
those that it has: the operator itself makes and grows the claims.
"""

from collections.abc import Iterable, Mapping

from mailstack_operator.api.conditions import WarningReason
from mailstack_operator.kube.kinds import CLAIM, STATEFUL_SET
from mailstack_operator.kube.metadata import Live, Ref, sizes_of
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.kube.quantity import amount
from mailstack_probe.contract import StackWarning


def fitted(wanted: Mapping[Ref, Object], live: Mapping[Ref, Live]) -> dict[Ref, Object]:
    """What is wanted, with no claim smaller than it is, and no StatefulSet with other sizes in its templates."""
    return {ref: _fitted(manifest, live[ref].sizes) if ref in live else manifest for ref, manifest in wanted.items()}


def refused(claim: Object, live: Live, words: str) -> StackWarning:
    """Why a claim stays as it is, in the words of the API server."""
    wanted, size = _size(claim), live.sizes.get(live.ref.name, "")
    what = f", at {size}: the API server refused {wanted}" if amount(wanted) > amount(size) else ": it was refused"
    return StackWarning(WarningReason.VOLUME_NOT_CHANGED, f"{live.ref} stays as it is{what}: {words}")


def template_claims(wanted: Iterable[Object]) -> frozenset[str]:
    """The names of the claims that the wanted StatefulSets' pods use by the StatefulSets' templates."""
    return frozenset(
        f"{text(section(template, 'metadata'), 'name')}-{text(section(each, 'metadata'), 'name')}-{ordinal}"
        for each in wanted
        if each["kind"] == STATEFUL_SET.name
        for template in entries(section(each, "spec"), "volumeClaimTemplates")
        for ordinal in range(number(section(each, "spec"), "replicas"))
    )


def _size(claim: Object) -> str:
    return next(iter(sizes_of(claim).values()), "")


def _fitted(manifest: Object, live: Mapping[str, str]) -> Object:
    if manifest["kind"] == CLAIM.name:
        larger = max(_size(manifest), *live.values(), key=amount)
        return manifest if larger == _size(manifest) else _resized(manifest, larger)
    if manifest["kind"] == STATEFUL_SET.name and live and live != sizes_of(manifest):
        return _with_templates(manifest, live)
    return manifest


def _with_templates(manifest: Object, live: Mapping[str, str]) -> Object:
    templates: list[Json] = [
        _resized(template, live.get(text(section(template, "metadata"), "name"), ""))
        for template in entries(section(manifest, "spec"), "volumeClaimTemplates")
    ]
    return {**manifest, "spec": {**section(manifest, "spec"), "volumeClaimTemplates": templates}}


def _resized(claim: Mapping[str, Json], size: str) -> Object:
    """The claim with another size; as it is where that is empty."""
    spec: Object = {**section(claim, "spec"), **({"resources": {"requests": {"storage": size}}} if size else {})}
    return {**claim, "spec": spec}
