"""Signatures: which key signs for which domain, and where the filter reads it.

Source: rspamd, "DKIM signing module".
"""

from collections.abc import Iterator
from typing import Final

from mailstack_operator.api.dkim import DkimKey
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import aliases, containers
from mailstack_operator.stack.containers import SIDECAR_USER, WORLD_READABLE, mount
from mailstack_operator.stack.paths import DKIM_FOLDER, DKIM_SECRETS
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users.source import Spec
from mailstack_probe.contract import DKIM_READY, DkimOptions

# What has a login is signed, and nothing else: by default also what comes from a local address.
_NOTHING_ELSE: Final[dict[str, Json]] = {"sign_local": False, "sign_inbound": False}


def settings(spec: Spec) -> dict[str, Json]:
    """The section dkim_signing. Each key of a domain signs; mail of another domain, or with a From header of another
    domain than its sender's, is sent unsigned."""
    if not spec.dkim:
        return {**_NOTHING_ELSE, "sign_authenticated": False}
    domains: dict[str, Json] = {
        domain: {"selectors": [_selector(key) for key in _signing(spec, domain)]}
        for domain in aliases.domains(spec)
        if any(_signing(spec, domain))
    }
    return {
        **_NOTHING_ELSE,
        "sign_authenticated": True,
        "use_domain": "header",
        "use_esld": False,
        # The name of the login is an address; which senders it may use, Postfix says.
        "allow_username_mismatch": True,
        "try_fallback": False,
        "check_pubkey": False,
        "domain": domains,
    }


def _signing(spec: Spec, domain: str) -> Iterator[DkimKey]:
    keys = spec.dkim.keys if spec.dkim else []
    return (key for key in keys if key.state == "Sign" and domain in key.domains)


def _selector(key: DkimKey) -> Json:
    return {"selector": key.selector, "path": f"{DKIM_FOLDER}/{key.secret_name}/{key.key}"}


def secrets(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The Secrets of all keys, whatever their state, and the keys in each."""
    found: dict[str, dict[str, None]] = {}
    for key in spec.dkim.keys if spec.dkim else []:
        found.setdefault(key.secret_name, {})[key.key] = None
    return {name: tuple(found[name]) for name in sorted(found)}


def volumes(spec: Spec) -> list[Object]:
    """Each Secret whole, so that another key in it replaces no pod."""
    found: list[Object] = [containers.empty("dkim")] if spec.dkim else []
    return found + [
        {"name": _volume(index), "secret": {"secretName": name, "defaultMode": WORLD_READABLE}}
        for index, name in enumerate(secrets(spec))
    ]


def _volume(index: int) -> str:
    return f"dkim-secret-{index}"


def mounts(spec: Spec) -> list[Object]:
    """Where the filter reads the keys."""
    return [mount("dkim", DKIM_FOLDER, read_only=True)] if spec.dkim else []


def helpers(topology: Topology) -> Iterator[Object]:
    """A sidecar that hands the filter its keys, and only those that can sign."""
    if topology.spec.dkim:
        options = DkimOptions(secrets=DKIM_SECRETS, target=DKIM_FOLDER)
        arguments, ready = options.to_arguments(), [f"{DKIM_FOLDER}/{DKIM_READY}"]
        given = enumerate(secrets(topology.spec))
        yield {
            **containers.helper("dkim", topology.operator_image, options.program, arguments, ready),
            "securityContext": containers.ordinary_user(SIDECAR_USER),
            "volumeMounts": [
                mount("dkim", DKIM_FOLDER),
                *(mount(_volume(index), f"{DKIM_SECRETS}/{name}", read_only=True) for index, name in given),
            ],
        }


def _problem(spec: Spec) -> str | None:
    """The API server could compare so many names only at a cost that it does not allow."""
    if spec.dkim is None:
        return None
    known, seen = set(aliases.domains(spec)), set[tuple[str, str]]()
    for key, domain in ((each, domain) for each in spec.dkim.keys for domain in each.domains):
        if domain not in known:
            return f"{domain} is no domain of spec.domains or spec.domainAliases: remove it, or add it there"
        if (key.selector, domain) in seen:
            return f"two keys have the selector {key.selector} for {domain}: give each a selector of its own"
        seen.add((key.selector, domain))
    return None


RULES: Final = (
    rule(
        "spec",
        "!has(self.dkim) || (has(self.filter) && has(self.submission))",
        "dkim requires filter, which signs, and submission, because only mail sent with a login is signed: set both",
        lambda spec: spec.dkim is None or (spec.filter is not None and spec.submission is not None),
    ),
    Rule("spec.dkim.keys", None, _problem),
)
