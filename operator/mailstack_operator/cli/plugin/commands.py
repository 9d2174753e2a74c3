"""The commands of `kubectl mailstack`; `mailstack` has them too, as `kubectl-mailstack` is the same program."""

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
    """A mail address that an SMTP command can carry."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _ADDRESS.fullmatch(value):
            self.fail(f"{value!r} is not an address: write user@example.org, in ASCII and without <>", param, ctx)
        return value


def _command(function: Callable[Concatenate[Kubectl, P], Output]) -> click.Command:
    """A command with kubectl's options that prints what the function returns, and exits with its code."""

    @click.option("-n", "--namespace", help="Namespace of the MailStack. Default: that of the context.")
    @click.option("--context", help="Context of the kubeconfig.")
    @click.option("--kubeconfig", help="Path of the kubeconfig file.")
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
    """Show the status of the MailStack NAME.

    Conditions, endpoint, pods, their probes' verdicts, links, the queue, and the last refusals of Postfix.
    """
    return actions.show_status(kubectl, name, _width())


@_command
@click.argument("name")
@click.argument("address", type=_Address())
def verify(kubectl: Kubectl, name: str, address: str) -> Output:
    """Ask both servers whether they accept mail for ADDRESS.

    Asks Postfix of the MailStack NAME as another mail server would, and Dovecot over LMTP as Postfix would; also shows
    the answer that Postfix has cached. Exits with 0 if Postfix accepts the address, 1 if it refuses it, and 2 if that
    is unknown.
    """
    return actions.show_answers(kubectl, name, address, _width())


@_command
@click.argument("name")
def queue(kubectl: Kubectl, name: str) -> Output:
    """List the queued messages of the MailStack NAME."""
    return actions.show_queue(kubectl, name, _width())


@_command
@click.argument("name")
@click.option("--queue-id", metavar="ID", help="Only this message, through both servers.")
@click.option("--user", metavar="ADDRESS", type=_Address(), help="Only the newest message to this address.")
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
    return actions.show_logs(kubectl, name, LogSelection(queue_id, user, since, everything))


COMMANDS = (status, verify, queue, logs)
