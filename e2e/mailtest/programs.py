"""The pod of programs that mail users have: they reach a MailStack by its hostname, and trust its CA."""

from dataclasses import dataclass

from harness import images
from mailtest.kubectl import Kubectl, Object

# Of the CA, in the pod.
CA = "/etc/mailstack/ca.crt"


@dataclass(frozen=True)
class Programs:
    """The pod `programs` of a namespace."""

    kubectl: Kubectl

    def start(self, service: str, hostname: str, secret: str) -> None:
        """Create the pod, in which `hostname` is the Service and CA the CA of the TLS Secret; wait until it runs."""
        address: str = self.kubectl.must_get("service", service)["spec"]["clusterIP"]
        self.kubectl.apply(_pod(address, hostname, secret))
        self.kubectl("wait", "pod/programs", "--for=condition=Ready", "--timeout=120s", seconds=130)

    def run(self, *command: str, stdin: str = "", seconds: float = 120.0) -> str:
        """What the program prints. Raises CommandError if it fails, or takes longer."""
        return self.kubectl.execute("programs", "programs", *command, stdin=stdin, seconds=seconds)

    def write(self, path: str, text: str) -> None:
        """A file in the home that its owner alone reads, as msmtp wants it."""
        self.run("sh", "-c", 'umask 077 && cat > "$0"', path, stdin=text)


def _pod(address: str, hostname: str, secret: str) -> Object:
    container = {
        "name": "programs",
        "image": images.PROGRAMS.reference,
        "imagePullPolicy": "IfNotPresent",
        "workingDir": "/root",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "ca", "mountPath": CA.rpartition("/")[0]}],
    }
    certificate = {"secretName": secret, "items": [{"key": "ca.crt", "path": CA.rpartition("/")[2]}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "programs"},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "hostAliases": [{"ip": address, "hostnames": [hostname]}],
            "containers": [container],
            "volumes": [{"name": "ca", "secret": certificate}],
        },
    }
