"""Rules over several fields that are the filter's."""

from typing import Final

from mailstack_operator.stack.rspamd import dkim
from mailstack_operator.stack.rule import rule

RULES: Final = (
    *dkim.RULES,
    rule(
        "spec",
        "!has(self.filter) || has(self.plugins.sieve)",
        "filter requires plugins.sieve, which files spam in Junk: set plugins.sieve: {}",
        lambda spec: spec.filter is None or spec.plugins.sieve is not None,
    ),
    rule(
        "spec.filter",
        "self.junkScore < self.rejectScore",
        "junkScore must be less than rejectScore: set a smaller junkScore, or a larger rejectScore",
        lambda spec: spec.filter is None or spec.filter.junk_score < spec.filter.reject_score,
    ),
    rule(
        "spec.filter",
        "!has(self.greylist) || self.greylist.score < self.junkScore",
        "greylist.score must be less than junkScore, because only mail below that is delayed",
        lambda spec: (
            spec.filter is None or spec.filter.greylist is None or spec.filter.greylist.score < spec.filter.junk_score
        ),
    ),
)
