"""Rules over several fields that are Dovecot's."""

from typing import Final

from mailstack_operator.stack.rule import rule

RULES: Final = (
    rule(
        "spec.dovecot",
        "!has(self.rootless) || self.version == '2.4'",
        "rootless needs version 2.4: set version, or remove rootless",
        lambda spec: spec.dovecot.rootless is None or spec.dovecot.version == "2.4",
    ),
)
