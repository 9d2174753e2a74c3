"""`kubectl mailstack dns`."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from mailstack_operator.cli.plugin.commands.base import Output, kubectl_command, terminal_width
from mailstack_operator.cli.plugin.parsing.dns_answers import (
    DnsAnswer,
    DnsFinding,
    Host,
    judge,
    judge_addresses,
    judge_family,
)
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.dns_server import LookUp, Server, open_resolver
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.reading.parallel import open_pool
from mailstack_operator.cli.plugin.reading.spf import with_included
from mailstack_operator.cli.plugin.reading.stack_reader import known_of
from mailstack_operator.cli.plugin.screens.dns_screen import render_findings
from mailstack_operator.cli.plugin.screens.zone_screen import render_zone
from mailstack_operator.stack import aliases, dns_records
from mailstack_operator.stack.dns_records import DnsRecord, Known
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.users.source import Spec

_MISSING, _UNKNOWN = 1, 2


class Resolver(click.ParamType[Server]):
    """ADDRESS or ADDRESS:PORT; an IPv6 address with a port is in brackets."""

    name = "address"

    def convert(self, value: str | Server, param: click.Parameter | None, ctx: click.Context | None) -> Server:
        if isinstance(value, Server):
            return value
        has_port = value.count(":") == 1 or "]:" in value
        host, _, port = value.rpartition(":") if has_port else (value, "", "53")
        host = host.removeprefix("[").removesuffix("]")
        if not (dns_records.family(host) and port.isdecimal() and 0 < int(port) < 65536):
            self.fail(f"{value!r} is no IP address: write 192.0.2.53, or 192.0.2.53:5353", param, ctx)
        return Server(host, int(port))


class IpAddress(click.ParamType[str]):
    """An IP address."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not dns_records.family(value):
            self.fail(f"{value!r} is no IP address: write 203.0.113.7, or 2001:db8::7", param, ctx)
        return str(ipaddress.ip_address(value))


@kubectl_command
@click.argument("name")
@click.option("--check", is_flag=True, help="Ask the resolver, and show what is missing or differs.")
@click.option("--address", "given", type=IpAddress(), multiple=True, help="Address of port 25, if the status lacks it.")
@click.option("--resolver", type=Resolver(), help="Server to ask, with --check. Default: that of this machine.")
def dns(kubectl: Kubectl, name: str, given: tuple[str, ...], resolver: Server | None, *, check: bool) -> Output:
    """Print the DNS records that the MailStack NAME needs.

    In zone-file form. With --check, exits with 1 if a record is missing or differs, and with 2 if that is unknown.
    """
    body = kubectl.get(pod_reader.RESOURCE, name)
    try:
        spec = parse(body).spec
    except InvalidMailStack as error:
        raise KubectlError(f"MailStack {name}: {error}") from error
    known = known_of(body, given)
    if check:
        return _check(_Question(spec, known, open_resolver(resolver)))
    reverse = dns_records.reverse(spec, known.addresses)
    return Output(render_zone(dns_records.records(spec, known), reverse, _remarks(spec, known)))


def _remarks(spec: Spec, known: Known) -> Iterator[str]:
    names = [address for address in known.addresses if not dns_records.family(address)]
    relay = spec.submission.relay_host if spec.submission else None
    if private := [*filter(dns_records.is_private, known.addresses)]:
        yield f"Nobody on the internet reaches {', '.join(private)}: name the address that they reach (--address)."
    if names:
        yield f"{spec.hostname}. also needs the A and AAAA records of {', '.join(names)}, its load balancer."
        yield "An MX must be no CNAME: use what your DNS provider calls ALIAS, ANAME or flattening."
    elif not known.addresses:
        yield f"{spec.hostname}. also needs A or AAAA: the address of your load balancer or node (--address),"
        yield f"and the provider of that address must give it the name (PTR) {spec.hostname}."
    if relay:
        yield f"Mail leaves through {relay}: add to SPF what its provider tells you, such as include:spf.example.net."
    elif spec.submission:
        yield f"If mail leaves from another address than that of {spec.hostname}, add ip4:ADDRESS to SPF, and its PTR."
    else:
        yield "Users send through another provider: add to SPF what it tells you, such as include:spf.example.net."


@dataclass(frozen=True)
class _Question:
    spec: Spec
    known: Known
    look_up: LookUp


def _check(question: _Question) -> Output:
    host = question.spec.hostname
    hosts = {kind: question.look_up(host, kind) for kind in ("A", "AAAA")}
    if all(answer.problem for answer in hosts.values()):
        # Nor will it answer the rest.
        return Output("", [answer.problem for answer in hosts.values()][:1], _UNKNOWN)
    found = question.known.ip_addresses or [target for answer in hosts.values() for target in answer.targets]
    findings = [*_judged(question, _host(question.spec, found)), *_judged_addresses(question, hosts)]
    states = {each.state for each in findings}
    code = _MISSING if states & {"missing", "differs"} else _UNKNOWN if "unknown" in states else 0
    return Output(render_findings(findings, terminal_width()), code=code)


def _host(spec: Spec, found: list[str]) -> Host:
    is_sender = spec.submission is not None and spec.submission.relay_host is None
    return Host(spec.hostname, found, aliases.domains(spec), sends_elsewhere=not is_sender)


def _judged(question: _Question, host: Host) -> list[DnsFinding]:
    """Every record that is known."""
    spec = question.spec
    wanted = [*dns_records.records(spec, question.known), *dns_records.reverse(spec, host.addresses)]
    with open_pool() as pool:
        answers = pool.call_each(lambda record: _answer(question.look_up, record), wanted).values
    return [judge(record, answer, host) for record, answer in zip(wanted, answers, strict=True)]


def _answer(look_up: LookUp, record: DnsRecord) -> DnsAnswer:
    answer = look_up(record.name, record.type)
    return with_included(look_up, answer) if record.type == "TXT" else answer


def _judged_addresses(question: _Question, hosts: Mapping[str, DnsAnswer]) -> list[DnsFinding]:
    """What is not known of them: all, or those of one kind."""
    host, known = question.spec.hostname, question.known.ip_addresses
    if not known:
        return [judge_addresses(host, [*hosts.values()])]
    absent = hosts.keys() - {dns_records.family(address) for address in known}
    return [found for kind in sorted(absent) if (found := judge_family(host, kind, hosts[kind]))]
