"""Rules over several fields that are Postfix's."""

from typing import Final

from mailstack_operator.api.strings import POSTFIX_TIME, cel_seconds, seconds
from mailstack_operator.api.verification import CacheTimes
from mailstack_operator.stack.rule import rule

# A time that is wrong by itself has its own message.
_TIMES_CEL: Final = (
    f"!({POSTFIX_TIME.matches('self.refresh')}) || !({POSTFIX_TIME.matches('self.expire')}) || "
    f"{cel_seconds('self.refresh')} <= {cel_seconds('self.expire')}"
)
_TIMES: Final = "refresh must not be longer than expire"


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
