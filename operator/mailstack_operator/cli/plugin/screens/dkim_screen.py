"""What `kubectl mailstack dkim new` prints: the records, and the entry for the spec."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailstack_operator.cli.plugin.parsing.dkim_record import zone_line


@dataclass(frozen=True)
class NewKey:
    """Where the key is, and what it is for; `record` is the text for the DNS."""

    stack: str
    selector: str
    domains: Sequence[str]
    secret: str
    key: str
    record: str


def render_new_key(new: NewKey) -> str:
    """Lines of a zone file, then YAML; the rest are comments of both."""
    lines = [
        f"; Secret {new.secret} has the key {new.key}. Publish:",
        *(zone_line(new.selector, domain, new.record) for domain in new.domains),
        f"# Then add to spec.dkim.keys of MailStack {new.stack}; let it sign (state: Sign) when others see the record:",
        f"- {{domains: [{', '.join(new.domains)}], selector: {new.selector}, secretName: {new.secret}, key: {new.key}, "
        "state: Publish}",
    ]
    return "".join(f"{line}\n" for line in lines)
