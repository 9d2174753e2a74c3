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
    help="A YAML file that holds one or more MailStacks; other objects in it are passed over.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mailstack-operator", prog_name="mailstack")
def main() -> None:
    """Postfix and Dovecot, joined by LMTP, from one MailStack object.

    `render`, `validate` and `crd` need no cluster; `run` is what the operator's pod runs. The others ask a cluster
    through kubectl, and are there as `kubectl mailstack`, too.
    """


for _command in commands.COMMANDS:
    main.add_command(_command)


def kubectl_plugin() -> None:
    """`kubectl-mailstack`: the same, named in its help as it is typed."""
    main(prog_name="kubectl mailstack")


@main.command()
@_FILE
def render(path: Path) -> None:
    """Print the child objects of the MailStacks in FILE.

    As YAML, complete, as the operator would apply them. ConfigMaps that a MailStack refers to are read from FILE too.
    """
    config_maps = manifests.config_maps(path)
    plans = [topology.decide(stack, _sources(path, stack, config_maps)) for stack in _stacks(path)]
    click.echo(manifests.dump(*(child for plan in plans for child in children.children(plan))), nl=False)


@main.command()
@_FILE
def validate(path: Path) -> None:
    """Print what is wrong with the MailStacks in FILE.

    A line for each mistake, with its field; exit 1 if there is one.
    """
    for stack in _stacks(path):
        click.echo(f"{path}: MailStack {stack.key.name} is valid")


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinition of MailStack."""
    click.echo(_CRD_HEADER + manifests.dump(custom_resource_definition(spec_schema())), nl=False)


@main.command()
@click.option("--namespace", "namespaces", multiple=True, help="Watch this namespace (may be repeated); default: all.")
@click.option("--port", default=8080, show_default=True, help="Port of /healthz, /readyz and /metrics.")
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Let one of several replicas work, by a Lease.",
)
@click.option("--lease-namespace", default="default", show_default=True, help="Namespace of the Lease.")
@click.option("--lease-name", default="mailstack-operator", show_default=True, help="Name of the Lease.")
@click.option(
    "--identity", envvar="POD_NAME", default="mailstack", show_default="POD_NAME", help="This replica's name."
)
@click.option(
    "--image",
    default=topology.DEFAULT_OPERATOR_IMAGE,
    show_default=True,
    help="The operator's own image, for its helpers in the mail pods.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="Form of the logs.",
)
def run(  # noqa: PLR0913, PLR0917 - click hands over one argument per option
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

    In a pod with its service account, elsewhere with the kubeconfig's cluster.
    """
    # The client and Kopf take half a second to import; the other commands do without.
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
        sys.exit(f"mailstack: {_first(errors)}")


def _first(error: BaseException) -> BaseException:
    """The innermost cause of a group."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _sources(path: Path, stack: MailStack, config_maps: Mapping[str, Mapping[str, Json]]) -> topology.Sources:
    """The files that the MailStack refers to; ends the command if one is missing."""
    texts = {}
    for name, need in references.files(stack.spec).items():
        texts[name] = text(config_maps.get(need.name, {}), need.keys[0])
        if not texts[name]:
            sys.exit(f"{path}: no key {need.keys[0]} in a {need}, which holds {need.what}: write it into the file")
    return topology.Sources(**texts)


def _stacks(path: Path) -> list[MailStack]:
    """The valid MailStacks of the file; ends the command with every mistake if there is one."""
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
