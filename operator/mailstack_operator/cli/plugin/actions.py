"""What each command does: reads through kubectl, then draws a screen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, POSTFIX, Line
from mailstack_operator.cli.plugin.parsing.log_merge import merge_logs
from mailstack_operator.cli.plugin.parsing.mail_queue import Message
from mailstack_operator.cli.plugin.parsing.message_trace import find_newest_message, trace_message
from mailstack_operator.cli.plugin.parsing.probe_traffic import drop_probe_traffic
from mailstack_operator.cli.plugin.parsing.recipient_answers import Outcome, judge_answers
from mailstack_operator.cli.plugin.parsing.refusals import find_refusals
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.screens.log_screen import render_log
from mailstack_operator.cli.plugin.screens.queue_screen import render_queue
from mailstack_operator.cli.plugin.screens.recipient_screen import render_answers
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.kube.objects import Object


@dataclass(frozen=True)
class Output:
    """What a command prints, what it could not read, and its exit code."""

    text: str
    problems: Sequence[str] = ()
    code: int = 0


@dataclass(frozen=True)
class LogSelection:
    """Which lines: of one message by its queue id, of the newest to an address, or, without both, of all.

    `everything`: with the probe's traffic.
    """

    queue_id: str | None = None
    user: str | None = None
    since: str = "1h"
    everything: bool = False


def show_status(kubectl: Kubectl, name: str, width: int) -> Output:
    """Conditions, pods, the probes' verdicts, the links, the queue, and the last refusals. Raises KubectlError."""
    stack = kubectl.get(pod_reader.RESOURCE, name)
    pods = pod_reader.list_pods(kubectl, name)
    postfix = _names(pod_reader.select_postfix(pods))
    joined = _names(pod for pod in pods if {POSTFIX, DOVECOT} <= set(pod_reader.list_servers(pod)))
    with open_pool() as pool:
        queues = pool.call_each(lambda pod: pod_reader.read_queue(kubectl, pod), postfix)
        folders = pool.call_each(lambda pod: pod_reader.read_private_files(kubectl, pod), joined)
        logs = pool.call_each(lambda pod: pod_reader.read_log(kubectl, pod, POSTFIX, "1h"), postfix)
    findings = Findings(
        stack=stack,
        pods=pods,
        messages=_flatten(queues.values),
        private=next(iter(folders.values), None),
        refusals=find_refusals(merge_logs(logs.values)),
        problems=queues.problems + folders.problems + logs.problems,
        now=datetime.now(UTC),
    )
    return Output(render_status(findings, width), code=1 if findings.problems else 0)


def show_queue(kubectl: Kubectl, name: str, width: int) -> Output:
    """The messages that wait in each Postfix pod. Raises KubectlError."""
    postfix = _names(pod_reader.select_postfix(pod_reader.require_pods(kubectl, name)))
    with open_pool() as pool:
        queues = pool.call_each(lambda pod: pod_reader.read_queue(kubectl, pod), postfix)
    messages, problems = _flatten(queues.values), queues.problems
    screen = render_queue(messages, datetime.now(UTC), width) if messages or not problems else ""
    return Output(screen, problems, 1 if problems else 0)


def show_answers(kubectl: Kubectl, name: str, address: str, width: int) -> Output:
    """What each Postfix pod, and Dovecot behind it, answer about the address; the exit code is always an Outcome."""
    try:
        postfix = pod_reader.select_postfix(pod_reader.require_pods(kubectl, name))
    except KubectlError as error:
        return Output("", list(filter(None, [str(error)])), Outcome.NOT_KNOWN)
    with open_pool() as pool:
        results = pool.call_each(lambda pod: pod_reader.ask_servers(kubectl, pod, address), postfix)
    answers, problems = results.values, results.problems
    outcome = judge_answers(answers, complete=not problems)
    return Output(render_answers(address, answers, outcome, datetime.now(UTC), width), problems, outcome)


def show_logs(kubectl: Kubectl, name: str, selection: LogSelection) -> Output:
    """Both servers' logs. Raises KubectlError."""
    pods = pod_reader.require_pods(kubectl, name)
    places = [(pod_reader.get_name(pod), server) for pod in pods for server in pod_reader.list_servers(pod)]
    with open_pool() as pool:
        logs = pool.call_each(lambda place: pod_reader.read_log(kubectl, *place, selection.since), places)
    lines, missing = _select(merge_logs(logs.values), selection)
    problems = [*logs.problems, *missing]
    nothing = "" if problems else f"no mail in the last {selection.since}: see also --all\n"
    return Output(render_log(lines) or nothing, problems, 1 if problems else 0)


def _select(lines: list[Line], selection: LogSelection) -> tuple[list[Line], list[str]]:
    """The lines that are asked for, and why there are none where a message was asked for."""
    queue_id = find_newest_message(lines, selection.user) if selection.user else selection.queue_id
    if queue_id:
        found = trace_message(lines, queue_id)
        return found, [] if found else [f"no message {queue_id} in the logs of the last {selection.since}"]
    if selection.user:
        missing = f"no message to {selection.user} in the logs of the last {selection.since}"
        return [], [f"{missing}: see also `status`, for refusals"]
    return lines if selection.everything else drop_probe_traffic(lines), []


def _names(pods: Iterable[Object]) -> list[str]:
    return [pod_reader.get_name(pod) for pod in pods]


def _flatten(queues: Iterable[Iterable[Message]]) -> list[Message]:
    return [message for queue in queues for message in queue]
