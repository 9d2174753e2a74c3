"""`spec.postfix.rateLimits`: what one client address may do in a minute. Source: anvil(8), postconf(5)."""

from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack import exposure, link
from mailstack_operator.stack.rule import rule
from mailstack_operator.stack.users.source import Spec

# By field.
_PARAMETERS: Final = {
    "connections": "smtpd_client_connection_rate_limit",
    "logins": "smtpd_client_auth_rate_limit",
    "messages": "smtpd_client_message_rate_limit",
    "recipients": "smtpd_client_recipient_rate_limit",
}
_NAMES: Final = tuple(_PARAMETERS.values())

# Of the ways in, those by which Postfix sees who connects.
_IS_LOCAL: Final = (
    "has(self.expose.{0}.proxyProtocol) || self.expose.{0}.type != 'ClusterIP' && "
    "(has(self.expose.{0}.externalTrafficPolicy) ? self.expose.{0}.externalTrafficPolicy == 'Local' : {1})"
)
_SMTP_CEL: Final = f"has(self.expose.smtp) && ({_IS_LOCAL.format('smtp', 'true')})"
_CLIENTS_CEL: Final = (
    f"!has(self.submission) || !has(self.expose.clients) || ({_IS_LOCAL.format('clients', link.IN_ONE_POD)})"
)


def parameters(spec: Spec) -> dict[str, str]:
    """Of main.cf, for the limits that the spec has."""
    limits = spec.postfix.rate_limits
    given = limits.model_dump(exclude_none=True) if limits else {}
    return {_PARAMETERS[name]: str(number) for name, number in given.items()}


RULES: Final = (
    rule(
        "spec",
        f"!has(self.postfix.rateLimits) || ({_SMTP_CEL})",
        "postfix.rateLimits requires expose.smtp of type LoadBalancer or NodePort, with externalTrafficPolicy Local, "
        "or proxyProtocol: otherwise all clients have the address of a node, and share one limit",
        lambda spec: spec.postfix.rate_limits is None or exposure.shows_addresses(spec, exposure.SMTP),
    ),
    rule(
        "spec",
        f"!has(self.postfix.rateLimits) || {_CLIENTS_CEL}",
        "postfix.rateLimits requires externalTrafficPolicy Local or proxyProtocol of expose.clients, too: otherwise "
        "all who send on ports 587 and 465 have the address of a node, and share one limit",
        lambda spec: (
            spec.postfix.rate_limits is None
            or spec.submission is None
            or spec.expose.clients is None
            or exposure.shows_addresses(spec, exposure.CLIENTS)
        ),
    ),
    rule(
        "spec.postfix",
        f"!has(self.rateLimits) || !{cel.strings([*_NAMES])}.exists(name, name in self.parameters)",
        f"set rateLimits, or {', '.join(_NAMES)} in parameters, not both",
        lambda spec: spec.postfix.rate_limits is None or not {*_NAMES} & spec.postfix.parameters.keys(),
    ),
)
