"""`spec.verification`: whether and how Postfix asks Dovecot if a recipient exists."""

from typing import Literal

from pydantic import Field

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import PostfixTime


class CacheTimes(Model):
    """How long a result is cached."""

    refresh: PostfixTime
    expire: PostfixTime


class PositiveTimes(CacheTimes):
    """How long it is cached that a recipient exists."""

    refresh: PostfixTime = Field(
        "1h",
        description="Age at which Postfix verifies the address again, in the background. Each success restarts expire "
        "(address_verify_positive_refresh_time).",
    )
    expire: PostfixTime = Field(
        "1d",
        description="Age of the last success until which the address is accepted, even if Dovecot is unavailable or "
        "the user was deleted (address_verify_positive_expire_time).",
    )


class NegativeTimes(CacheTimes):
    """How long it is cached that a recipient does not exist or could not be verified."""

    refresh: PostfixTime = Field(
        "15s",
        description="Age at which Postfix verifies the address again. Mail for a new user, or after an outage of "
        "Dovecot, can be refused or deferred for this long (address_verify_negative_refresh_time).",
    )
    expire: PostfixTime = Field(
        "3d", description="Age at which the result is dropped (address_verify_negative_expire_time)."
    )


class Verification(Model):
    """Postfix asks Dovecot over LMTP whether a recipient exists (reject_unverified_recipient)."""

    enabled: bool = Field(
        True,
        description="false: Postfix accepts every address in spec.domains and bounces undeliverable mail, which is "
        "backscatter.",
    )
    reject_code: Literal[450, 550] = Field(
        550,
        description="SMTP reply code for a non-existent recipient (unverified_recipient_reject_code). 550 is "
        "permanent, 450 makes the sender try again.",
    )
    poll_delay: PostfixTime = Field(
        "1s",
        description="Interval at which Postfix checks for the result of a verification (address_verify_poll_delay).",
    )
    positive: PositiveTimes = Field(default_factory=PositiveTimes, description="Caching of addresses that exist.")
    negative: NegativeTimes = Field(
        default_factory=NegativeTimes,
        description="Caching of addresses that do not exist or could not be verified.",
    )
