"""`kubectl mailstack status`."""

from collections.abc import Iterable
from datetime import UTC, datetime

import click

from mailstack_operator.cli.plugin.commands.base import Output, kubectl_command, terminal_width
from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, POSTFIX
from mailstack_operator.cli.plugin.parsing.log_merge import merge_logs
from mailstack_operator.cli.plugin.parsing.refusals import find_refusals
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.stack_state import stack_state_of


@kubectl_command
@click.argument("name")
def status(kubectl: Kubectl, name: str) -> Output:
    """Show the status of the MailStack NAME.

    Conditions, endpoint, pods, their probes' verdicts, links, the queue, and the last refusals of Postfix.
    """
    findings = _read(kubectl, name)
    return Output(render_status(findings, terminal_width()), code=1 if findings.problems else 0)


def _read(kubectl: Kubectl, name: str) -> Findings:
    stack = stack_state_of(kubectl.get(pod_reader.RESOURCE, name))
    pods = pod_reader.list_pods(kubectl, name)
    postfix = _names(pod_reader.select_postfix(pods))
    joined = _names(pod for pod in pods if {POSTFIX, DOVECOT} <= set(pod_reader.list_servers(pod)))
    with open_pool() as pool:
        queues = pool.call_each(lambda pod: pod_reader.read_queue(kubectl, pod), postfix)
        folders = pool.call_each(lambda pod: pod_reader.read_private_files(kubectl, pod), joined)
        logs = pool.call_each(lambda pod: pod_reader.read_log(kubectl, pod, POSTFIX, "1h"), postfix)
    return Findings(
        stack=stack,
        pods=pods,
        messages=[message for queue in queues.values for message in queue],
        private=next(iter(folders.values), None),
        refusals=find_refusals(merge_logs(logs.values)),
        problems=queues.problems + folders.problems + logs.problems,
        now=datetime.now(UTC),
    )


def _names(pods: Iterable[Object]) -> list[str]:
    return [pod_reader.get_name(pod) for pod in pods]
