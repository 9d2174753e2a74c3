"""`spec.verification`: whether and how Postfix asks Dovecot if a recipient exists."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import PostfixTime


class CacheTimes(Model):
    """How long an answer about a recipient is kept."""

    refresh: PostfixTime
    expire: PostfixTime


class PositiveTimes(CacheTimes):
    """How long it is known that a recipient exists."""

    refresh: PostfixTime = Field(
        "1h",
        description="Age after which Dovecot is asked again, behind the answer; each good answer lets the address live "
        "for another expire.",
    )
    expire: PostfixTime = Field(
        "1d",
        description="Age of the last good answer up to which the address is accepted: while Dovecot cannot be asked, "
        "and also after the user was deleted.",
    )


class NegativeTimes(CacheTimes):
    """How long it is known that a recipient does not exist, or could not be asked for."""

    refresh: PostfixTime = Field(
        "15s",
        description="Age after which Dovecot is asked again: a new user, and good mail after an outage, wait for it.",
    )
    expire: PostfixTime = Field("3d", description="Age at which the answer is forgotten.")


class Verification(Model):
    """Postfix asks Dovecot over LMTP whether a recipient exists (reject_unverified_recipient)."""

    enabled: bool = Field(
        True,
        description="false: Postfix accepts every address of spec.domains and returns undeliverable mail to its "
        "sender, which is backscatter.",
    )
    reject_code: Literal[450, 550] = Field(
        550,
        description="SMTP reply code for an address that does not exist (unverified_recipient_reject_code): "
        "550 refuses for good, 450 lets the sender try again.",
    )
    poll_delay: PostfixTime = Field(
        "1s", description="Time between looks at an answer that is under way (address_verify_poll_delay)."
    )
    positive: PositiveTimes = Field(default_factory=PositiveTimes, description="Times of addresses that exist.")
    negative: NegativeTimes = Field(
        default_factory=NegativeTimes,
        description="Times of addresses that do not exist or could not be asked for.",
    )
