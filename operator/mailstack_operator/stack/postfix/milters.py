"""The mail filters that Postfix asks, in main.cf. Source: MILTER_README, "Per-Milter settings"; postconf(5)."""

from collections.abc import Iterator
from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.api.milters import Milter
from mailstack_operator.api.strings import seconds
from mailstack_operator.stack.rule import rule
from mailstack_operator.stack.users.source import Spec

# The parameters that the field replaces.
OLD: Final = ("smtpd_milters", "non_smtpd_milters")
# Seconds. A filter that is frozen delays the greeting by the latter, and the probe waits for a greeting for 10 s.
_CONNECT, _COMMAND = 5, 8
_ACTIONS: Final = {"TryLater": "tempfail", "Accept": "accept"}


def parameters(spec: Spec) -> dict[str, str]:
    """None without filters. Mail that sendmail(1) in the container sends does not come over SMTP, and is asked about
    too; what Postfix itself sends, such as bounces, is not."""
    value = ", ".join(map(_entry, spec.milters))
    return dict.fromkeys(OLD, value) if value else {}


def _entry(milter: Milter) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in _settings(milter))
    return f"{{ {_place(milter)}, {settings} }}"


def _place(milter: Milter) -> str:
    return f"unix:{milter.socket}" if milter.socket else f"inet:{milter.host}:{milter.port}"


def _settings(milter: Milter) -> Iterator[tuple[str, str]]:
    longest = seconds(milter.timeout)
    yield "connect_timeout", f"{min(longest, _CONNECT)}s"
    yield "command_timeout", f"{min(longest, _COMMAND)}s"
    yield "content_timeout", f"{longest}s"
    yield "default_action", _ACTIONS[milter.on_failure]


def _is_complete(milter: Milter) -> bool:
    address = (milter.host is not None, milter.port is not None)
    return all(address) if milter.socket is None else not any(address)


RULES: Final = (
    rule(
        "spec.milters",
        "self.all(one, has(one.host) == has(one.port) && has(one.host) != has(one.socket))",
        "each milter needs host and port, or a socket: set one of the two",
        lambda spec: all(map(_is_complete, spec.milters)),
    ),
    rule(
        "spec",
        f"self.milters.size() == 0 || !{cel.strings([*OLD])}.exists(name, name in self.postfix.parameters)",
        "set milters or postfix.parameters.smtpd_milters (non_smtpd_milters), not both: move the filters to milters",
        lambda spec: not spec.milters or not any(name in spec.postfix.parameters for name in OLD),
    ),
)
