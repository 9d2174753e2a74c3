"""Whether what the DNS says is what a MailStack needs. Pure."""

import ipaddress
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mailstack_operator.stack.dns_records import DKIM, DMARC, SPF, TLSRPT, DnsRecord, family


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The targets that the resolver found, as in DnsRecord. `alias`: the name is a CNAME; `problem`: no answer;
    `included`: name and text of each SPF record that those of the targets include."""

    targets: tuple[str, ...] = ()
    alias: str = ""
    problem: str = ""
    included: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DnsFinding:
    """What was found of one record. `state` is ok, missing, differs or unknown; `words` are for people."""

    record: DnsRecord
    state: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """spec.hostname, the addresses that it has and that mail leaves from, and the domains whose MX it is.
    `sends_elsewhere`: mail of the domains leaves through other servers."""

    name: str
    addresses: Sequence[str] = ()
    domains: Sequence[str] = ()
    sends_elsewhere: bool = False


def judge(record: DnsRecord, answer: DnsAnswer, host: Host) -> DnsFinding:
    """What the answer lacks of the record."""
    if answer.problem:
        return DnsFinding(record, "unknown", answer.problem)
    relevant = _relevant(record, answer.targets)
    if not relevant:
        return DnsFinding(record, "missing", _others(answer.targets))
    problem = _PROBLEMS[record.type](record, relevant, host)
    if problem and _names_by_inclusion(record, answer, host):
        problem = ""
    if answer.alias and record.type in ("A", "AAAA"):
        problem = _alias(answer.alias)
    return DnsFinding(record, "differs" if problem else "ok", problem)


def judge_family(name: str, kind: str, answer: DnsAnswer) -> DnsFinding | None:
    """Addresses of a kind that the load balancer has none of: whoever tries them waits."""
    if not answer.targets:
        return None
    words = f"the load balancer has no such address: remove {_quoted(answer.targets)}"
    return DnsFinding(DnsRecord(name, kind, ("none",)), "differs", words)


def judge_addresses(name: str, answers: Sequence[DnsAnswer]) -> DnsFinding:
    """Whether the name, whose addresses nobody has told, has any; `answers` are those for A and AAAA."""
    wanted = DnsRecord(name, "A", ("an address of your load balancer or node",))
    found = [target for answer in answers for target in answer.targets]
    problem = next((answer.problem for answer in answers if answer.problem), "")
    alias = next((answer.alias for answer in answers if answer.alias), "")
    if alias:
        return DnsFinding(wanted, "differs", _alias(alias))
    if found:
        return DnsFinding(wanted, "ok", f"the DNS says {', '.join(found)}: is this your load balancer or node?")
    return DnsFinding(wanted, "unknown", problem) if problem else DnsFinding(wanted, "missing")


def _alias(name: str) -> str:
    return f"it is an alias (CNAME) of {name}, which an MX must not be (RFC 2181, 10.3)"


def _relevant(record: DnsRecord, found: Sequence[str]) -> list[str]:
    """A name has texts of several purposes; the first word tells them apart. A DKIM record may lack it."""
    if record.type != "TXT":
        return list(found)
    version = re.split(r"[ ;]", record.targets[0], maxsplit=1)[0]
    if version == DKIM:
        return [text for text in found if "p" in _tags(text)]
    return [text for text in found if re.match(rf"{re.escape(version)}([ ;]|$)", text, re.IGNORECASE)]


def _others(found: Sequence[str]) -> str:
    return f"there is only {_quoted(found)}" if found else ""


def _mx(_: DnsRecord, found: Sequence[str], host: Host) -> str:
    preferences = {name.lower(): int(number) for number, name in (each.split() for each in found)}
    first = min(preferences.values())
    if host.name not in preferences:
        return f"mail goes to {_quoted(found)}"
    if preferences[host.name] > first:
        before = (name for name, number in preferences.items() if number == first)
        return f"mail goes to {', '.join(before)} first"
    return ""


def _same(record: DnsRecord, found: Sequence[str], _: Host) -> str:
    kind = "PTR" if record.type == "PTR" else ""
    lacking = set(record.targets) - {each.lower() for each in found}
    others = set() if kind else {each for each in found if each not in record.targets}
    return f"the DNS says {_quoted(found)}" if lacking or others else ""


def _text(record: DnsRecord, found: Sequence[str], host: Host) -> str:
    version = re.split(r"[ ;]", record.targets[0], maxsplit=1)[0]
    if len(found) > 1:
        return f"there are {len(found)}, of which receivers take none: keep one of {_quoted(found)}"
    return _TEXTS[version](record, found[0], host)


def _spf(record: DnsRecord, found: str, host: Host) -> str:
    """Whether it names this server, by name or by address; it may name others, too."""
    terms = _terms(record.name, found)
    wanted = record.targets[0].split()[1]
    if _names(host, terms) or f"{wanted}:{record.name}" in _places(terms):
        return ""
    if terms and host.sends_elsewhere and record.name in host.domains:
        return ""
    return f"it does not name this server: add {wanted} to {_quoted([found])}"


def _names_by_inclusion(record: DnsRecord, answer: DnsAnswer, host: Host) -> bool:
    """Whether a record that the only SPF record includes names this server."""
    texts = [each for each in answer.targets if is_spf(each)]
    is_asked = record.type == "TXT" and is_spf(record.targets[0]) and len(texts) == 1
    return is_asked and any(_names(host, _terms(name, text)) for name, text in answer.included)


def is_spf(text: str) -> bool:
    """Whether it is a record for SPF (RFC 7208, 4.5)."""
    return text.lower().split(" ", 1)[0] == SPF


def spf_references(text: str) -> list[str]:
    """The names of the records that a record for SPF includes, or is continued in (RFC 7208, 5.2 and 6.1)."""
    found = re.findall(r" \+?(?:include:|redirect=)([a-z0-9._-]+?)\.?(?= |$)", text.lower())
    return [str(name) for name in found] if is_spf(text) else []


def _terms(name: str, text: str) -> list[str]:
    """What lets others send: each with the domain that it is about. What follows `all` is not read (RFC 7208, 5.1)."""
    terms = [term.removeprefix("+") for term in text.lower().split()[1:]]
    before = itertools.takewhile(lambda term: term.lstrip("-~?") != "all", terms)
    return [
        term if ":" in term or "=" in term else re.sub("^[^/]+", rf"\g<0>:{name}", term)
        for term in before
        if term and term[0] not in "-~?"
    ]


def _names(host: Host, terms: Sequence[str]) -> bool:
    if {f"a:{host.name}", *(f"mx:{domain}" for domain in host.domains)} & _places(terms):
        return True
    return bool(host.addresses) and all(_is_in(address, terms) for address in host.addresses)


def _places(terms: Sequence[str]) -> set[str]:
    """Without the length of a prefix, by which a term lets more in (RFC 7208, 5.6)."""
    return {term.partition("/")[0].rstrip(".") for term in terms}


def _is_in(address: str, terms: Sequence[str]) -> bool:
    networks = (term.partition(":")[2] for term in terms if term.startswith(("ip4:", "ip6:")))
    return any(_contains(network, address) for network in networks)


def _contains(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _dmarc(_: DnsRecord, found: str, __: Host) -> str:
    good = _tags(found).get("p", "").lower() in ("none", "quarantine", "reject")
    return "" if good else f"it has no policy (p=none, quarantine or reject): {_quoted([found])}"


def _tlsrpt(_: DnsRecord, found: str, __: Host) -> str:
    return "" if _tags(found).get("rua") else f"it names nobody to report to (rua=): {_quoted([found])}"


def _dkim(record: DnsRecord, found: str, _: Host) -> str:
    def key(text: str) -> tuple[str, str]:
        tags = _tags(text)
        return tags.get("k", "rsa"), re.sub(r"\s", "", tags.get("p", ""))

    return "" if key(found) == key(record.targets[0]) else f"it is another key: {_quoted([found])}"


def _tags(text: str) -> dict[str, str]:
    """`name=value` between semicolons (RFC 6376, 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, separator, value in pairs if separator}


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f'"{text}"' if " " in text and not family(text) else text for text in texts)


_Problem = Callable[[DnsRecord, Sequence[str], Host], str]
_PROBLEMS: Final[dict[str, _Problem]] = {"MX": _mx, "A": _same, "AAAA": _same, "PTR": _same, "TXT": _text}
_TEXTS: Final[dict[str, Callable[[DnsRecord, str, Host], str]]] = {
    SPF: _spf,
    DMARC: _dmarc,
    TLSRPT: _tlsrpt,
    DKIM: _dkim,
}
