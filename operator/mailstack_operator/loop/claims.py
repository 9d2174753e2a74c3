"""A claim has one holder: two pods never write to one volume of mail. Pure.

Kubernetes lets two pods of one node mount a ReadWriteOnce claim, and two Dovecots would then write to the same
mailboxes. So a StatefulSet whose pod mounts a claim that another's pod still mounts is not applied before that pod is
gone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Object, entries, section, text
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.store import Seen


@dataclass(frozen=True)
class HeldClaim:
    """A PersistentVolumeClaim, and the one StatefulSet whose pods may mount it."""

    name: str
    home: Ref

    def other_holder(self, seen: Seen) -> Pod | None:
        """A pod of another StatefulSet that mounts it still."""
        others = (pod for pod in seen.pods.values() if pod.stateful_set != self.home.name)
        return next((pod for pod in others if self.name in pod.claims), None)


def claims_of(wanted: Mapping[Ref, Object]) -> list[HeldClaim]:
    """The claims that the wanted StatefulSets name in their pods' volumes; those of their own templates are theirs
    anyway. Raises ValueError where two name the same."""
    homes: dict[str, Ref] = {}
    for name, home in _named(wanted):
        if homes.setdefault(name, home) != home:
            raise ValueError(f"claim {name} is wanted in pods of {homes[name]} and of {home}")
    return [HeldClaim(name, home) for name, home in homes.items()]


def _named(wanted: Mapping[Ref, Object]) -> Iterator[tuple[str, Ref]]:
    for ref, manifest in wanted.items():
        for volume in entries(section(manifest, "spec", "template", "spec"), "volumes"):
            if name := text(section(volume, "persistentVolumeClaim"), "claimName"):
                yield name, ref
