"""The provider of tokens, as a pod: `mailtest.introspection` in the operator's image, which holds Python."""

import json
from collections.abc import Mapping
from pathlib import Path

from mailtest import client
from mailtest.certificates import Authority
from mailtest.kubectl import Kubectl, Object

NAME, PORT, FOLDER = "provider", 8443, "/etc/provider"
# What an URL has to encode, and Dovecot's settings to keep.
CLIENT, SECRET = "mail/server", """s%cr:t@/ "é$x#1 {}'\\"""
_PROGRAM = Path(__file__).with_name("introspection.py")


# Of the field `users.oauth2` of a MailStack in the provider's namespace.
SPEC: Object = {
    "introspectionUrl": f"https://{NAME}:{PORT}/introspect",
    "clientId": CLIENT,
    "clientSecret": {"secretName": "provider-client"},
    "scope": "mail",
    "tls": {"caSecretName": "provider-ca"},
}


def objects(authority: Authority, tokens: Mapping[str, Object]) -> list[Object]:
    """The pod, its Service and its files, and the Secrets that a MailStack names; `tokens` is what it says of each."""
    certificate = authority.issue(NAME)
    files = {
        "tls.crt": certificate.chain,
        "tls.key": certificate.key,
        "client": f"{CLIENT}:{SECRET}",
        "tokens.json": json.dumps(tokens),
        _PROGRAM.name: _PROGRAM.read_text(),
    }
    service = {"selector": {"provider": NAME}, "ports": [{"port": PORT}]}
    return [
        _secret(NAME, files),
        _secret("provider-client", {"clientSecret": SECRET}),
        _secret("provider-ca", {"ca.crt": authority.pem}),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": service},
        _pod(),
    ]


def start(kubectl: Kubectl) -> None:
    """Again, or at first; returns when it listens."""
    kubectl.apply(_pod())
    kubectl("wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=120s", seconds=130)


def stop(kubectl: Kubectl) -> None:
    kubectl.delete("pod", NAME, "--grace-period=0", "--force")


def _secret(name: str, data: Mapping[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(data)}


def _pod() -> Object:
    container = {
        "name": NAME,
        "image": client.IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"{FOLDER}/{_PROGRAM.name}", FOLDER, str(PORT)],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "files", "mountPath": FOLDER, "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {"provider": NAME}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": "files", "secret": {"secretName": NAME}}],
        },
    }
