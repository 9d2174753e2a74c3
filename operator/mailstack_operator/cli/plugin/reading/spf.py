"""The records for SPF that others include."""

from dataclasses import replace

from mailstack_operator.cli.plugin.parsing.dns_answers import DnsAnswer, is_spf, spf_references
from mailstack_operator.cli.plugin.reading.dns_server import LookUp

# RFC 7208, 4.6.4: receivers follow no more.
_MOST = 10


def with_included(look_up: LookUp, answer: DnsAnswer) -> DnsAnswer:
    """The answer with what its records for SPF include, and those in turn."""
    found: dict[str, str] = {}
    waiting = [name for text in answer.targets for name in spf_references(text)]
    while waiting and len(found) < _MOST:
        name = waiting.pop(0)
        if name not in found:
            found[name] = next(filter(is_spf, look_up(name, "TXT").targets), "")
            waiting += spf_references(found[name])
    return replace(answer, included=tuple(found.items()))
