"""Rules over several fields that are Dovecot's."""

from typing import Final

from mailstack_operator.stack.rule import rule

RULES: Final = (
    rule(
        "spec.dovecot",
        "!has(self.rootless) || self.version == '2.4'",
        "rootless requires version 2.4: set version to 2.4, or remove rootless",
        lambda spec: spec.dovecot.rootless is None or spec.dovecot.version == "2.4",
    ),
)
