"""Decides what a run should make of a MailStack, from what it read. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube.kinds import BY_NAME, KINDS, STATEFUL_SET, Pruning
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object, number, section
from mailstack_operator.loop import rehearsal, summary
from mailstack_operator.loop.apply import by_ref
from mailstack_operator.loop.claims import HeldClaim, claims_of
from mailstack_operator.loop.errors import Unfinished, Waiting
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.references import References
from mailstack_operator.loop.store import Seen
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.topology import Topology


@dataclass(frozen=True)
class Inputs:
    """What a run reads before it decides.

    `running` has the image of the pods' helpers by the digest of the configuration that they run; `image` is the
    operator's own; `rehearsal` is the pod that tries a changed configuration. `serving`: a mail pod runs.
    """

    references: References
    image: str
    running: Mapping[str, str]
    rehearsal: Pod | None
    serving: bool


@dataclass(frozen=True)
class Plan:
    """What is wanted of a MailStack, and what keeps it from the pods: a missing Secret, or a rehearsal to pass.

    `is_settled`: a StatefulSet has this configuration already. Until then a restarted operator must find the pod that
    tried it.
    """

    topology: Topology
    wanted: Mapping[Ref, Object]
    claims: list[HeldClaim]
    config_digest: str
    is_settled: bool
    missing: Unfinished | None
    trial: Unfinished | None

    @property
    def key(self) -> StackKey:
        return self.topology.stack.key

    @property
    def obstacle(self) -> Unfinished | None:
        return self.missing or self.trial

    @property
    def needs_rehearsal(self) -> bool:
        return self.trial is not None and self.missing is None

    def held_back(self, seen: Seen) -> frozenset[Ref]:
        """What must not be applied yet: what would change pods, or StatefulSets whose claim another pod still holds."""
        if self.obstacle:
            return frozenset(ref for ref in self.wanted if BY_NAME[ref.kind].rolls_pods)
        return frozenset(claim.home for claim in self.claims if claim.other_holder(seen))

    def prunable(self, seen: Seen) -> frozenset[str]:
        """The kinds of which what is no longer wanted may go, now that the rest is applied."""
        if self.obstacle:
            return frozenset()
        due = {Pruning.WITH_CHANGE} if self.progress(seen) else {Pruning.WITH_CHANGE, Pruning.AFTER_CHANGE}
        return frozenset(kind.name for kind in KINDS if kind.pruning in due)

    def progress(self, seen: Seen) -> Unfinished | None:
        """What the wanted pods still lack."""
        return next(self._delays(seen), None)

    def _delays(self, seen: Seen) -> Iterator[Unfinished]:
        for claim in self.claims:
            if pod := claim.other_holder(seen):
                yield Waiting(Reason.PROGRESSING, f"waiting for pod {pod.name} to release the mail volume")
        for ref, manifest in self.wanted.items():
            if ref.kind == STATEFUL_SET.name:
                replicas = number(section(manifest, "spec"), "replicas")
                if problem := summary.rollout_problem(seen, ref.name, replicas):
                    yield problem


def plan_of(inputs: Inputs) -> Plan:
    """Raises Waiting where a file is missing that becomes part of the configuration."""
    references, running = inputs.references, inputs.running
    decided = topology.decide(references.stack, references.sources(), inputs.image)
    rendered = children.render(decided)
    wanted = by_ref(rendered.children(running.get(rendered.config_digest) or inputs.image))
    return Plan(
        topology=decided,
        wanted=wanted,
        claims=claims_of(wanted),
        config_digest=rendered.config_digest,
        is_settled=rendered.config_digest in running,
        missing=references.problem(serving=inputs.serving),
        trial=_trial(inputs, rendered.config_digest),
    )


def _trial(inputs: Inputs, config_digest: str) -> Unfinished | None:
    """Without any pod there is nothing to lose: the first ones try their configuration themselves."""
    if config_digest in inputs.running or not inputs.running:
        return None
    return rehearsal.verdict(inputs.rehearsal, config_digest)
