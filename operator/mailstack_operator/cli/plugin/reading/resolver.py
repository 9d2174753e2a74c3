"""Asks the DNS with dnspython, which only `dns --check` needs: this module is imported when it is used."""

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT

from mailstack_operator.cli.plugin.parsing.dns_answers import DnsAnswer
from mailstack_operator.cli.plugin.reading.dns_server import LookUp, Server
from mailstack_operator.cli.plugin.reading.kubectl import KubectlError

# Seconds for an answer, with every retry.
_LIFETIME = 8.0


def open_resolver(server: Server | None) -> LookUp:
    """Asks the server or, for None, the resolver of this machine. Raises KubectlError where that has none."""
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
    except dns.resolver.NoResolverConfiguration as error:
        raise KubectlError(f"this machine names no resolver, so set --resolver: {error}") from error
    if server:
        resolver.nameservers, resolver.port = [server.host], server.port
    return lambda name, kind: _look_up(resolver, name, kind)


def _look_up(resolver: dns.resolver.Resolver, name: str, kind: str) -> DnsAnswer:
    try:
        found = resolver.resolve(f"{name}.", kind, lifetime=_LIFETIME, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return DnsAnswer()
    except dns.exception.DNSException as error:
        return DnsAnswer(problem=f"no answer from the resolver: {error}")
    canonical = found.canonical_name.to_text(omit_final_dot=True).lower()
    alias = canonical if canonical != name.lower() else ""
    return DnsAnswer(tuple(sorted(map(_target, found.rrset or ()))), alias)


def _target(rdata: object) -> str:
    """As in DnsRecord."""
    match rdata:
        case TXT():
            return b"".join(rdata.strings).decode("utf-8", "replace")
        case MX():
            return f"{rdata.preference} {rdata.exchange.to_text(omit_final_dot=True).lower()}"
        case PTR():
            return rdata.target.to_text(omit_final_dot=True).lower()
        case _:
            return str(rdata)
