"""What the probes in the mail pods found, as conditions of the MailStack. Pure.

A probe's entry in status.pods is believed only while its pod is there, its container runs and its node answers:
never a stale True.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.kube.objects import Json, entries, section, text
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.store import Seen

LMTP_REACHABLE = "LMTPReachable"
VERIFICATION_READY = "VerificationReady"

_DISABLED = (
    "spec.verification.enabled is false: Postfix accepts every address of its domains and returns undeliverable mail "
    "to its sender"
)


@dataclass(frozen=True)
class Fact:
    """A condition's status (True, False, Unknown), reason and message."""

    status: str
    reason: str
    message: str


def lmtp(seen: Seen) -> Fact:
    """Whether Dovecot takes mail over LMTP, as every pod sees it."""
    return _sum([(pod, _verdict(seen, pod, "lmtp")) for pod in _mail_pods(seen)])


def verification(seen: Seen, *, enabled: bool) -> Fact:
    """Whether every Postfix refuses unknown recipients."""
    if not enabled:
        return Fact("False", "Disabled", _DISABLED)
    return _sum([(pod, _verdict(seen, pod, "verification")) for pod in _mail_pods(seen) if pod.component == "postfix"])


def orphans(seen: Seen) -> list[tuple[int, str]]:
    """The entries, by place and name, of pods that are gone; the last one first, so that places stay right."""
    found = enumerate(text(entry, "name") for entry in _entries(seen))
    return [(place, name) for place, name in found if name not in seen.pods][::-1]


def _mail_pods(seen: Seen) -> list[Pod]:
    return sorted((pod for pod in seen.pods.values() if pod.component != "rehearsal"), key=lambda pod: pod.name)


def _entries(seen: Seen) -> list[Mapping[str, Json]]:
    return entries(section(seen.stack or {}, "status"), "pods")


def _verdict(seen: Seen, pod: Pod, part: str) -> Fact:
    entry = next((entry for entry in _entries(seen) if text(entry, "name") == pod.name), {})
    if unknown := next(_doubts(pod, entry), None):
        return Fact("Unknown", *unknown)
    verdict = section(entry, part)
    return Fact(text(verdict, "status") or "Unknown", text(verdict, "reason") or "NotProbed", text(verdict, "message"))


def _doubts(pod: Pod, entry: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Why the entry is not believed."""
    if pod.deleting:
        yield "PodTerminating", "it is being deleted"
    if pod.lost:
        yield "NodeLost", "its node does not answer: see `kubectl get nodes`"
    if not pod.probed:
        yield "ProbeNotRunning", "its container probe does not run: see `kubectl describe pod`"
    if text(entry, "uid") != pod.uid:
        yield "NotProbed", "its probe has not reported yet"


def _sum(verdicts: list[tuple[Pod, Fact]]) -> Fact:
    """The worst of all: False, then Unknown, then True; with how many and which."""
    if not verdicts:
        return Fact("Unknown", "NoPod", "there is no mail pod yet")
    for status in ("False", "Unknown"):
        bad = [(pod, fact) for pod, fact in verdicts if fact.status == status]
        if bad:
            told = "; ".join(f"pod {pod.name}: {fact.message}" for pod, fact in bad)
            count = f"{len(bad)} of {len(verdicts)} pods: " if len(verdicts) > 1 else ""
            return Fact(status, bad[0][1].reason, f"{count}{told}")
    return verdicts[0][1]
