"""One MailStack in the cluster, with what it is made of."""

import json
import re
from dataclasses import dataclass

from mailtest import node
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl, Object
from mailtest.wait import until

CHILDREN = "configmaps,services,statefulsets"
# Many MailStacks start side by side on two cores, and try their changes two at a time.
READY_SECONDS = 360.0


@dataclass(frozen=True)
class Stack:
    """The MailStack `name` of `namespace`."""

    namespace: str
    name: str = "mail"

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.namespace)

    @property
    def host(self) -> str:
        """The Service's name, as it resolves anywhere in the cluster."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    @property
    def pod_name(self) -> str:
        return f"{self.name}-0"

    @property
    def selector(self) -> str:
        """Every child of this MailStack, and nothing else."""
        return (
            "app.kubernetes.io/managed-by=mailstack-operator,app.kubernetes.io/name=mailstack,"
            f"app.kubernetes.io/instance={self.name}"
        )

    def get(self) -> Object:
        return self.kubectl.must_get("mailstack", self.name)

    def condition(self, kind: str) -> Object:
        """The condition, if it speaks of the object as it is now; else {}."""
        return self.conditions().get(kind, {})

    def conditions(self) -> dict[str, Object]:
        """By type, the conditions that speak of the object as it is now, of one reading: they agree with each other."""
        stack = self.get()
        found = stack.get("status", {}).get("conditions", [])
        return {
            each["type"]: each for each in found if each.get("observedGeneration") == stack["metadata"]["generation"]
        }

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the MailStack as it is now is Ready, and the node routes to its pods.

        kube-proxy learns a moment later that a pod is Ready. Mail servers retry then, and the tests do not.
        """
        until(f"MailStack {self.namespace}/{self.name} is Ready", self._is_ready, seconds)
        until(f"the node routes to the pods of {self.namespace}/{self.name}", self._is_routed, 30)

    def _is_ready(self) -> bool:
        ready = self.condition("Ready")
        assert ready.get("status") == "True", f"{ready.get('reason')}: {ready.get('message')}"
        return True

    def _is_routed(self) -> bool:
        service = self.kubectl.must_get("service", self.name)["spec"]
        # Without this field, a pod that is not Ready is routed to as well.
        ready_only = not service.get("publishNotReadyAddresses")
        return not ready_only or node.routes(
            f"{self.namespace}/{self.name}", *(port["name"] for port in service["ports"])
        )

    def wait_condition(self, kind: str, status: str, pattern: str, seconds: float = READY_SECONDS) -> Object:
        """Wait until the condition has `status` and its reason and message match `pattern`; the condition."""

        def look() -> Object | None:
            found = self.condition(kind)
            text = f"{found.get('reason')}: {found.get('message')}"
            matches = found.get("status") == status and re.search(pattern, text, re.DOTALL)
            assert matches, f"{kind}={found.get('status')}, {text}"
            return found

        return until(f"{kind}={status} with /{pattern}/ on MailStack {self.name}", look, seconds) or {}

    def patch(self, **spec: object) -> None:
        """Merge fields into the spec; None removes one."""
        self.kubectl.patch("mailstack", self.name, {"spec": spec})

    def pod(self) -> Object:
        return self.kubectl.must_get("pod", self.pod_name)

    def pod_of(self, container: str) -> str:
        """The name of the pod in which a container runs: over TCP Dovecot has one of its own."""
        return f"{self.name}-dovecot-0" if container == "dovecot" and self.listener() == "Inet" else self.pod_name

    def listener(self) -> str:
        """spec.delivery.listener.type."""
        found: str = self.get()["spec"].get("delivery", {}).get("listener", {}).get("type", "Unix")
        return found

    @property
    def lmtp_host(self) -> str:
        """The Service of Dovecot's LMTP, over TCP."""
        return f"{self.name}-dovecot.{self.namespace}.svc.cluster.local"

    def run_in(self, container: str, *command: str, stdin: str = "") -> str:
        """The stdout of a command in the container `postfix` or `dovecot`."""
        return self.kubectl.execute(self.pod_of(container), container, *command, stdin=stdin)

    def knows(self, user: str, *, patience: int = 5) -> bool:
        """Whether Dovecot does. Raises CommandError, which `until` takes for "not yet", while it does not, or says
        nothing for `patience` seconds."""
        # It may wait for a connection that is given up after a minute, and ignores SIGTERM meanwhile.
        return "home" in self.run_in("dovecot", "timeout", "-s", "KILL", str(patience), "doveadm", "user", user)

    def lacks(self, user: str) -> bool:
        """Whether Dovecot has no such user (EX_NOUSER); a failure, such as of a lost source, would be another code."""
        try:
            self.run_in("dovecot", "doveadm", "user", user)
        except CommandError as error:
            return "exit code 67" in error.stderr
        return False

    def log(self, container: str) -> list[str]:
        return self.kubectl.logs(self.pod_of(container), container).splitlines()

    def stop_lmtp(self) -> None:
        """Dovecot's LMTP listens no longer: connections are refused, as when Dovecot is down."""
        self.run_in("dovecot", "doveadm", "service", "stop", "lmtp")

    def start_lmtp(self) -> None:
        self.run_in("dovecot", "doveadm", "reload")

    def kill(self, container: str) -> None:
        """End all of a container by SIGKILL, from the node; wait until the kubelet started it again."""
        name = self.pod_of(container)
        before = container_status(self.kubectl.must_get("pod", name), container)
        node.kill(before["containerID"])
        until(
            f"{container} of {name} runs again", lambda: self._runs_again(name, container, before["restartCount"]), 90
        )

    def _runs_again(self, pod: str, container: str, restarts: int) -> bool:
        now = container_status(self.kubectl.must_get("pod", pod), container)
        return bool(now["restartCount"] > restarts and now["started"])

    def speak_lmtp(self, *lines: str) -> list[str]:
        """What Dovecot's LMTP server answers to these lines, without Postfix in between."""
        dialogue = "".join(f"{line}\r\n" for line in ("LHLO client.example.net", *lines, "QUIT"))
        return self.run_in("dovecot", "doveadm", "exec", "lmtp", stdin=dialogue).splitlines()

    def questions(self, address: str) -> int:
        """How often Postfix asked Dovecot about the address, by its log; the probe asks Dovecot by itself."""
        return sum(f"to=<{address}>" in line and "postfix/lmtp[" in line for line in self.log("postfix"))

    def queue(self) -> list[Object]:
        """The messages in Postfix's queue, without the questions of address verification that pass through it."""
        messages = [json.loads(line) for line in self.run_in("postfix", "postqueue", "-j").splitlines()]
        return [each for each in messages if not each["sender"].startswith("double-bounce@")]

    def wait_queue_empty(self, seconds: float = 150.0) -> None:
        """Wait until Postfix has nothing left to deliver: what has not arrived by then never will."""
        until(f"the queue of {self.name} is empty", lambda: not self.queue(), seconds)

    def wait_repaired(self, seconds: float = 60.0) -> None:
        """Delete the Service and wait until it is back: then an operator is at work, and has seen all the rest."""
        uid = self._service_uid()
        self.kubectl.delete("service", self.name, "--wait=false")
        until("the operator is at work", lambda: self._service_uid() != uid, seconds)
        self.wait_ready()

    def _service_uid(self) -> str:
        uid: str = self.kubectl.must_get("service", self.name)["metadata"]["uid"]
        return uid

    def versions(self) -> dict[str, str]:
        """The resourceVersion of the MailStack, of each child and of its pod, by kind and name."""
        children = self.kubectl.list(f"{CHILDREN},pods", self.selector)
        return {f"{each['kind']} {each['metadata']['name']}": _version(each) for each in [*children, self.get()]}

    def children(self) -> list[str]:
        """Kind and name of each child, sorted."""
        found = self.kubectl.list(CHILDREN, self.selector)
        return sorted(f"{each['kind']} {each['metadata']['name']}" for each in found)


def container_status(pod: Object, container: str) -> Object:
    """What the kubelet says of a container, be it a sidecar or not."""
    return next(each for each in _statuses(pod) if each["name"] == container)


def _statuses(pod: Object) -> list[Object]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def restarts(pod: Object) -> int:
    """How often what runs in the pod was started again, also where runc failed to create a container."""
    return sum(each["restartCount"] for each in _statuses(pod) if "running" in each["state"])


def identity(pod: Object) -> dict[str, object]:
    """What changes when a pod or one of its containers is restarted: its uid and the restart counts."""
    counts = {each["name"]: each["restartCount"] for each in _statuses(pod)}
    return {"uid": pod["metadata"]["uid"], **counts}


def _version(found: Object) -> str:
    version: str = found["metadata"]["resourceVersion"]
    return version
