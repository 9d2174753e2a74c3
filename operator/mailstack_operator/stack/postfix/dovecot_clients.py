"""dovecot_clients.regexp: which hosts are Dovecot's pods (check_client_access), where Dovecot sends mail over TCP.

Postfix looks up the name of a client's address, and the address of that name, in the cluster's DNS; a client whose name
is not verified so is "unknown". A pod has a name for each Service that leads to it; Postfix sees one of them, and
CoreDNS answers in no order. Sources: access(5), Kubernetes DNS-Based Service Discovery (2.4.2, 2.4.3).
"""

from collections.abc import Iterable


def render(services: Iterable[str]) -> str:
    """A table that permits the pods of these Services, each NAME.NAMESPACE.svc."""
    return "".join(f"/^[0-9a-z-]+[.]{each.replace('.', '[.]')}[.][a-z0-9.-]+$/ permit\n" for each in services)
