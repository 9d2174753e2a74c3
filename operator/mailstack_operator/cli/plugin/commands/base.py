"""What the commands share: kubectl's options, the output with its exit code, and the type of an address."""

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

import click

from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError

P = ParamSpec("P")

_NARROWEST = 80
_ADDRESS = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Output:
    """What a command prints, what it could not read, and its exit code."""

    text: str
    problems: Sequence[str] = ()
    code: int = 0


class Address(click.ParamType[str]):
    """A mail address that an SMTP command can carry."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _ADDRESS.fullmatch(value):
            self.fail(f"{value!r} is not an address: write user@example.org, in ASCII and without <>", param, ctx)
        return value


def kubectl_command(function: Callable[Concatenate[Kubectl, P], Output]) -> click.Command:
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


def terminal_width() -> int:
    return max(shutil.get_terminal_size((120, 24)).columns, _NARROWEST)
