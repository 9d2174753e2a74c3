"""`spec.milters`: mail filters of the user's own, which Postfix asks about each message."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import MilterHost, MilterSocket, PostfixTime

MOST_MILTERS = 8


class Milter(Model):
    """A mail filter that speaks the milter protocol: at a host and port, or at a unix socket."""

    host: MilterHost | None = Field(None, description="Name of a Service or host, or IPv4 address, with port.")
    port: int | None = Field(None, description="Port of the host.", ge=1, le=65535)
    socket: MilterSocket | None = Field(
        None,
        description="Absolute path of a unix socket in the postfix container, for a filter whose container an "
        "admission webhook puts into the pod. Instead of host and port.",
    )
    on_failure: Literal["TryLater", "Accept"] = Field(
        "TryLater",
        description="What Postfix does with mail while the filter is down or too slow. TryLater: 451, and the sender "
        "tries again. Accept: 250, without the filter.",
    )
    timeout: PostfixTime = Field(
        "30s",
        description="How long Postfix waits for the filter at the end of a message; for a connection it waits 5s at "
        "most, and for another answer 8s.",
    )
