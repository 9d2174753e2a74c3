"""`spec.filter`: the spam filter that runs beside Postfix, rspamd."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.servers import FILTER_RESOURCES, Resources, resources_field
from mailstack_operator.api.strings import ImageReference, MilterHost


class Redis(Model):
    """A Redis or Valkey without a password, for what the filter remembers."""

    host: MilterHost = Field(description="Name of its Service or host, or its IPv4 address.")
    port: int = Field(6379, description="Its port.", ge=1, le=65535)


class Greylist(Model):
    """Mail that looks a little like spam gets 451 at first; real servers try again."""

    score: int = Field(4, description="Score from which mail is greylisted.", ge=1, le=1000)
    redis: Redis = Field(description="Where the filter remembers who tried.")


class Filter(Model):
    """A spam filter (rspamd) in each pod of Postfix, which Postfix asks about mail from outside and from users."""

    image: ImageReference | None = Field(
        None, description="Image of the filter container. Default: the operator's (images.filter of its chart)."
    )
    junk_score: int = Field(
        6, description="Score from which mail goes to the user's mailbox of special use Junk.", ge=1, le=1000
    )
    reject_score: int = Field(15, description="Score from which mail is refused (554).", ge=1, le=1000)
    greylist: Greylist | None = Field(None, description="Greylisting. Without it, no mail is delayed.")
    dmarc: Literal["Enforce", "Score"] = Field(
        "Enforce",
        description="Mail that fails DMARC. Enforce: what the domain of its From header asks for, refusal (554) or "
        "Junk. Score: it only counts as one sign of spam.",
    )
    on_failure: Literal["TryLater", "Accept"] = Field(
        "TryLater",
        description="What Postfix does with mail while the filter is down or too slow. TryLater: 451, and the sender "
        "tries again. Accept: 250, without the filter.",
    )
    on_dns_failure: Literal["TryLater", "Accept"] = Field(
        "TryLater",
        description="Mail from outside while the DNS does not say what the sender's domain asks for (DMARC). TryLater: "
        "451, and the sender tries again. Accept: forged mail passes too.",
    )
    resources: Resources = resources_field("the filter's container", FILTER_RESOURCES)
