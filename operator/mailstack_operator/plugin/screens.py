"""`kubectl mailstack`: asks a cluster through kubectl, and tells what it says of one MailStack.

The user's kubeconfig, rights and plugins for login count as they do for kubectl, because it is kubectl that is run.
What is read becomes text in the modules plugin_*, which start nothing.
"""

import inspect
import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from mailstack_operator import names, plugin_ask, plugin_logs, plugin_queue, plugin_status, plugin_verify
from mailstack_operator.objects import Object, entries, section, text
from mailstack_operator.plugin_logs import DOVECOT, POSTFIX, Line
from mailstack_operator.plugin_queue import Message
from mailstack_operator.topology import POSTFIX_DATA

_RESOURCE = f"{names.PLURAL}.{names.GROUP}"
_VERIFY_CACHE = f"lmdb:{POSTFIX_DATA}/verify_cache"
# Those of the probe's options that plugin_ask takes, too.
_ASKED = ("--smtp=", "--lmtp=", "--lmtp-ca=", "--ids=")
# Seconds for kubectl; for its first answer it may have to let the user log in.
_PATIENCE = 40.0
_LOGIN = 300.0
# kubectl runs at once, at most: each is a process and a connection.
_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


class Refused(Exception):
    """kubectl failed: its exit code, and what it wrote to stderr; no words where the user has seen them already."""

    def __init__(self, words: str, code: int = 1) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Shown:
    """What a command prints, what it could not read, and its exit code."""

    text: str
    problems: Sequence[str] = ()
    code: int = 0


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the user's options, such as `--namespace=post`."""

    options: tuple[str, ...] = ()

    def items(self, *arguments: str) -> list[Object]:
        """`kubectl get` of a list. Raises Refused."""
        found: Object = json.loads(self._get(*arguments))
        return [dict(item) for item in entries(found, "items")]

    def item(self, kind: str, name: str) -> Object:
        """`kubectl get` of one object. Raises Refused, also if there is none."""
        found: Object = json.loads(self._get(kind, "--", name))
        return found

    def exec(self, pod: str, container: str, *command: str, given: str = "") -> str:
        """What the command prints in the container; `given` is its input. Raises Refused."""
        stdin = ["--stdin"] if given else []
        return self._of(pod, container, ["exec", *stdin], [pod, "--", *command], given)

    def logs(self, pod: str, container: str, since: str) -> str:
        """Raises Refused."""
        return self._of(pod, container, ["logs", f"--since={since}", "--timestamps"], [pod], "")

    def _get(self, *arguments: str) -> str:
        # What kubectl and its plugins write to stderr goes to the user, and what they ask, too: how to log in.
        return self._run("get", "--output=json", *arguments, seconds=_LOGIN)

    def _of(self, pod: str, container: str, verb: Sequence[str], place: Sequence[str], given: str) -> str:
        try:
            return self._run(*verb, f"--container={container}", *place, seconds=_PATIENCE, given=given)
        except Refused as refused:
            raise Refused(f"pod {pod}, container {container}: {refused}", refused.code) from refused

    def _run(self, verb: str, *arguments: str, seconds: float, given: str | None = None) -> str:
        """With `given` None, the streams but stdout are the user's own."""
        command = ["kubectl", verb, *self.options, *arguments]
        stderr = None if given is None else subprocess.PIPE
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command,
                input=given,
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
                timeout=seconds,
                check=False,
            )
        except OSError as error:
            raise Refused(f"kubectl cannot be run ({error.strerror}): install it, and put it on PATH") from error
        except subprocess.TimeoutExpired as error:
            raise Refused(f"kubectl {verb} took more than {seconds:.0f} s: is the cluster there?") from error
        if done.returncode:
            raise Refused((done.stderr or "").strip(), done.returncode)
        return done.stdout


def status(kubectl: Kubectl, name: str, width: int) -> Shown:
    """Conditions, pods, what the probes found, the queue, and the last refusals. Raises Refused."""
    stack = kubectl.item(_RESOURCE, name)
    pods = _pods(kubectl, name)
    postfix = [_name(body) for body in pods if POSTFIX in _containers(body)]
    queues = _each(lambda pod: _queue(kubectl, pod), postfix)
    logs = _each(lambda pod: _log(kubectl, pod, POSTFIX, "1h"), postfix)
    found = plugin_status.Findings(
        stack=stack,
        pods=pods,
        messages=[message for queue in _read(queues) for message in queue],
        refusals=plugin_logs.refusals(plugin_logs.merged(_read(logs))),
        problems=_failures(queues) + _failures(logs),
        now=datetime.now(UTC),
    )
    return Shown(plugin_status.screen(found, width), code=1 if found.problems else 0)


def queue(kubectl: Kubectl, name: str, width: int) -> Shown:
    """The messages that wait in each Postfix pod. Raises Refused."""
    postfix = [_name(body) for body in _mail_pods(kubectl, name) if POSTFIX in _containers(body)]
    queues = _each(lambda pod: _queue(kubectl, pod), postfix)
    messages = [message for found in _read(queues) for message in found]
    problems = _failures(queues)
    shown = plugin_queue.screen(messages, datetime.now(UTC), width) if messages or not problems else ""
    return Shown(shown, problems, 1 if problems else 0)


