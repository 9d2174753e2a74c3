"""The objects that a user writes: MailStacks and Secrets of users."""

import copy

from mailtest.certificates import Certificate
from mailtest.kubectl import Object

DOMAIN = "example.org"
PASSWORD = "open-sesame"
USERS = ("alice", "bob", "carol", "dave")


def address(user: str, domain: str = DOMAIN) -> str:
    return f"{user}@{domain}"


def passwd_file(*addresses: str) -> str:
    """A Dovecot passwd-file in which everybody's password is PASSWORD."""
    return "".join(f"{each}:{{PLAIN}}{PASSWORD}::::::\n" for each in addresses)


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secret(name: str, text: str, key: str = "users") -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text}}


def tls_secret(name: str, certificate: Certificate) -> Object:
    """A Secret as cert-manager writes it: tls.crt, tls.key and the CA that signed."""
    data = {"tls.crt": certificate.chain, "tls.key": certificate.key, "ca.crt": certificate.ca}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name},
        "stringData": data,
    }


def users(*addresses: str, name: str = "mail-users") -> Object:
    """A Secret of users; by default alice, bob, carol and dave of example.org."""
    return secret(name, passwd_file(*(addresses or map(address, USERS))))


def mailstack(name: str = "mail", domain: str = DOMAIN, **spec: object) -> Object:
    """A MailStack; `spec` adds fields, or takes the place of them."""
    usual = {
        "hostname": f"mail.{domain}",
        "domains": [domain],
        "postmasterAddress": address("dave", domain),
        "users": {"passwdFile": {"secretName": "mail-users"}},
    }
    return {
        "apiVersion": "mailstack.dev/v1alpha1",
        "kind": "MailStack",
        "metadata": {"name": name},
        "spec": copy.deepcopy({**usual, **spec}),
    }
