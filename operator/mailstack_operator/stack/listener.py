"""Rules of `spec.delivery.listener`."""

from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack import link
from mailstack_operator.stack.rule import rule

RULES: Final = (
    rule(
        "spec.delivery.listener.unix.name",
        f"!(self in {cel.strings(link.taken_sockets())})",
        "Postfix or Dovecot uses this name for another socket: choose another, such as dovecot-lmtp",
        lambda spec: spec.delivery.listener.unix.name not in link.taken_sockets(),
    ),
    rule(
        "spec.delivery.listener.inet.port",
        f"!(self in {link.taken_ports()})",
        "Dovecot uses this port for another service: choose another, such as 24",
        lambda spec: spec.delivery.listener.inet.port not in link.taken_ports(),
    ),
    rule(
        "spec.delivery.listener",
        "self.type == 'Inet' || !has(self.inet.tls)",
        "inet.tls requires type Inet: set type to Inet, or remove inet.tls",
        lambda spec: spec.delivery.listener.type == "Inet" or spec.delivery.listener.inet.tls is None,
    ),
    rule(
        "spec",
        "self.postfix.replicas == 1 || self.delivery.listener.type == 'Inet'",
        "postfix.replicas above 1 requires delivery.listener.type Inet, "
        "because a Unix socket joins the servers of a single pod",
        lambda spec: spec.postfix.replicas == 1 or spec.delivery.listener.type == "Inet",
    ),
)
