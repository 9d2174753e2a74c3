"""Rules over several fields that are Postfix's."""

from typing import Final

from mailstack_operator.api.strings import (
    MESSAGE_SIZE,
    POSTFIX_TIME,
    STORAGE_SIZE,
    cel_bytes,
    cel_seconds,
    seconds,
    size_bytes,
)
from mailstack_operator.api.verification import CacheTimes
from mailstack_operator.stack.rule import rule

# A time that is wrong by itself has its own message.
_TIMES_CEL: Final = (
    f"!({POSTFIX_TIME.matches('self.refresh')}) || !({POSTFIX_TIME.matches('self.expire')}) || "
    f"{cel_seconds('self.refresh')} <= {cel_seconds('self.expire')}"
)
_TIMES: Final = "refresh must not be longer than expire"

_MESSAGE_SIZE_CEL: Final = (
    f"!has(self.messageSizeLimit) || !({MESSAGE_SIZE.matches('self.messageSizeLimit')}) || "
    f"!({STORAGE_SIZE.matches('self.storage.queueSize')}) || "
    f"2 * {cel_bytes('self.messageSizeLimit')} <= {cel_bytes('self.storage.queueSize')}"
)


def _in_order(times: CacheTimes) -> bool:
    return seconds(times.refresh) <= seconds(times.expire)


RULES: Final = (
    rule(
        "spec.delivery",
        "self.recipients == 'Local' || !has(self.local.aliases)",
        "local.aliases requires recipients Local: set recipients to Local, or remove local.aliases",
        lambda spec: spec.delivery.recipients == "Local" or spec.delivery.local.aliases is None,
    ),
    rule("spec.verification.positive", _TIMES_CEL, _TIMES, lambda spec: _in_order(spec.verification.positive)),
    rule("spec.verification.negative", _TIMES_CEL, _TIMES, lambda spec: _in_order(spec.verification.negative)),
    rule(
        "spec.postfix",
        _MESSAGE_SIZE_CEL,
        "messageSizeLimit must be at most half of storage.queueSize, because Postfix accepts mail only while 1.5 times "
        "this size is free: set a smaller limit, or a larger queue",
        lambda spec: (
            spec.postfix.message_size_limit is None
            or 2 * size_bytes(spec.postfix.message_size_limit) <= size_bytes(spec.postfix.storage.queue_size)
        ),
    ),
    rule(
        "spec.postfix",
        "!has(self.messageSizeLimit) || !('message_size_limit' in self.parameters)",
        "set messageSizeLimit or parameters.message_size_limit, not both",
        lambda spec: spec.postfix.message_size_limit is None or "message_size_limit" not in spec.postfix.parameters,
    ),
    rule(
        "spec.submission",
        "!has(self.relayCredentials) || has(self.relayHost)",
        "relayCredentials requires relayHost: set relayHost, or remove relayCredentials",
        lambda spec: (
            spec.submission is None
            or spec.submission.relay_credentials is None
            or spec.submission.relay_host is not None
        ),
    ),
    rule(
        "spec",
        "!has(self.submission) || has(self.tls)",
        "submission requires tls.secretName, because passwords are accepted over TLS only",
        lambda spec: spec.submission is None or spec.tls is not None,
    ),
)
