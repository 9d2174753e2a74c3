"""The pods of a MailStack, and what is read in them."""

import inspect
from collections.abc import Iterable

from mailstack_operator.cli.plugin import ask, logs, queue, sockets, verify
from mailstack_operator.cli.plugin.kubectl import Kubectl, Refused
from mailstack_operator.cli.plugin.logs import DOVECOT, POSTFIX, Line
from mailstack_operator.cli.plugin.queue import Message
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object, entries, section, text
from mailstack_operator.stack.paths import POSTFIX_DATA, POSTFIX_PRIVATE

RESOURCE = f"{names.PLURAL}.{names.GROUP}"
_VERIFY_CACHE = f"lmdb:{POSTFIX_DATA}/verify_cache"
# Those of the probe's options that `ask` takes, too.
_ASKED = ("--smtp=", "--lmtp=", "--lmtp-ca=", "--ids=")


def of_stack(kubectl: Kubectl, name: str) -> list[Object]:
    """The MailStack's pods by name; none if there is no such MailStack. Raises Refused."""
    selector = ",".join(f"{label}={value}" for label, value in names.labels(name).items())
    return sorted(kubectl.items("pods", f"--selector={selector}"), key=name_of)


def demand(kubectl: Kubectl, name: str) -> list[Object]:
    """The pods of the MailStack. Raises Refused if there are none, with kubectl's words if there is no MailStack."""
    found = of_stack(kubectl, name)
    if not found:
        kubectl.item(RESOURCE, name)
        raise Refused(f"MailStack {name} has no pods: see `kubectl mailstack status {name}`")
    return found


def name_of(pod: Object) -> str:
    return text(section(pod, "metadata"), "name")


def servers_of(pod: Object) -> list[str]:
    """Which of the two servers run in the pod."""
    spec = section(pod, "spec")
    every = [text(each, "name") for kind in ("initContainers", "containers") for each in entries(spec, kind)]
    return [container for container in every if container in (POSTFIX, DOVECOT)]


def with_postfix(found: Iterable[Object]) -> list[Object]:
    return [pod for pod in found if POSTFIX in servers_of(pod)]


def waiting(kubectl: Kubectl, pod: str) -> list[Message]:
    """The messages in Postfix's queues. Raises Refused, or ValueError if that is not what the pod printed."""
    return queue.messages(pod, kubectl.exec(pod, POSTFIX, "postqueue", "-j"))


def private_files(kubectl: Kubectl, pod: str) -> dict[str, str]:
    """Mode and owner of what stands in Postfix's private/, by name. Raises Refused."""
    return sockets.listed(kubectl.exec(pod, POSTFIX, "ls", "-l", POSTFIX_PRIVATE))


def log(kubectl: Kubectl, pod: str, container: str, since: str) -> list[Line]:
    """Raises Refused."""
    return logs.lines(pod, container, kubectl.logs(pod, container, since))


def asked(kubectl: Kubectl, pod: Object, address: str) -> verify.Finding:
    """What both servers say of the address, from the pod's probe. Raises Refused, or ValueError as `waiting` does."""
    name = name_of(pod)
    options = [*_probe_options(pod), f"--host={text(section(pod, 'status'), 'podIP')}", "--", address]
    output = kubectl.exec(name, "probe", "python3", "-", *options, given=inspect.getsource(ask))
    postfix, dovecot = verify.answers(output)
    return verify.Finding(name, postfix, dovecot, _cached(kubectl, name, address))


def _probe_options(pod: Object) -> list[str]:
    """How the pod's own probe reaches the servers."""
    containers = [each for kind in ("initContainers", "containers") for each in entries(section(pod, "spec"), kind)]
    command = next((each.get("command") for each in containers if text(each, "name") == "probe"), None)
    words = command if isinstance(command, list) else []
    return [word for word in words if isinstance(word, str) and word.startswith(_ASKED)]


def _cached(kubectl: Kubectl, pod: str, address: str) -> verify.Entry | None:
    try:
        # verify(8) keeps the address as it was written, in capitals or not.
        return verify.entry(kubectl.exec(pod, POSTFIX, "postmap", "-fq", address, _VERIFY_CACHE))
    except Refused as refused:
        # postmap(1): 1 where there is no entry; it writes something only if the table cannot be read.
        if str(refused).endswith(": command terminated with exit code 1"):
            return None
        raise