def verify(kubectl: Kubectl, name: str, address: str, width: int) -> Shown:
    """What each Postfix pod, and Dovecot behind it, say of the address; the exit code is an Outcome in any case."""
    try:
        postfix = [body for body in _mail_pods(kubectl, name) if POSTFIX in _containers(body)]
    except Refused as refused:
        return Shown("", list(filter(None, [str(refused)])), plugin_verify.Outcome.NOT_KNOWN)
    tried = _each(lambda body: _finding(kubectl, body, address), postfix)
    findings, problems = _read(tried), _failures(tried)
    outcome = plugin_verify.overall(findings, complete=not problems)
    return Shown(plugin_verify.screen(address, findings, outcome, datetime.now(UTC), width), problems, outcome)


@dataclass(frozen=True)
class Choice:
    """Which lines of the logs: of one message by its queue id, of the newest to an address, or, without both, all."""

    queue_id: str | None = None
    user: str | None = None
    since: str = "1h"


def logs(kubectl: Kubectl, name: str, choice: Choice) -> Shown:
    """Both servers' logs. Raises Refused."""
    places = [(_name(body), container) for body in _mail_pods(kubectl, name) for container in _containers(body)]
    tried = _each(lambda place: _log(kubectl, *place, choice.since), places)
    lines, problems = plugin_logs.merged(_read(tried)), _failures(tried)
    queue_id = plugin_logs.newest_message(lines, choice.user) if choice.user else choice.queue_id
    if choice.user and not queue_id:
        nothing = f"no message to {choice.user} in the logs of the last {choice.since}: see also `status`, for refusals"
        return Shown("", [*problems, nothing], 1)
    if queue_id:
        lines = plugin_logs.transaction(lines, queue_id)
        if not lines:
            problems.append(f"no message {queue_id} in the logs of the last {choice.since}")
    return Shown(plugin_logs.screen(lines), problems, 1 if problems else 0)


def _pods(kubectl: Kubectl, name: str) -> list[Object]:
    selector = ",".join(f"{label}={value}" for label, value in names.labels(name).items())
    return sorted(kubectl.items("pods", f"--selector={selector}"), key=_name)


def _mail_pods(kubectl: Kubectl, name: str) -> list[Object]:
    """The pods of the MailStack. Raises Refused if there are none, with kubectl's words if there is no MailStack."""
    pods = _pods(kubectl, name)
    if not pods:
        kubectl.item(_RESOURCE, name)
        raise Refused(f"MailStack {name} has no pods: see `kubectl mailstack status {name}`")
    return pods


def _name(body: Object) -> str:
    return text(section(body, "metadata"), "name")


def _containers(body: Object) -> list[str]:
    """The servers in the pod."""
    spec = section(body, "spec")
    every = [text(each, "name") for kind in ("initContainers", "containers") for each in entries(spec, kind)]
    return [container for container in every if container in (POSTFIX, DOVECOT)]


def _queue(kubectl: Kubectl, pod: str) -> list[Message]:
    return plugin_queue.messages(pod, kubectl.exec(pod, POSTFIX, "postqueue", "-j"))


def _log(kubectl: Kubectl, pod: str, container: str, since: str) -> list[Line]:
    return plugin_logs.lines(pod, container, kubectl.logs(pod, container, since))


def _finding(kubectl: Kubectl, body: Object, address: str) -> plugin_verify.Finding:
    pod = _name(body)
    options = [*_probe_options(body), f"--host={text(section(body, 'status'), 'podIP')}", "--", address]
    output = kubectl.exec(pod, "probe", "python3", "-", *options, given=inspect.getsource(plugin_ask))
    postfix, dovecot = plugin_verify.answers(output)
    return plugin_verify.Finding(pod, postfix, dovecot, _cached(kubectl, pod, address))


def _probe_options(body: Object) -> list[str]:
    """How the pod's own probe reaches the servers."""
    containers = [each for kind in ("initContainers", "containers") for each in entries(section(body, "spec"), kind)]
    command = next((each.get("command") for each in containers if text(each, "name") == "probe"), None)
    words = command if isinstance(command, list) else []
    return [word for word in words if isinstance(word, str) and word.startswith(_ASKED)]


def _cached(kubectl: Kubectl, pod: str, address: str) -> plugin_verify.Entry | None:
    try:
        # verify(8) keeps the address as it was written, in capitals or not.
        return plugin_verify.entry(kubectl.exec(pod, POSTFIX, "postmap", "-fq", address, _VERIFY_CACHE))
    except Refused as refused:
        # postmap(1): 1 where there is no entry; it writes something only if the table cannot be read.
        if str(refused).endswith(": command terminated with exit code 1"):
            return None
        raise


def _each(function: Callable[[T], R], items: Iterable[T]) -> list[R | Refused]:
    """What the function returns for each, several at once; or why it does not."""

    def attempt(item: T) -> R | Refused:
        try:
            return function(item)
        except Refused as refused:
            return refused
        except ValueError as error:
            return Refused(f"what a pod printed is not what is expected: {error}")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(attempt, items))


def _read(tried: Iterable[R | Refused]) -> list[R]:
    return [each for each in tried if not isinstance(each, Refused)]


def _failures(tried: Iterable[object]) -> list[str]:
    return [str(each) for each in tried if isinstance(each, Refused)]
