"""`--server-image NAME=IMAGE`, of `mailstack run` and `mailstack render`."""

from collections.abc import Sequence

import click
from pydantic import TypeAdapter, ValidationError

from mailstack_operator.api.strings import ImageReference
from mailstack_operator.stack.images import DEFAULTS, ServerImages

_REFERENCE: TypeAdapter[str] = TypeAdapter(ImageReference)
_NAMES = ", ".join(DEFAULTS)


def server_images(_: click.Context, __: click.Parameter, given: Sequence[str]) -> ServerImages:
    """What the options say; of two for one name the last counts. Raises click.BadParameter."""
    return ServerImages(dict(map(_parse, given)))


def _parse(given: str) -> tuple[str, str]:
    name, _, reference = given.partition("=")
    if name not in DEFAULTS:
        raise click.BadParameter(f"{given}: write NAME=IMAGE with one of the names {_NAMES}")
    try:
        return name, _REFERENCE.validate_python(reference)
    except ValidationError as error:
        raise click.BadParameter(f"{given}: {error.errors()[0]['msg']}") from error


server_image_option = click.option(
    "--server-image",
    "images",
    multiple=True,
    metavar="NAME=IMAGE",
    callback=server_images,
    help=f"Image of a server for MailStacks that name none; NAME is one of {_NAMES}. May be repeated.",
)
