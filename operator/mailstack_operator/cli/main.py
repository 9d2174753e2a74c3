"""The command `mailstack`."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from mailstack_operator.api.crd import custom_resource_definition
from mailstack_operator.cli import manifests
from mailstack_operator.cli.plugin import commands
from mailstack_operator.edge import logging_setup
from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube.objects import Json, text
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.leader import LeadershipLost
from mailstack_operator.stack import children, references, topology
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.schema import spec_schema

_CRD_HEADER = "# Made by `mailstack crd` from the models in operator/mailstack_operator/api; do not edit.\n"

_FILE = click.option(
    "-f",
    "--file",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with one or more MailStacks; other objects in it are ignored.",
)

_IMAGE = click.option(
    "--image",
    default=topology.DEFAULT_OPERATOR_IMAGE,
    show_default=True,
    help="The operator's own image; helper containers of the mail pods run it.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mailstack-operator", prog_name="mailstack")
def main() -> None:
    """Postfix and Dovecot, joined by LMTP, from one MailStack object.

    `render`, `validate` and `crd` work without a cluster; `run` is the operator itself. The other commands read a
    cluster through kubectl, and also work as `kubectl mailstack`.
    """


for _command in commands.COMMANDS:
    main.add_command(_command)


def kubectl_plugin() -> None:
    """`kubectl-mailstack`: the same, with the name that the user types in its help."""
    main(prog_name="kubectl mailstack")


@main.command()
@_FILE
@_IMAGE
def render(path: Path, image: str) -> None:
    """Print the objects of the MailStacks in FILE as YAML.

    They are those that the operator creates. ConfigMaps that a MailStack refers to are read from FILE too.
    """
    config_maps = manifests.config_maps(path)
    plans = [topology.decide(stack, _sources(path, stack, config_maps), image) for stack in _stacks(path)]
    click.echo(manifests.dump(*(child for plan in plans for child in children.children(plan))), nl=False)


@main.command()
@_FILE
def validate(path: Path) -> None:
    """Check the MailStacks in FILE.

    Prints a line for each error, with its field, and exits with 1 if there is one.
    """
    for stack in _stacks(path):
        click.echo(f"{path}: MailStack {stack.key.name} is valid")


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinition of MailStack."""
    click.echo(_CRD_HEADER + manifests.dump(custom_resource_definition(spec_schema())), nl=False)


@main.command()
@click.option(
    "--namespace", "namespaces", multiple=True, help="Namespace to watch; may be repeated. Default: all namespaces."
)
@click.option("--port", default=8080, show_default=True, help="Port of /healthz, /readyz and /metrics.")
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Enable leader election using a Lease.",
)
@click.option("--lease-namespace", default="default", show_default=True, help="Namespace of the Lease.")
@click.option("--lease-name", default="mailstack-operator", show_default=True, help="Name of the Lease.")
@click.option(
    "--identity", envvar="POD_NAME", default="mailstack", show_default="POD_NAME", help="Holder identity in the Lease."
)
@_IMAGE
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Minimum log level.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="Log format.",
)
def run(  # noqa: PLR0913, PLR0917 - click passes one argument per option
    namespaces: tuple[str, ...],
    port: int,
    leader_election: bool,
    lease_namespace: str,
    lease_name: str,
    identity: str,
    image: str,
    log_level: str,
    log_format: str,
) -> None:
    """Run the operator.

    In a pod, it uses the pod's service account; elsewhere, the current context of the kubeconfig.
    """
    # The client and Kopf take half a second to import; the other commands do not need them.
    from mailstack_operator.edge import app  # noqa: PLC0415

    logging_setup.configure(log_level, log_format)
    settings = Settings(
        namespaces=namespaces,
        port=port,
        leader_election=leader_election,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        identity=identity,
        image=image,
    )
    try:
        asyncio.run(app.run(settings))
    except* (LeadershipLost, ClusterError) as errors:
        sys.exit(f"mailstack: {_innermost(errors)}")


def _innermost(error: BaseException) -> BaseException:
    """The first error that is not a group itself."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _sources(path: Path, stack: MailStack, config_maps: Mapping[str, Mapping[str, Json]]) -> topology.Sources:
    """The files that the MailStack refers to; exits if one is missing."""
    texts = {}
    for name, need in references.files(stack.spec).items():
        texts[name] = text(config_maps.get(need.name, {}), need.keys[0])
        if not texts[name]:
            sys.exit(f"{path}: no key {need.keys[0]} in {need}, which holds {need.what}: add it to the file")
    return topology.Sources(**texts)


def _stacks(path: Path) -> list[MailStack]:
    """The MailStacks of the file; exits with every error if there is one."""
    try:
        bodies = manifests.mail_stacks(path)
    except manifests.Unreadable as error:
        sys.exit(str(error))
    stacks, problems = [], []
    for body in bodies:
        try:
            stacks.append(parse(body))
        except InvalidMailStack as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        sys.exit("\n".join(problems))
    return stacks
