"""`kubectl mailstack queue`."""

from datetime import UTC, datetime

import click

from mailstack_operator.cli.plugin.commands.base import Output, kubectl_command, terminal_width
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.screens.queue_screen import render_queue


@kubectl_command
@click.argument("name")
def queue(kubectl: Kubectl, name: str) -> Output:
    """List the queued messages of the MailStack NAME."""
    pods = pod_reader.select_postfix(pod_reader.require_pods(kubectl, name))
    with open_pool() as pool:
        queues = pool.call_each(lambda pod: pod_reader.read_queue(kubectl, pod_reader.get_name(pod)), pods)
    messages, problems = [message for each in queues.values for message in each], queues.problems
    screen = render_queue(messages, datetime.now(UTC), terminal_width()) if messages or not problems else ""
    return Output(screen, problems, 1 if problems else 0)
