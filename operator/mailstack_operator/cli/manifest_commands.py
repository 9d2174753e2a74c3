"""`mailstack render`, `validate` and `crd`: what needs no cluster."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from mailstack_operator.api.crd import custom_resource_definition
from mailstack_operator.cli import manifests
from mailstack_operator.cli.image_option import server_image_option
from mailstack_operator.kube.objects import Json, text
from mailstack_operator.stack import children, references, topology
from mailstack_operator.stack.images import ServerImages
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.postfix import virtual
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


@click.command()
@_FILE
@click.option(
    "--image",
    default=topology.DEFAULT_OPERATOR_IMAGE,
    show_default=True,
    help="The operator's own image; helper containers of the mail pods run it.",
)
@server_image_option
def render(path: Path, image: str, images: ServerImages) -> None:
    """Print the objects of the MailStacks in FILE as YAML.

    They are those that the operator creates. ConfigMaps that a MailStack refers to are read from FILE too.
    """
    config_maps = manifests.config_maps(path)
    plans = [topology.decide(stack, _sources(path, stack, config_maps), image) for stack in _stacks(path)]
    placed = [replace(plan, images=images) for plan in plans]
    click.echo(manifests.dump(*(child for plan in placed for child in children.children(plan))), nl=False)


@click.command()
@_FILE
def validate(path: Path) -> None:
    """Check the MailStacks in FILE.

    Prints a line for each error, with its field, and exits with 1 if there is one.
    """
    for stack in _stacks(path):
        click.echo(f"{path}: MailStack {stack.key.name} is valid")


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition of MailStack."""
    click.echo(_CRD_HEADER + manifests.dump(custom_resource_definition(spec_schema())), nl=False)


def _sources(path: Path, stack: MailStack, config_maps: Mapping[str, Mapping[str, Json]]) -> topology.Sources:
    """The files that the MailStack refers to; exits if one is missing."""
    texts = {}
    for name, need in references.files(stack.spec).items():
        texts[name] = text(config_maps.get(need.name, {}), need.keys[0])
        if not texts[name]:
            sys.exit(f"{path}: no key {need.keys[0]} in {need}, which holds {need.what}: add it to the file")
    sources = topology.Sources(**texts)
    if wrong := virtual.problem(stack.spec, sources.virtual):
        sys.exit(f"{path}: MailStack {stack.key.name}: spec.aliasesFrom: {wrong}")
    return sources


def _stacks(path: Path) -> list[MailStack]:
    """The MailStacks of the file; exits with every error if there is one."""
    try:
        bodies = manifests.mail_stacks(path)
    except manifests.Unreadable as error:
        sys.exit(str(error))
    stacks, problems = [], []
    for body in bodies:
        try:
            stacks.append(parse(body, is_new=True))
        except InvalidMailStack as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        sys.exit("\n".join(problems))
    return stacks
