"""The operator's image, as the harness built it: every mail pod runs its helpers from it, so every node pulls it."""

from mailtest.client import IMAGE
from mailtest.command import run

MEGABYTE = 1_000_000


def test_image_is_small() -> None:
    """Fault: 265 MB, of which 119 were models of an API that the operator does not use."""
    size = int(run("docker", "image", "inspect", "--format={{.Size}}", IMAGE))
    assert size < 120 * MEGABYTE
