"""`kubectl mailstack logs`."""

from dataclasses import dataclass

import click

from mailstack_operator.cli.plugin.commands.base import Address, Output, kubectl_command
from mailstack_operator.cli.plugin.parsing.log_line import Line
from mailstack_operator.cli.plugin.parsing.log_merge import merge_logs
from mailstack_operator.cli.plugin.parsing.message_trace import find_newest_message, trace_message
from mailstack_operator.cli.plugin.parsing.probe_traffic import drop_probe_traffic
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.screens.log_screen import render_log


@dataclass(frozen=True)
class _Selection:
    """Which lines: of one message by its queue id, of the newest to an address, or, without both, of all.

    `everything`: with the probe's traffic.
    """

    queue_id: str | None
    user: str | None
    since: str
    everything: bool


@kubectl_command
@click.argument("name")
@click.option("--queue-id", metavar="ID", help="Only this message, through both servers.")
@click.option("--user", metavar="ADDRESS", type=Address(), help="Only the newest message to this address.")
@click.option("--since", default="1h", show_default=True, help="How far back to read, such as 90s, 10m, 2h.")
@click.option("--all", "everything", is_flag=True, help="Include the traffic of the pods' probes.")
def logs(
    kubectl: Kubectl, name: str, queue_id: str | None, user: str | None, since: str, *, everything: bool
) -> Output:
    """Print the merged logs of the MailStack NAME.

    Lines of both servers are ordered by time, and by cause where they belong to the same delivery.
    """
    if queue_id and user:
        raise click.UsageError("--queue-id and --user are mutually exclusive: a queue id names one message")
    return _show(kubectl, name, _Selection(queue_id, user, since, everything))


def _show(kubectl: Kubectl, name: str, selection: _Selection) -> Output:
    pods = pod_reader.require_pods(kubectl, name)
    places = [(pod_reader.get_name(pod), server) for pod in pods for server in pod_reader.list_servers(pod)]
    with open_pool() as pool:
        found = pool.call_each(lambda place: pod_reader.read_log(kubectl, *place, selection.since), places)
    lines, missing = _select(merge_logs(found.values), selection)
    problems = [*found.problems, *missing]
    nothing = "" if problems else f"no mail in the last {selection.since}: see also --all\n"
    return Output(render_log(lines) or nothing, problems, 1 if problems else 0)


def _select(lines: list[Line], selection: _Selection) -> tuple[list[Line], list[str]]:
    """The lines that are asked for, and why there are none where a message was asked for."""
    queue_id = find_newest_message(lines, selection.user) if selection.user else selection.queue_id
    if queue_id:
        found = trace_message(lines, queue_id)
        return found, [] if found else [f"no message {queue_id} in the logs of the last {selection.since}"]
    if selection.user:
        missing = f"no message to {selection.user} in the logs of the last {selection.since}"
        return [], [f"{missing}: see also `status`, for refusals"]
    return lines if selection.everything else drop_probe_traffic(lines), []
