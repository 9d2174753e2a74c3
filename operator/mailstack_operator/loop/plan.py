"""Decides what a run should make of a MailStack, from what it read. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube.kinds import BY_NAME, KINDS, SERVICE, STATEFUL_SET, Pruning
from mailstack_operator.kube.metadata import HelperImage, Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object, number, section
from mailstack_operator.loop import addresses, announcer, rehearsal, reports, summary
from mailstack_operator.loop.apply import by_ref
from mailstack_operator.loop.claims import HeldClaim, claims_of
from mailstack_operator.loop.errors import Unfinished, Waiting
from mailstack_operator.loop.pod_state import Pod, Rollout
from mailstack_operator.loop.references import References
from mailstack_operator.loop.store import Seen
from mailstack_operator.stack import children, exposure, topology
from mailstack_operator.stack.images import ServerImages
from mailstack_operator.stack.topology import Topology


@dataclass(frozen=True)
class Running:
    """What a StatefulSet has: its configuration, the image of its pods' helpers, and whether a pod runs with that."""

    config_digest: str
    helpers: HelperImage
    in_use: bool


def running_of(seen: Seen) -> dict[str, Running]:
    """Those of the MailStack, by their names."""
    return {
        live.ref.name: Running(live.config_digest, live.helpers, _is_used(seen, live.ref.name))
        for live in seen.stateful_sets()
    }


def _is_used(seen: Seen, stateful_set: str) -> bool:
    """By the revision: a webhook may give the containers other images."""
    revision = seen.rollouts.get(stateful_set, Rollout()).revision
    pods = (pod for pod in seen.pods.values() if pod.stateful_set == stateful_set)
    return any(pod.runs and pod.revision == revision for pod in pods)


@dataclass(frozen=True)
class Inputs:
    """What a run reads before it decides.

    `running` are the StatefulSets by their names; `image` is the operator's own, `server_images` those of servers for
    which the spec names none; `rehearsal` is the pod that tries a changed configuration. `serving`: a mail pod runs.
    """

    references: References
    image: HelperImage
    server_images: ServerImages
    running: Mapping[str, Running]
    rehearsal: Pod | None
    serving: bool


@dataclass(frozen=True)
class Plan:
    """What is wanted of a MailStack, and what keeps it from the pods: a missing Secret, or a rehearsal to pass.

    `files_digest` is of the files that running pods take over.
    """

    topology: Topology
    wanted: Mapping[Ref, Object]
    claims: list[HeldClaim]
    config_digest: str
    files_digest: str
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

    def is_settled(self, seen: Seen) -> bool:
        """Whether a StatefulSet has this configuration. Until then a restarted operator must find the pod that tried
        it."""
        return any(live.config_digest == self.config_digest for live in seen.stateful_sets())

    def held_back(self, seen: Seen) -> frozenset[Ref]:
        """What must not be applied yet: what would change pods, StatefulSets whose claim another pod still holds, and
        Services whose connections would go to a port on which no pod listens yet."""
        return self._held_pods(seen) | self._held_services(seen)

    def _held_pods(self, seen: Seen) -> frozenset[Ref]:
        if self.obstacle:
            return frozenset(ref for ref in self.wanted if BY_NAME[ref.kind].rolls_pods)
        return frozenset(claim.home for claim in self.claims if claim.other_holder(seen))

    def _held_services(self, seen: Seen) -> frozenset[Ref]:
        if self.is_settled(seen) and not self.obstacle and not self.progress(seen):
            return frozenset()
        known = {ref: seen.services.get(ref.name) for ref in self.wanted if ref.kind == SERVICE.name}
        return frozenset(ref for ref, state in known.items() if state and state.is_redirected_by(self.wanted[ref]))

    def prunable(self, seen: Seen) -> Callable[[Ref], bool]:
        """Which of the objects that are no longer wanted may go, now that the rest is applied. A Service of spec.expose
        may at once: no pod needs it, and whoever closes a door does not want to wait for anything."""
        kinds, doors = self._prunable_kinds(seen), exposure.service_names(self.key.name)
        return lambda ref: ref.kind in kinds or (ref.kind == SERVICE.name and ref.name in doors)

    def _prunable_kinds(self, seen: Seen) -> frozenset[str]:
        if self.obstacle:
            return frozenset()
        due = {Pruning.WITH_CHANGE} if self.progress(seen) else {Pruning.WITH_CHANGE, Pruning.AFTER_CHANGE}
        return frozenset(kind.name for kind in KINDS if kind.pruning in due)

    def unfinished(self, seen: Seen) -> Unfinished | None:
        """What is still lacking, the most important first."""
        return self.obstacle or self.progress(seen) or next(addresses.pending(self.topology.stack, seen), None)

    def progress(self, seen: Seen) -> Unfinished | None:
        """What the wanted pods still lack."""
        return next(self._delays(seen), None)

    @property
    def pods(self) -> dict[str, list[str]]:
        """The names of the wanted pods, by their StatefulSet."""
        return {
            ref.name: [f"{ref.name}-{ordinal}" for ordinal in range(number(section(manifest, "spec"), "replicas"))]
            for ref, manifest in self.wanted.items()
            if ref.kind == STATEFUL_SET.name
        }

    def _delays(self, seen: Seen) -> Iterator[Unfinished]:
        for claim in self.claims:
            if pod := claim.other_holder(seen):
                yield Waiting(Reason.PROGRESSING, f"waiting for pod {pod.name} to release the mail volume")
        for stateful_set, names in self.pods.items():
            if problem := summary.rollout_problem(seen, stateful_set, names):
                yield problem
        for name in self.pods_without_files(seen):
            what = f"pod {name} does not use the changed configuration yet: it reloads within seconds"
            yield Waiting(Reason.PROGRESSING, what, announcer.retry_after(seen.pods[name]))

    def pods_without_files(self, seen: Seen) -> list[str]:
        """The names of the wanted pods whose probe says that they use other files."""
        wanted = (pod for names in self.pods.values() for pod in names)
        return [pod for pod in wanted if reports.uses_other_files(seen, pod, self.files_digest)]


def plan_of(inputs: Inputs) -> Plan:
    """Raises Waiting where a file is missing that becomes part of the configuration."""
    references, running = inputs.references, inputs.running
    decided = topology.decide(references.stack, references.sources(serving=inputs.serving), inputs.image.reference)
    decided = replace(decided, pull_secrets=inputs.image.pull_secrets, images=inputs.server_images)
    rendered = children.render(decided)
    same = {name: each for name, each in running.items() if each.config_digest == rendered.config_digest}
    # An upgrade of the operator is no event for the mail, and a corrected image heals a pod that cannot start.
    kept = {name: each.helpers for name, each in same.items() if each.in_use}
    wanted = by_ref(rendered.children(inputs.image, kept))
    return Plan(
        topology=decided,
        wanted=wanted,
        claims=claims_of(wanted),
        config_digest=rendered.config_digest,
        files_digest=rendered.files_digest,
        missing=references.problem(serving=inputs.serving),
        trial=_trial(inputs, rendered.config_digest),
    )


def _trial(inputs: Inputs, config_digest: str) -> Unfinished | None:
    """Without any pod there is nothing to lose: the first ones try their configuration themselves."""
    digests = {each.config_digest for each in inputs.running.values()}
    if config_digest in digests or not digests:
        return None
    return rehearsal.verdict(inputs.rehearsal, config_digest)
