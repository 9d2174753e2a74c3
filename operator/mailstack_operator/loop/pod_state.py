"""Reads the StatefulSet's and the pod's own status: is the wanted pod Ready, and if not, why not.

Pure. The reason is the pod's real one, in the kubelet's or the program's own words.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text

# The kubelet keeps the last log lines of a failed container; these are the ones that say why.
_TELLING = re.compile(r"\b(fatal|panic|error|refused|denied|not found)\b", re.IGNORECASE)
_LONGEST_LINE = 1000
# What the pod's own scripts say of a mistake.
_OWN = "mailstack: "


@dataclass(frozen=True)
class Problem:
    """Why a pod is not Ready."""

    reason: str
    message: str


@dataclass(frozen=True)
class End:
    """How a container ended: its exit code, and the line of its log that tells most about it."""

    container: str
    code: int
    words: str


@dataclass(frozen=True)
class Pod:
    """A pod of a MailStack: whose it is, what it runs, which Secrets it was told of, and how it stands.

    `component` is postfix, dovecot or rehearsal; `claims` are the names of those it mounts; `phase` is the pod's own;
    `ends` are those of the containers that ended, in the pod's order. `lost`: its node does not answer; `probed`: its
    probe runs.
    """

    name: str
    uid: str
    component: str
    claims: frozenset[str]
    revision: str
    config_digest: str
    secrets_version: str
    phase: str
    ready: bool
    deleting: bool
    lost: bool
    probed: bool
    problem: Problem | None
    ends: tuple[End, ...]

    @property
    def stateful_set(self) -> str:
        """The StatefulSet that it is of: a pod's name is that and its number."""
        return self.name.rpartition("-")[0]


@dataclass(frozen=True)
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
        revision=text(labels, "controller-revision-hash"),
        config_digest=text(annotations, names.ANNOTATION_CONFIG_DIGEST),
        secrets_version=text(annotations, names.ANNOTATION_SECRETS_VERSION),
        phase=text(status, "phase"),
        ready=text(_condition(status, "Ready"), "status") == "True",
        deleting=bool(metadata.get("deletionTimestamp")),
        # The kubelet takes both back together; of a node that is lost, the control plane takes back Ready alone.
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
            yield End(text(container, "name"), number(ended, "exitCode"), _last_words(ended))


def _statuses(status: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    return [*entries(status, "initContainerStatuses"), *entries(status, "containerStatuses")]


def _problems(pod: str, status: Mapping[str, Json]) -> Iterator[Problem]:
    """What keeps the pod from being Ready, the most telling first."""
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

    What goes to and fro (pull and back-off, crash and restart) is one problem with one message.
    """
    where = f"pod {pod}, container {text(container, 'name')}"
    waiting = section(container, "state", "waiting")
    reason, message = text(waiting, "reason"), text(waiting, "message")
    ended = _ended(container)
    if number(ended, "exitCode") != 0 and not container.get("ready"):
        return Problem(Reason.CONTAINER_CRASH, f"{where}: exit code {number(ended, 'exitCode')}: {_last_words(ended)}")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        why = message.split("ErrImagePull: ")[-1]
        return Problem(Reason.IMAGE_PULL, f"{where}: image {text(container, 'image')} cannot be pulled: {why}")
    if reason in ("", "PodInitializing", "ContainerCreating", "CrashLoopBackOff"):
        return None
    return Problem(reason, f"{where}: {message or reason}")


def _delay(pod: str, container: Mapping[str, Json]) -> Problem | None:
    """The container is on its way."""
    done = section(container, "state", "terminated") or container.get("ready") or container.get("started")
    if done:
        return None
    reason = text(section(container, "state", "waiting"), "reason") or "Starting"
    return Problem(Reason.POD_NOT_READY, f"pod {pod}, container {text(container, 'name')}: {reason}")


def _ended(container: Mapping[str, Json]) -> Mapping[str, Json]:
    """How it ended now or the last time; empty if it never did."""
    return section(container, "state", "terminated") or section(container, "lastState", "terminated")


def _last_words(terminated: Mapping[str, Json]) -> str:
    """The line of the container's log that tells most about its end."""
    lines = [line.strip() for line in text(terminated, "message").splitlines() if line.strip()]
    own = [line.removeprefix(_OWN) for line in lines if line.startswith(_OWN)]
    telling = [line for line in lines if _TELLING.search(line)]
    last = (own or telling or lines or [text(terminated, "reason") or "no word in the log"])[-1]
    return last[:_LONGEST_LINE]
