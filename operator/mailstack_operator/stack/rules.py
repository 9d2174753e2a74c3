"""Every rule over the spec that is more than the type of one field."""

from mailstack_operator.stack import exposure_rules, link, placement_rules, resource_rules
from mailstack_operator.stack.dovecot import extra_config
from mailstack_operator.stack.dovecot import rules as dovecot
from mailstack_operator.stack.postfix import alias_rules, milters, parameters, rate_limits
from mailstack_operator.stack.postfix import rules as postfix
from mailstack_operator.stack.rspamd import rules as rspamd
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.users import rules as users
from mailstack_operator.stack.users.exactly_one import exactly_one
from mailstack_operator.stack.users.variants import VARIANTS, Variants

_RULES = (
    *link.RULES,
    *exposure_rules.RULES,
    *placement_rules.RULES,
    *resource_rules.RULES,
    *postfix.RULES,
    *alias_rules.RULES,
    *parameters.RULES,
    *rate_limits.RULES,
    *milters.RULES,
    *rspamd.RULES,
    *dovecot.RULES,
    *extra_config.RULES,
)


def rules(variants: Variants = VARIANTS) -> tuple[Rule, ...]:
    """The rules of a spec with these sources of users."""
    return (exactly_one(variants), *_RULES, *users.rules(variants))
