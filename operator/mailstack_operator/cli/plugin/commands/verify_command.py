"""`kubectl mailstack verify`."""

from datetime import UTC, datetime

import click

from mailstack_operator.cli.plugin.commands.base import Address, Output, kubectl_command, terminal_width
from mailstack_operator.cli.plugin.parsing.recipient_answers import Outcome, judge_answers
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.reading.recipient_reader import ask_servers
from mailstack_operator.cli.plugin.screens.recipient_screen import render_answers


@kubectl_command
@click.argument("name")
@click.argument("address", type=Address())
def verify(kubectl: Kubectl, name: str, address: str) -> Output:
    """Ask both servers whether they accept mail for ADDRESS.

    Asks Postfix of the MailStack NAME as another mail server would, and Dovecot over LMTP as Postfix would; also shows
    the answer that Postfix has cached. Exits with 0 if Postfix accepts the address, 1 if it refuses it, and 2 if that
    is unknown.
    """
    try:
        pods = pod_reader.select_postfix(pod_reader.require_pods(kubectl, name))
    except KubectlError as error:
        return Output("", list(filter(None, [str(error)])), Outcome.NOT_KNOWN)
    with open_pool() as pool:
        results = pool.call_each(lambda pod: ask_servers(kubectl, pod, address), pods)
    answers, problems = results.values, results.problems
    outcome = judge_answers(answers, complete=not problems)
    return Output(render_answers(address, answers, outcome, datetime.now(UTC), terminal_width()), problems, outcome)
