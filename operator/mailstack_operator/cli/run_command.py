"""`mailstack run`: the operator itself."""

import asyncio
import sys

import click

from mailstack_operator.cli.image_option import server_image_option
from mailstack_operator.edge import app, logging_setup
from mailstack_operator.edge.settings import Settings
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.rehearsal import PER_NODE
from mailstack_operator.stack.images import ServerImages
from mailstack_operator.stack.topology import DEFAULT_OPERATOR_IMAGE


@click.command()
@click.option(
    "--namespace", "namespaces", multiple=True, help="Namespace to watch; may be repeated. Default: all namespaces."
)
@click.option(
    "--watch-secrets/--no-watch-secrets",
    default=True,
    show_default=True,
    help="Notice a changed Secret at once; it takes the permission to list Secrets.",
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
@click.option(
    "--image",
    default=DEFAULT_OPERATOR_IMAGE,
    show_default=True,
    help="The operator's own image; helper containers of the mail pods run it.",
)
@server_image_option
@click.option(
    "--pull-secret",
    "pull_secrets",
    multiple=True,
    help="Secret in the namespace of each MailStack to pull its pods' images with; may be repeated.",
)
@click.option(
    "--rehearsals-per-node",
    type=click.IntRange(min=1),
    default=PER_NODE,
    show_default=True,
    help="Changed configurations that are rehearsed at once, for each node with mail pods.",
)
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
    watch_secrets: bool,
    port: int,
    leader_election: bool,
    lease_namespace: str,
    lease_name: str,
    identity: str,
    image: str,
    images: ServerImages,
    pull_secrets: tuple[str, ...],
    rehearsals_per_node: int,
    log_level: str,
    log_format: str,
) -> None:
    """Run the operator.

    In a pod, it uses the pod's service account; elsewhere, the current context of the kubeconfig.
    """
    logging_setup.configure(log_level, log_format)
    settings = Settings(
        namespaces=namespaces,
        watch_secrets=watch_secrets,
        port=port,
        leader_election=leader_election,
        lease_namespace=lease_namespace,
        lease_name=lease_name,
        identity=identity,
        image=image,
        server_images=images,
        pull_secrets=pull_secrets,
        rehearsals_per_node=rehearsals_per_node,
    )
    try:
        asyncio.run(app.run(settings))
    except* ClusterError as errors:
        sys.exit(f"mailstack: {_innermost(errors)}")


def _innermost(error: BaseException) -> BaseException:
    """The first error that is not a group itself."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
