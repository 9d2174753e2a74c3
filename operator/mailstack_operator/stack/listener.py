"""Rules of `spec.delivery.listener`."""

from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack import link
from mailstack_operator.stack.rule import rule

RULES: Final = (
    rule(
        "spec.delivery.listener.unix.name",
        f"!(self in {cel.strings(link.taken_sockets())})",
        "this is the name of a socket of Postfix itself: write another, such as dovecot-lmtp",
        lambda spec: spec.delivery.listener.unix.name not in link.taken_sockets(),
    ),
    rule(
        "spec.delivery.listener.inet.port",
        f"!(self in {link.taken_ports()})",
        "Dovecot listens there for something else: write another, such as 24",
        lambda spec: spec.delivery.listener.inet.port not in link.taken_ports(),
    ),
    rule(
        "spec.delivery.listener",
        "self.type == 'Inet' || !has(self.inet.tls)",
        "inet.tls is for type Inet only: set type, or remove inet.tls",
        lambda spec: spec.delivery.listener.type == "Inet" or spec.delivery.listener.inet.tls is None,
    ),
    rule(
        "spec",
        "self.postfix.replicas == 1 || self.delivery.listener.type == 'Inet'",
        "postfix.replicas above 1 needs delivery.listener.type Inet, "
        "because a unix socket joins the servers of one pod",
        lambda spec: spec.postfix.replicas == 1 or spec.delivery.listener.type == "Inet",
    ),
)
