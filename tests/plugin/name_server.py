"""A DNS server on the loopback interface, for the tests of `kubectl mailstack dns --check`."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

# By name without a dot at its end, and type: the data as a zone file has it.
Zone = Mapping[tuple[str, str], list[str]]


class _Handler(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        data, connection = self.request
        connection.sendto(self.server.answer(dns.message.from_wire(data)).to_wire(), self.client_address)


class _Server(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, zone: Zone, broken: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._zone, self._broken = zone, broken

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """With the target of a CNAME, as a resolver answers; SERVFAIL for everything if it is broken."""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self._broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        for owner, kind in ((name, "CNAME"), (self._alias(name), dns.rdatatype.to_text(question.rdtype))):
            if data := self._zone.get((owner, kind)):
                response.answer.append(dns.rrset.from_text_list(f"{owner}.", 60, "IN", kind, data))
        if not any(owner == name for owner, _ in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def _alias(self, name: str) -> str:
        return self._zone.get((name, "CNAME"), [name])[0].rstrip(".")


@contextmanager
def serving(zone: Zone, *, broken: bool = False) -> Iterator[str]:
    """ADDRESS:PORT of a server that knows the zone."""
    with _Server(zone, broken) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
