"""Reads the StatefulSet's and the pod's own status: is the wanted pod Ready, and if not, why not.

Pure. The message quotes the kubelet or the program.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import HelperImage, helper_image_of
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text

# The kubelet keeps the last log lines of a failed container; these words mark the lines with the cause.
_RELEVANT = re.compile(r"\b(fatal|panic|error|refused|denied|not found)\b", re.IGNORECASE)
_LONGEST_LINE = 1000
# How a container ends that waits for a volume: stack/scripts/volume.sh.
VOLUME_IN_USE = 97
# How the pods' own scripts begin an error message.
_OWN = "mailstack: "


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a pod is not Ready."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """How a container ended: its exit code, and the most relevant line of its log."""

    container: str
    code: int
    line: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a MailStack: which one it is, what it runs, the version of its Secrets and files, and its state.

    `component` is postfix, dovecot or rehearsal; `claims` are the names of those it mounts; `helpers` is the
    image that a rehearsal's have; `node` is empty until it has one; `phase` is the pod's own;
    `ends` are those of the containers that ended, in the pod's order. `lost`: its node is unreachable; `probed`: its
    probe runs.
    """

    name: str
    uid: str
    component: str
    claims: frozenset[str]
    helpers: HelperImage
    revision: str
    config_digest: str
    secrets_version: str
    node: str
    files_version: str
    phase: str
    ready: bool
    deleting: bool
    lost: bool
    probed: bool
    problem: Problem | None
    ends: tuple[End, ...]

    @property
    def runs(self) -> bool:
        """Whether its init containers are done, and its servers were started."""
        return self.phase == "Running" and not self.deleting

    @property
    def lost_words(self) -> str:
        """What to do about a lost node."""
        return (
            f"node {self.node} does not respond, and Kubernetes keeps the pod until it knows that it has ended: "
            "bring the node back, or switch it off and set its taint node.kubernetes.io/out-of-service "
            "(docs/lost-node.md)"
        )

    @property
    def awaits_volume(self) -> bool:
        """Whether the scheduler says that a claim of the pod has no volume."""
        unscheduled = self.problem is not None and self.problem.reason == Reason.UNSCHEDULABLE
        return unscheduled and self.problem is not None and "persistentvolumeclaim" in self.problem.message.lower()

    @property
    def stateful_set(self) -> str:
        """The StatefulSet that it is of: a pod's name is that and its number."""
        return self.name.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the StatefulSet controller is. Generations are metadata.generation."""

    generation: int = 0
    observed_generation: int = 0
    revision: str = ""


def rollout_of(stateful_set: Object) -> Rollout:
    status = section(stateful_set, "status")
    return Rollout(
        generation=number(section(stateful_set, "metadata"), "generation"),
        observed_generation=number(status, "observedGeneration"),
        revision=text(status, "updateRevision"),
    )


def pod_of(body: Object) -> Pod:
    metadata, status = section(body, "metadata"), section(body, "status")
    labels, annotations = section(metadata, "labels"), section(metadata, "annotations")
    return Pod(
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        component=text(labels, names.LABEL_COMPONENT),
        claims=frozenset(_claims(body)),
        helpers=helper_image_of(annotations),
        revision=text(labels, "controller-revision-hash"),
        config_digest=text(annotations, names.ANNOTATION_CONFIG_DIGEST),
        secrets_version=text(annotations, names.ANNOTATION_SECRETS_VERSION),
        node=sys.intern(text(section(body, "spec"), "nodeName")),
        files_version=text(annotations, names.ANNOTATION_FILES_VERSION),
        phase=text(status, "phase"),
        ready=text(_condition(status, "Ready"), "status") == "True",
        deleting=bool(metadata.get("deletionTimestamp")),
        # The kubelet sets both to False together; for a lost node the control plane sets Ready alone.
        lost=text(_condition(status, "Ready"), "status") != "True"
        and text(_condition(status, "ContainersReady"), "status") == "True",
        probed=any(
            entry.get("name") == "probe" and "running" in section(entry, "state") for entry in _statuses(status)
        ),
        problem=next(_problems(text(metadata, "name"), status), None),
        ends=tuple(_ends(status)),
    )


def _claims(body: Object) -> Iterator[str]:
    for volume in entries(section(body, "spec"), "volumes"):
        if name := text(section(volume, "persistentVolumeClaim"), "claimName"):
            yield name


def _condition(status: Mapping[str, Json], kind: str) -> Mapping[str, Json]:
    return next((entry for entry in entries(status, "conditions") if entry.get("type") == kind), {})


def _ends(status: Mapping[str, Json]) -> Iterator[End]:
    for container in _statuses(status):
        if ended := _ended(container):
            yield End(text(container, "name"), number(ended, "exitCode"), _last_line(ended))


def _statuses(status: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    return [*entries(status, "initContainerStatuses"), *entries(status, "containerStatuses")]


def _problems(pod: str, status: Mapping[str, Json]) -> Iterator[Problem]:
    """What keeps the pod from being Ready, the most relevant first."""
    containers = _statuses(status)
    scheduled = _condition(status, "PodScheduled")
    if text(scheduled, "status") == "False":
        yield Problem(text(scheduled, "reason") or Reason.UNSCHEDULABLE, f"pod {pod}: {text(scheduled, 'message')}")
    for container in containers:
        if problem := _failure(pod, container):
            yield problem
    for container in containers:
        if problem := _delay(pod, container):
            yield problem


def _failure(pod: str, container: Mapping[str, Json]) -> Problem | None:
    """The container cannot run: no image, a wrong reference, or a program that ends by itself.

    States that alternate (pull and back-off, crash and restart) are one problem with one message.
    """
    where = f"pod {pod}, container {text(container, 'name')}"
    waiting = section(container, "state", "waiting")
    reason, message = text(waiting, "reason"), text(waiting, "message")
    ended = _ended(container)
    code = number(ended, "exitCode")
    if code == VOLUME_IN_USE and not container.get("ready"):
        return Problem(Reason.VOLUME_IN_USE, f"{where}: {_last_line(ended)}")
    if code != 0 and not container.get("ready"):
        return Problem(Reason.CONTAINER_CRASH, f"{where}: exit code {code}: {_last_line(ended)}")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        why = message.split("ErrImagePull: ")[-1]
        return Problem(Reason.IMAGE_PULL, f"{where}: image {text(container, 'image')} cannot be pulled: {why}")
    if reason in ("", "PodInitializing", "ContainerCreating", "CrashLoopBackOff"):
        return None
    return Problem(reason, f"{where}: {message or reason}")


def _delay(pod: str, container: Mapping[str, Json]) -> Problem | None:
    """The container is still starting."""
    done = section(container, "state", "terminated") or container.get("ready") or container.get("started")
    if done:
        return None
    reason = text(section(container, "state", "waiting"), "reason") or "Starting"
    return Problem(Reason.POD_NOT_READY, f"pod {pod}, container {text(container, 'name')}: {reason}")


def _ended(container: Mapping[str, Json]) -> Mapping[str, Json]:
    """Its current or last termination; empty if there was none. Of one that waited for its next start when the kubelet
    ended the pod, the current one says nothing."""
    current, last = section(container, "state", "terminated"), section(container, "lastState", "terminated")
    return last if last and text(current, "reason") == "ContainerStatusUnknown" else current or last


def _last_line(terminated: Mapping[str, Json]) -> str:
    """The most relevant line of the container's log."""
    lines = [line.strip() for line in text(terminated, "message").splitlines() if line.strip()]
    own = [line.removeprefix(_OWN) for line in lines if line.startswith(_OWN)]
    relevant = [line for line in lines if _RELEVANT.search(line)]
    last = (own or relevant or lines or [text(terminated, "reason") or "no log output"])[-1]
    return last[:_LONGEST_LINE]
