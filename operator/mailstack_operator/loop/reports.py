"""What the probes in the mail pods found, as conditions of the MailStack. Pure.

A probe's entry in status.pods counts only while its pod exists, its container runs and its node is reachable:
never a stale True.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailstack_operator.api.conditions import CHECKS, FALSE, UNKNOWN, Check, Condition, Reason
from mailstack_operator.kube import names
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.stack_state import PodEntry
from mailstack_operator.loop.store import Seen
from mailstack_probe.contract import StackWarning


@dataclass(frozen=True)
class Finding:
    """The condition of a check, and whether it counts for Ready."""

    condition: Condition
    counts: bool


def findings(seen: Seen, image: str, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """What is known of each check, summed up over the pods. `image` is the operator's own.

    Where the spec is invalid, what the pods still run is reported.
    """
    return [finding for check in checks for finding in _findings(seen, image, check)]


def _findings(seen: Seen, image: str, check: Check) -> Iterator[Finding]:
    if is_needed(seen, check):
        condition = _sum(check, [(pod, verdict(seen, pod, check, image)) for pod in _asked_pods(seen, check)])
        yield Finding(condition, counts=condition.reason != Reason.NOT_ASKED)
    elif check.otherwise:
        yield Finding(Condition(check.condition, FALSE, Reason.DISABLED, check.otherwise), counts=False)


def is_needed(seen: Seen, check: Check) -> bool:
    """Whether the check counts. What an invalid spec needs is not known, but what runs is."""
    stack = seen.stack.stack if seen.stack else None
    if stack is not None:
        return check.needed(stack.spec)
    return not check.optional or any(check.name in entry.verdicts for entry in _entries(seen))


def warnings(seen: Seen) -> Iterator[StackWarning]:
    """What the probes warn of, each once with the pods that do; of entries that count."""
    found: dict[StackWarning, list[str]] = {}
    for pod in sorted(seen.pods.values(), key=lambda pod: pod.name):
        for warning in _warnings(seen, pod):
            found.setdefault(warning, []).append(pod.name)
    for warning, pods in found.items():
        yield StackWarning(warning.reason, f"pod{'s' * (len(pods) > 1)} {', '.join(pods)}: {warning.message}")


def _warnings(seen: Seen, pod: Pod) -> tuple[StackWarning, ...]:
    entry = _entry(seen, pod)
    return entry.warnings if entry and not any(_doubts(pod, entry)) else ()


def verdict(seen: Seen, pod: Pod, check: Check, image: str = "") -> Condition:
    """What the pod's probe found, Unknown where that is not reliable."""
    entry = _entry(seen, pod)
    if doubt := next(_doubts(pod, entry), None):
        return Condition(check.condition, UNKNOWN, *doubt)
    found = entry.verdicts.get(check.name) if entry else None
    if found is not None:
        return replace(found, type=check.condition)
    return Condition(check.condition, UNKNOWN, *_silence(seen, pod, image))


def uses_other_files(seen: Seen, name: str, digest: str) -> bool:
    """Whether the probe of the pod says that a configuration of another digest is in use, or that it does not know.
    That of an earlier operator, or with an earlier CRD, does not tell."""
    pod = seen.pods.get(name)
    entry = _entry(seen, pod) if pod else None
    return entry is not None and pod is not None and entry.uid == pod.uid and entry.in_use not in (None, digest)


def orphans(seen: Seen) -> list[tuple[int, str]]:
    """The entries, by place and name, of pods that are gone; the last one first, so that places stay right."""
    found = enumerate(entry.name for entry in _entries(seen))
    return [(place, name) for place, name in found if name not in seen.pods][::-1]


def _asked_pods(seen: Seen, check: Check) -> list[Pod]:
    found = sorted((pod for pod in seen.pods.values() if pod.component in check.asked_in), key=lambda pod: pod.name)
    return [pod for pod in found if not check.with_mail or has_mail(seen, pod)] or found


def has_mail(seen: Seen, pod: Pod) -> bool:
    """Whether the pod has the volume of mail, and so Dovecot."""
    return seen.stack is not None and names.mail_claim(seen.stack.ref.name) in pod.claims


def _entries(seen: Seen) -> tuple[PodEntry, ...]:
    return seen.stack.status.pods if seen.stack else ()


def _entry(seen: Seen, pod: Pod) -> PodEntry | None:
    return next((entry for entry in _entries(seen) if entry.name == pod.name), None)


def _doubts(pod: Pod, entry: PodEntry | None) -> Iterator[tuple[str, str]]:
    """Why the entry does not count: reason and message."""
    if pod.lost:
        yield Reason.NODE_LOST, pod.lost_words
    if pod.deleting:
        yield Reason.POD_TERMINATING, "it is being deleted"
    if not pod.probed:
        yield Reason.PROBE_NOT_RUNNING, "its container probe is not running: see `kubectl describe pod`"
    if entry is None or entry.uid != pod.uid:
        yield Reason.NOT_PROBED, "its probe has not reported yet"


def _silence(seen: Seen, pod: Pod, image: str) -> tuple[str, str]:
    """Why the probe does not report a check: reason and message."""
    helpers = seen.helpers_image(pod.stateful_set)
    if image and helpers and helpers != image:
        return (
            Reason.NOT_ASKED,
            f"its probe, of image {helpers}, does not make this check; it will once the pod is replaced",
        )
    return Reason.NOT_PROBED, "its probe has not reported yet"


def _sum(check: Check, verdicts: list[tuple[Pod, Condition]]) -> Condition:
    """The worst of all: False, Unknown, not asked, then True; with how many and which."""
    if not verdicts:
        return Condition(check.condition, UNKNOWN, Reason.NO_POD, "there is no mail pod yet")
    worst = min(_rank(found) for _, found in verdicts)
    if worst == _GOOD:
        return verdicts[0][1]
    bad = [(pod, found) for pod, found in verdicts if _rank(found) == worst]
    message = "; ".join(f"pod {pod.name}: {found.message}" for pod, found in bad)
    count = f"{len(bad)} of {len(verdicts)} pods: " if len(verdicts) > 1 else ""
    return replace(bad[0][1], message=f"{count}{message}")


_GOOD = 3


def _rank(verdict: Condition) -> int:
    """0 is the worst."""
    if verdict.reason == Reason.NOT_ASKED:
        return 2
    return {FALSE: 0, UNKNOWN: 1}.get(verdict.status, _GOOD)
