"""What a spec refers to: Secrets and ConfigMaps of the user."""

from collections.abc import Iterator

from mailstack_operator.api.delivery import ConfigMapFile
from mailstack_operator.stack import link
from mailstack_operator.stack.needs import CA_KEY, CERTIFICATE_KEYS, RELAY_KEYS, Need
from mailstack_operator.stack.rspamd import dkim
from mailstack_operator.stack.users import oauth2
from mailstack_operator.stack.users.source import Spec


def needs(spec: Spec) -> list[Need]:
    """Everything that the spec refers to, each once for each use of it."""
    return [*secrets(spec), *files(spec).values()]


def secrets(spec: Spec) -> Iterator[Need]:
    submission = spec.submission
    yield from spec.users.source.needs()
    yield from oauth2.needs(spec)
    if spec.tls:
        yield Need("Secret", spec.tls.secret_name, CERTIFICATE_KEYS, "the server's certificate")
    if lmtp_secret := link.lmtp_secret(spec):
        yield Need("Secret", lmtp_secret, (*CERTIFICATE_KEYS, CA_KEY), "the certificate of LMTP")
    if submission and submission.relay_credentials:
        name = submission.relay_credentials.secret_name
        yield Need("Secret", name, RELAY_KEYS, "the login at the relay host")
    for name, keys in dkim.secrets(spec).items():
        yield Need("Secret", name, keys, "keys for DKIM", dkim=True)


def pull_secrets(spec: Spec) -> list[Need]:
    """What pods are made without, too: an image may be there already, or need no credentials."""
    return [Need("Secret", each.name, (), "a registry's credentials") for each in spec.image_pull_secrets]


def files(spec: Spec) -> dict[str, Need]:
    """The files that become part of the configuration, by their name in topology.Sources."""
    sieve, aliases = spec.plugins.sieve, spec.delivery.local.aliases
    used = {
        "aliases": (aliases, "the aliases"),
        "virtual": (spec.aliases_from, "the aliases of whole addresses"),
        "sieve_before": (sieve.before if sieve else None, "a Sieve script"),
        "sieve_after": (sieve.after if sieve else None, "a Sieve script"),
    }
    return {name: _file(file, what) for name, (file, what) in used.items() if file}


def _file(file: ConfigMapFile, what: str) -> Need:
    return Need("ConfigMap", file.config_map_name, (file.key,), what)
