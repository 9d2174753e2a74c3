"""The commands of `kubectl mailstack`: the same as `mailstack`'s, because `kubectl-mailstack` is the same program."""

import re
import shutil
import sys
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import click

from mailstack_operator.cli.plugin import actions
from mailstack_operator.cli.plugin.actions import LogSelection, Output
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError

P = ParamSpec("P")

_NARROWEST = 80
_ADDRESS = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")


class _Address(click.ParamType[str]):
    """A mail address, as far as it may stand in an SMTP command."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _ADDRESS.fullmatch(value):
            self.fail(f"{value!r} is not of the form user@example.org, in ASCII and without <>", param, ctx)
        return value


def _command(function: Callable[Concatenate[Kubectl, P], Output]) -> click.Command:
    """A command with kubectl's options that prints what the function returns, and ends with its exit code."""

    @click.option("-n", "--namespace", help="The MailStack's namespace; default: the kubeconfig's.")
    @click.option("--context", help="The context of the kubeconfig.")
    @click.option("--kubeconfig", help="The kubeconfig file.")
    @wraps(function)
    def command(
        namespace: str | None, context: str | None, kubeconfig: str | None, *args: P.args, **rest: P.kwargs
    ) -> None:
        given = {"namespace": namespace, "context": context, "kubeconfig": kubeconfig}
        options = tuple(f"--{name}={value}" for name, value in given.items() if value)
        try:
            output = function(Kubectl(options), *args, **rest)
        except KubectlError as error:
            # Without a message: the user has seen kubectl's own.
            sys.exit(f"mailstack: {error}" if str(error) else 1)
        click.echo(output.text, nl=False)
        for problem in output.problems:
            click.echo(f"mailstack: {problem}", err=True)
        sys.exit(output.code)

    return click.command(command)


def _width() -> int:
    return max(shutil.get_terminal_size((120, 24)).columns, _NARROWEST)


@_command
@click.argument("name")
def status(kubectl: Kubectl, name: str) -> Output:
    """Show how the MailStack NAME is.

    Conditions, endpoint, pods, what their probes found, the queue, and what Postfix refused last.
    """
    return actions.show_status(kubectl, name, _width())


@_command
@click.argument("name")
@click.argument("address", type=_Address())
def verify(kubectl: Kubectl, name: str, address: str) -> Output:
    """Ask both servers of the MailStack NAME whether they take mail to ADDRESS.

    Postfix as another mail server would, Dovecot over LMTP as Postfix would; and show what Postfix remembers.
    Exit 0 if Postfix accepts it, 1 if it refuses it, 2 if that is not known.
    """
    return actions.show_answers(kubectl, name, address, _width())


@_command
@click.argument("name")
def queue(kubectl: Kubectl, name: str) -> Output:
    """List the messages that wait in the MailStack NAME, and why."""
    return actions.show_queue(kubectl, name, _width())


@_command
@click.argument("name")
@click.option("--queue-id", metavar="ID", help="Only this message's way through both servers.")
@click.option("--user", metavar="ADDRESS", type=_Address(), help="The newest message to this address.")
@click.option("--since", default="1h", show_default=True, help="How far back, such as 90s, 10m, 2h.")
@click.option("--all", "everything", is_flag=True, help="What the pods' own probes ask all the time, too.")
def logs(
    kubectl: Kubectl, name: str, queue_id: str | None, user: str | None, since: str, *, everything: bool
) -> Output:
    """Print the logs of both servers of the MailStack NAME, merged by time and cause."""
    if queue_id and user:
        raise click.UsageError("--queue-id and --user exclude each other: a queue id names one message")
    return actions.show_logs(kubectl, name, LogSelection(queue_id, user, since, everything))


COMMANDS = (status, verify, queue, logs)
