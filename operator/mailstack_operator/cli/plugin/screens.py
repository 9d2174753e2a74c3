"""What each command shows of a MailStack: reads it through kubectl, and has it written by the module of its name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailstack_operator.cli.plugin import attempts, log_merge, logs, pods, probing, queue, status, verify
from mailstack_operator.cli.plugin.kubectl import Kubectl, Refused
from mailstack_operator.cli.plugin.logs import DOVECOT, POSTFIX
from mailstack_operator.cli.plugin.queue import Message


@dataclass(frozen=True)
class Shown:
    """What a command prints, what it could not read, and its exit code."""

    text: str
    problems: Sequence[str] = ()
    code: int = 0


@dataclass(frozen=True)
class Choice:
    """Which lines of the logs: of one message by its queue id, of the newest to an address, or, without both, of all.

    `everything`: what the probe asks, too.
    """

    queue_id: str | None = None
    user: str | None = None
    since: str = "1h"
    everything: bool = False


def show_status(kubectl: Kubectl, name: str, width: int) -> Shown:
    """Conditions, pods, what the probes found, the sockets, the queue, and the last refusals. Raises Refused."""
    stack = kubectl.item(pods.RESOURCE, name)
    found = pods.of_stack(kubectl, name)
    postfix = [pods.name_of(pod) for pod in pods.with_postfix(found)]
    joined = [pods.name_of(pod) for pod in found if {POSTFIX, DOVECOT} <= set(pods.servers_of(pod))]
    with attempts.together() as pool:
        queues = pool.each(lambda pod: pods.waiting(kubectl, pod), postfix)
        folders = pool.each(lambda pod: pods.private_files(kubectl, pod), joined)
        written = pool.each(lambda pod: pods.log(kubectl, pod, POSTFIX, "1h"), postfix)
    findings = status.Findings(
        stack=stack,
        pods=found,
        messages=_all(queues.read),
        private=next(iter(folders.read), None),
        refusals=logs.refusals(log_merge.merge(written.read)),
        problems=queues.problems + folders.problems + written.problems,
        now=datetime.now(UTC),
    )
    return Shown(status.screen(findings, width), code=1 if findings.problems else 0)


def show_queue(kubectl: Kubectl, name: str, width: int) -> Shown:
    """The messages that wait in each Postfix pod. Raises Refused."""
    postfix = [pods.name_of(pod) for pod in pods.with_postfix(pods.demand(kubectl, name))]
    with attempts.together() as pool:
        queues = pool.each(lambda pod: pods.waiting(kubectl, pod), postfix)
    messages, problems = _all(queues.read), queues.problems
    shown = queue.screen(messages, datetime.now(UTC), width) if messages or not problems else ""
    return Shown(shown, problems, 1 if problems else 0)


def _all(queues: Iterable[Iterable[Message]]) -> list[Message]:
    return [message for waiting in queues for message in waiting]


def show_verify(kubectl: Kubectl, name: str, address: str, width: int) -> Shown:
    """What each Postfix pod, and Dovecot behind it, say of the address; the exit code is an Outcome in any case."""
    try:
        postfix = pods.with_postfix(pods.demand(kubectl, name))
    except Refused as refused:
        return Shown("", list(filter(None, [str(refused)])), verify.Outcome.NOT_KNOWN)
    with attempts.together() as pool:
        tried = pool.each(lambda pod: pods.asked(kubectl, pod, address), postfix)
    outcome = verify.overall(tried.read, complete=not tried.problems)
    return Shown(verify.screen(address, tried.read, outcome, datetime.now(UTC), width), tried.problems, outcome)


def show_logs(kubectl: Kubectl, name: str, choice: Choice) -> Shown:
    """Both servers' logs. Raises Refused."""
    places = [(pods.name_of(pod), server) for pod in pods.demand(kubectl, name) for server in pods.servers_of(pod)]
    with attempts.together() as pool:
        tried = pool.each(lambda place: pods.log(kubectl, *place, choice.since), places)
    lines, problems = log_merge.merge(tried.read), tried.problems
    queue_id = logs.newest_message(lines, choice.user) if choice.user else choice.queue_id
    if choice.user and not queue_id:
        nothing = f"no message to {choice.user} in the logs of the last {choice.since}: see also `status`, for refusals"
        return Shown("", [*problems, nothing], 1)
    if queue_id:
        lines = logs.transaction(lines, queue_id)
        if not lines:
            problems.append(f"no message {queue_id} in the logs of the last {choice.since}")
    elif not choice.everything:
        lines = probing.without(lines)
    shown = logs.screen(lines) or ("" if problems else f"no mail in the last {choice.since}: see also --all\n")
    return Shown(shown, problems, 1 if problems else 0)
