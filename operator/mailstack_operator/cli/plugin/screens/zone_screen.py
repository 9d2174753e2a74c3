"""The DNS records in zone-file form (RFC 1035, 5.1). Pure."""

from collections.abc import Iterable, Iterator, Sequence

from mailstack_operator.stack.dns_records import TTL, DnsRecord

# What a character string of a TXT record holds (RFC 1035, 3.3.14).
_STRING = 255


def render_zone(records: Sequence[DnsRecord], reverse: Sequence[DnsRecord], remarks: Iterable[str]) -> str:
    """The records, then those to ask the provider of the addresses for; `remarks` become comments at the end."""
    lines = [*_lines(records)]
    if reverse:
        lines += ["", "; In the zone of the address: ask its provider for", *_lines(reverse)]
    comments = [f"; {remark}" for remark in remarks]
    return "".join(f"{line}\n" for line in [*lines, *(["", *comments] if comments else [])])


def _lines(records: Sequence[DnsRecord]) -> Iterator[str]:
    width = max((len(record.name) for record in records), default=0) + 1
    for record in records:
        for target in record.targets:
            yield f"{record.name + '.':<{width}} {TTL} IN {record.type:<4} {_value(record.type, target)}"


def _value(kind: str, target: str) -> str:
    if kind == "TXT":
        return " ".join(f'"{_escaped(target[at : at + _STRING])}"' for at in range(0, len(target), _STRING))
    return f"{target}." if kind in ("MX", "PTR", "CNAME") else target


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
