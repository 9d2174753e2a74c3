"""The rule of the tagged union `spec.users`."""

from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users.variants import Variants


def exactly_one(variants: Variants) -> Rule:
    """Exactly one variant is set."""
    tags = [variant.tag for variant in variants]
    is_set = ", ".join(f"has(self.{tag})" for tag in tags)
    return rule(
        "spec.users",
        f"[{is_set}].exists_one(given, given)",
        f"set exactly one of {', '.join(tags)}" if len(tags) > 1 else f"set {tags[0]}",
        lambda spec: len(spec.users.given) == 1,
    )
