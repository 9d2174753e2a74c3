"""The pods of a MailStack, and what is read in them."""

import inspect
from collections.abc import Iterable

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, POSTFIX, Line, parse_log
from mailstack_operator.cli.plugin.parsing.mail_queue import Message, parse_queue
from mailstack_operator.cli.plugin.parsing.private_files import parse_listing
from mailstack_operator.cli.plugin.parsing.recipient_answers import (
    Answers,
    CacheEntry,
    parse_cache_entry,
    parse_replies,
)
from mailstack_operator.cli.plugin.reading import recipient_script
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object, entries, section, text
from mailstack_operator.stack.paths import POSTFIX_DATA, POSTFIX_PRIVATE

RESOURCE = f"{names.PLURAL}.{names.GROUP}"
_VERIFY_CACHE = f"lmdb:{POSTFIX_DATA}/verify_cache"
# The options of the probe that recipient_script takes too.
_PROBE_OPTIONS = ("--smtp=", "--lmtp=", "--lmtp-ca=", "--ids=")


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


def read_queue(kubectl: Kubectl, pod: str) -> list[Message]:
    """The messages in Postfix's queues. Raises KubectlError, or ValueError on unexpected output."""
    return parse_queue(pod, kubectl.execute(pod, POSTFIX, "postqueue", "-j"))


def read_private_files(kubectl: Kubectl, pod: str) -> dict[str, str]:
    """Mode and owner of the files in Postfix's private/, by name. Raises KubectlError."""
    return parse_listing(kubectl.execute(pod, POSTFIX, "ls", "-l", POSTFIX_PRIVATE))


def read_log(kubectl: Kubectl, pod: str, container: str, since: str) -> list[Line]:
    """Raises KubectlError."""
    return parse_log(pod, container, kubectl.get_log(pod, container, since))


def ask_servers(kubectl: Kubectl, pod: Object, address: str) -> Answers:
    """Both servers' replies about the address, asked in the pod's container `probe`. Raises like `read_queue`."""
    name = get_name(pod)
    options = [*_probe_options(pod), f"--host={text(section(pod, 'status'), 'podIP')}", "--", address]
    output = kubectl.execute(name, "probe", "python3", "-", *options, stdin=inspect.getsource(recipient_script))
    postfix, dovecot = parse_replies(output)
    return Answers(name, postfix, dovecot, _read_cache_entry(kubectl, name, address))


def _probe_options(pod: Object) -> list[str]:
    """How the pod's own probe reaches the servers."""
    containers = [each for kind in ("initContainers", "containers") for each in entries(section(pod, "spec"), kind)]
    command = next((each.get("command") for each in containers if text(each, "name") == "probe"), None)
    words = command if isinstance(command, list) else []
    return [word for word in words if isinstance(word, str) and word.startswith(_PROBE_OPTIONS)]


def _read_cache_entry(kubectl: Kubectl, pod: str, address: str) -> CacheEntry | None:
    try:
        # verify(8) keeps the address as it was written, in capitals or not.
        return parse_cache_entry(kubectl.execute(pod, POSTFIX, "postmap", "-fq", address, _VERIFY_CACHE))
    except KubectlError as error:
        # postmap(1): 1 where there is no entry; it writes something only if the table cannot be read.
        if str(error).endswith(": command terminated with exit code 1"):
            return None
        raise
