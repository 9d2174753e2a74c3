"""The mail filters that Postfix asks, in main.cf. Source: MILTER_README, "Per-Milter settings"; postconf(5)."""

from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.api.milters import Milter
from mailstack_operator.api.strings import seconds
from mailstack_operator.stack.paths import FILTER_SOCKET
from mailstack_operator.stack.rule import rule
from mailstack_operator.stack.users.source import Spec

# The parameters that the field replaces.
OLD: Final = ("smtpd_milters", "non_smtpd_milters")
# Seconds. A filter that is frozen delays the greeting by the latter, and the probe waits for a greeting for 10 s.
_CONNECT, _COMMAND = 5, 8
# The filter reads 20 MB in 5 s, and waits for the DNS for 8 s.
_FILTER_SECONDS: Final = 30
# A name of ours in main.cf: master.cf cannot hold blanks.
FOR_DOVECOT: Final = "dovecot_milters"
_ACTIONS: Final = {"TryLater": "tempfail", "Accept": "accept"}


def parameters(spec: Spec) -> dict[str, str]:
    """None without filters. The operator's own is the last, so that what it signs is what leaves.

    Mail that sendmail(1) in the container sends does not come over SMTP, and the spec's own filters are asked about it
    too; about what Postfix itself sends, such as bounces, none is.
    """
    own = ", ".join(map(_entry, spec.milters))
    found = ", ".join(filter(None, (own, _filter(spec))))
    values = {"smtpd_milters": found, "non_smtpd_milters": own, FOR_DOVECOT: own if spec.filter else ""}
    return {name: value for name, value in values.items() if value}


def of_dovecot(spec: Spec) -> str:
    """An option of the service for the mail of Dovecot's scripts, which the filter has seen as it came in: now it would
    come from an address that its sender's domain does not know. Empty where main.cf says the same."""
    if spec.filter is None:
        return ""
    return f"  -o smtpd_milters={f'${FOR_DOVECOT}' if spec.milters else ''}\n"


def _filter(spec: Spec) -> str:
    if spec.filter is None:
        return ""
    return _written(f"unix:{FILTER_SOCKET}", _FILTER_SECONDS, spec.filter.on_failure)


def _entry(milter: Milter) -> str:
    place = f"unix:{milter.socket}" if milter.socket else f"inet:{milter.host}:{milter.port}"
    return _written(place, seconds(milter.timeout), milter.on_failure)


def _written(place: str, longest: int, on_failure: str) -> str:
    return (
        f"{{ {place}, connect_timeout={min(longest, _CONNECT)}s, command_timeout={min(longest, _COMMAND)}s, "
        f"content_timeout={longest}s, default_action={_ACTIONS[on_failure]} }}"
    )


def _is_complete(milter: Milter) -> bool:
    address = (milter.host is not None, milter.port is not None)
    return all(address) if milter.socket is None else not any(address)


def _has_old(spec: Spec) -> bool:
    return any(name in spec.postfix.parameters for name in OLD)


_OLD_CEL: Final = f"{cel.strings([*OLD])}.exists(name, name in self.postfix.parameters)"

RULES: Final = (
    rule(
        "spec.milters",
        "self.all(one, has(one.host) == has(one.port) && has(one.host) != has(one.socket))",
        "each milter needs host and port, or a socket: set one of the two",
        lambda spec: all(map(_is_complete, spec.milters)),
    ),
    rule(
        "spec",
        f"self.milters.size() == 0 || !{_OLD_CEL}",
        "set milters or postfix.parameters.smtpd_milters (non_smtpd_milters), not both: move the filters to milters",
        lambda spec: not (spec.milters and _has_old(spec)),
    ),
    rule(
        "spec",
        f"!has(self.filter) || !{_OLD_CEL}",
        "set filter or postfix.parameters.smtpd_milters (non_smtpd_milters), not both: move the filters to milters",
        lambda spec: not (spec.filter and _has_old(spec)),
    ),
)
