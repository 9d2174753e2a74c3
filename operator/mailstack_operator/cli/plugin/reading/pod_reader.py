"""The pods of a MailStack, and what is read in them."""

from collections.abc import Iterable

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, POSTFIX, Line, parse_log
from mailstack_operator.cli.plugin.parsing.mail_queue import Message, parse_queue
from mailstack_operator.cli.plugin.parsing.private_files import parse_listing
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object, entries, section, text
from mailstack_operator.stack.paths import POSTFIX_PRIVATE

RESOURCE = f"{names.PLURAL}.{names.GROUP}"


def list_pods(kubectl: Kubectl, name: str) -> list[Object]:
    """The MailStack's pods by name; none if there is no such MailStack. Raises KubectlError."""
    selector = ",".join(f"{label}={value}" for label, value in names.labels(name).items())
    return sorted(kubectl.get_list("pods", f"--selector={selector}"), key=get_name)


def require_pods(kubectl: Kubectl, name: str) -> list[Object]:
    """The MailStack's pods. Raises KubectlError if there are none, with kubectl's message if there is no MailStack."""
    found = list_pods(kubectl, name)
    if not found:
        kubectl.get(RESOURCE, name)
        raise KubectlError(f"MailStack {name} has no pods: see `kubectl mailstack status {name}`")
    return found


def get_name(pod: Object) -> str:
    return text(section(pod, "metadata"), "name")


def list_servers(pod: Object) -> list[str]:
    """The servers that run in the pod."""
    spec = section(pod, "spec")
    every = [text(each, "name") for kind in ("initContainers", "containers") for each in entries(spec, kind)]
    return [container for container in every if container in (POSTFIX, DOVECOT)]


def select_postfix(pods: Iterable[Object]) -> list[Object]:
    return [pod for pod in pods if POSTFIX in list_servers(pod)]


def select_dovecot(pods: Iterable[Object]) -> list[Object]:
    return [pod for pod in pods if DOVECOT in list_servers(pod)]


def read_queue(kubectl: Kubectl, pod: str) -> list[Message]:
    """The messages in Postfix's queues. Raises KubectlError, or ValueError on unexpected output."""
    return parse_queue(pod, kubectl.execute(pod, POSTFIX, "postqueue", "-j"))


def read_private_files(kubectl: Kubectl, pod: str) -> dict[str, str]:
    """Mode and owner of the files in Postfix's private/, by name. Raises KubectlError."""
    return parse_listing(kubectl.execute(pod, POSTFIX, "ls", "-l", POSTFIX_PRIVATE))


def read_log(kubectl: Kubectl, pod: str, container: str, since: str) -> list[Line]:
    """Raises KubectlError."""
    return parse_log(pod, container, kubectl.get_log(pod, container, since))
