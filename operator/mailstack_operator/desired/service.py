"""The Service that receives mail and serves mailboxes."""

from mailstack_operator import names
from mailstack_operator.desired import metadata
from mailstack_operator.objects import Object
from mailstack_operator.topology import IMAP_PORT, SMTP_PORT, Topology


def mail(topology: Topology) -> Object:
    key = topology.stack.key
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata.child(topology.stack, key.name),
        "spec": {
            "selector": {**names.labels(key.name)},
            # A Dovecot that is down makes the pod not Ready; Postfix must still take mail and queue it.
            "publishNotReadyAddresses": True,
            "ports": [_port("smtp", SMTP_PORT), _port("imap", IMAP_PORT)],
        },
    }


def _port(name: str, port: int) -> Object:
    return {"name": name, "port": port, "protocol": "TCP", "targetPort": name}
