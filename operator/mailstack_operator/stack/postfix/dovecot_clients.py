"""dovecot_clients.regexp: which hosts are Dovecot's pods (check_client_access), where Dovecot sends mail over TCP.

Postfix looks up the name of a client's address, and the address of that name, in the cluster's DNS; a client whose name
is not verified so is "unknown". Sources: access(5), Kubernetes DNS-Based Service Discovery (2.4.2, 2.4.3).
"""


def render(service: str) -> str:
    """A table that permits the pods of a Service, NAME.NAMESPACE.svc."""
    return f"/^[0-9a-z-]+[.]{service.replace('.', '[.]')}[.][a-z0-9.-]+$/ permit\n"
