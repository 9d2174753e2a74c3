"""The operator, installed by Helm as a user does."""

import json
import math
import re
from collections import Counter
from collections.abc import Collection

from harness import images, paths
from mailtest import manifests, node
from mailtest.command import run
from mailtest.kubectl import Kubectl, Object
from mailtest.wait import until

NAMESPACE = "mailstack-system"
RELEASE = "mailstack-operator"
CHART = paths.repository() / "charts" / "mailstack-operator"
SELECTOR = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/name=mailstack-operator"
KUBECTL = Kubectl(NAMESPACE)


def install(*flags: str, chart: str = str(CHART)) -> None:
    """`helm upgrade --install` of the checkout's chart, or of another.

    A changed image rolls the operator, because its key stands on the pod. Its namespace admits only what Pod Security
    calls restricted.
    """
    Kubectl().apply(manifests.namespace(NAMESPACE, **{"pod-security.kubernetes.io/enforce": "restricted"}))
    key = f"podAnnotations.mailstack\\.dev/image={images.image_key('operator')}"
    _helm(
        "upgrade",
        "--install",
        RELEASE,
        chart,
        f"--set-string={key}",
        f"--set-json={_ALLOWED}",
        *flags,
        *_FORCE,
        *_WAIT,
    )


def uninstall() -> None:
    _helm("uninstall", RELEASE, *_WAIT)


# The labels and annotations that MailStacks of the tests set.
_ALLOWED = 'admissionPolicy.allowedMetadata=["example.org/"]'
# A CRD that a hand or an interrupted test left in the cluster is taken over.
_FORCE = ("--take-ownership", "--force-conflicts")
_WAIT = ("--wait", "--timeout=120s")


def _helm(*words: str) -> None:
    run("helm", *words, f"--namespace={NAMESPACE}", seconds=150)


def scale(replicas: int) -> None:
    """Change how many operators run, and wait until it is so."""
    KUBECTL("scale", "deployment", RELEASE, f"--replicas={replicas}")
    until(f"{replicas} operator pods", lambda: len(pods()) == replicas, 60)
    KUBECTL("rollout", "status", f"deployment/{RELEASE}", "--timeout=60s", seconds=70)


def kill(pod: str) -> None:
    """End the operator of `pod` by SIGKILL, from the node: it cannot say good-bye. The kubelet starts it again."""
    status = _container(pod)
    node.kill(status["containerID"])
    until(f"{pod} was restarted", lambda: restarts(pod) > status["restartCount"], 30)


def restarts(pod: str) -> int:
    count: int = _container(pod)["restartCount"]
    return count


def process(pod: str) -> str:
    """The operator of `pod`, by its number on the node."""
    return node.process(_container(pod)["containerID"])


def _container(pod: str) -> Object:
    status: Object = KUBECTL.must_get("pod", pod)["status"]["containerStatuses"][0]
    return status


def pods() -> list[Object]:
    """The operator's pods, without those that are on their way out."""
    found = KUBECTL.list("pods", SELECTOR)
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def leader() -> str:
    """The name of the pod that holds the Lease; "" if none does."""
    lease = KUBECTL.get("lease", RELEASE)
    holder: str = lease["spec"].get("holderIdentity") or "" if lease else ""
    return holder


def wait_for_leader(seconds: float = 60.0, other_than: str = "") -> str:
    """The pod that leads; it exists, and is another than `other_than`."""

    def look() -> str:
        holder, names = leader(), [pod["metadata"]["name"] for pod in pods()]
        assert holder in {*names} - {other_than}, f"the Lease is held by {holder!r}, the pods are {names}"
        return holder

    return until("one of the operator's pods is the leader", look, seconds)


def log(lines: int = 40) -> str:
    return KUBECTL("logs", f"--selector={SELECTOR}", f"--tail={lines}", "--prefix")


_MUTATING = frozenset(["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"])
_SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def writes() -> Counter[str]:
    """How often the API server was asked to change something, by its own request counters: by resource, or
    resource/subresource."""
    return _requests(_MUTATING)


def gets() -> Counter[str]:
    """How often it was asked for one object."""
    return _requests(frozenset(["GET"]))


def _requests(verbs: Collection[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for sample in _SAMPLE.finditer(Kubectl()("get", "--raw", "/metrics")):
        labels = dict(_LABEL.findall(sample["labels"]))
        if labels["verb"] in verbs:
            value = float(sample["value"])
            what = "/".join(filter(None, (labels["resource"], labels["subresource"])))
            counts[what] += 0 if math.isnan(value) else round(value)
    return counts


def custom_resource_definition() -> Object:
    """The installed CRD, without what the API server adds, so that it can be put back."""
    found: Object = json.loads(Kubectl()("get", "crd", "mailstacks.mailstack.dev", "-o", "json"))
    for added in ("resourceVersion", "uid", "generation", "creationTimestamp", "managedFields"):
        found["metadata"].pop(added, None)
    found.pop("status", None)
    return found
