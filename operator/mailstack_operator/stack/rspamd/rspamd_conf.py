"""rspamd.conf, and what it has in place of the defaults of the image's own /etc/rspamd.

Source: rspamd's documentation, "General information", "Proxy worker", "DMARC module", "Force actions module". Its
defaults are not for a pod: every pod would be a neighbour whose mail is neither checked nor refused, and a DNS that is
away would let forged mail pass.
"""

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from mailstack_operator.api.filter import Filter
from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import syntax
from mailstack_operator.stack.paths import FILTER_FILES, FILTER_SOCKET
from mailstack_operator.stack.rspamd import dkim
from mailstack_operator.stack.topology import Topology

MAIN: Final = "rspamd.conf"
OVERRIDE: Final = "rspamd.override.conf"
# Compiled patterns, in the image; without them the first start takes 10 s of CPU and 300 MB.
_PATTERNS: Final = "/usr/share/rspamd/hs/"

_MAIN: Final = f"""\
.include "/etc/rspamd/rspamd.conf"
.include(priority=10,duplicate=merge) "{FILTER_FILES}/{OVERRIDE}"
"""
# Bytes of what Postfix adds to a message.
_HEADERS: Final = 1 << 20
_HEADERS_ADDED: Final = ("authentication-results", "x-spam-status", "x-spamd-result", "spam-header")
# Whoever forges a sender would only have to wait for an outage of the DNS.
_NO_DNS: Final[Json] = {
    "action": "soft reject",
    "expression": "DMARC_DNSFAIL",
    "message": "The sender cannot be checked now, try again later",
    "require_action": ["no action", "greylist", "add header", "rewrite subject"],
}

# Their names, and the settings of each.
Sections: TypeAlias = dict[str, dict[str, Json]]


def render_main() -> str:
    """The file that rspamd is started with."""
    return syntax.HEADER + _MAIN


def render(topology: Topology, wanted: Filter) -> str:
    """Sections in rspamd's syntax (UCL), of which JSON is a part."""
    sections = {**_process(topology), **_workers(), **_decisions(wanted), **_sources(wanted)}
    sections["dkim_signing"] = dkim.settings(topology.spec)
    return syntax.HEADER + "".join(_section(name, values) for name, values in sections.items())


def _section(name: str, values: Mapping[str, Json]) -> str:
    return f"{name} {{\n" + "".join(f"  {key} = {json.dumps(value)};\n" for key, value in values.items()) + "}\n"


def _process(topology: Topology) -> Sections:
    return {
        "options": {
            # Mail that a node or a pod brings is checked as any other. A list would be added to the private networks.
            "local_addrs": "127.0.0.0/8, ::1",
            "hs_cache_dir": _PATTERNS,
            "dns": {"timeout": 1.0, "sockets": 4, "retransmits": 3},
            # So that everybody can see spam go to Junk: docs/filter.md.
            "enable_test_patterns": True,
            # What Postfix accepts, with what it adds.
            "max_message": topology.message_size_limit + _HEADERS,
        },
        "logging": {"type": "console", "level": "notice"},
    }


def _workers() -> Sections:
    """One process speaks the milter protocol and checks; nothing listens on a port."""
    unused: Sections = {f'worker "{name}"': {"enabled": False} for name in ("normal", "controller", "fuzzy")}
    return {
        **unused,
        'worker "rspamd_proxy"': {
            "bind_socket": f"{FILTER_SOCKET} mode=0666",
            "milter": True,
            "count": 1,
            "timeout": 20.0,
            "upstream": {"local": {"default": True, "self_scan": True, "hosts": "localhost"}},
        },
    }


def _decisions(wanted: Filter) -> Sections:
    greylist = wanted.greylist.score if wanted.greylist else None
    enforced: Json = {"quarantine": "add_header", "reject": "reject"}
    return {
        "actions": {"reject": wanted.reject_score, "add_header": wanted.junk_score, "greylist": greylist},
        "dmarc": {"actions": enforced if wanted.dmarc == "Enforce" else {}},
        "force_actions": {"rules": {"NO_DNS": _NO_DNS} if wanted.on_dns_failure == "TryLater" else {}},
        "milter_headers": {"use": [*_HEADERS_ADDED], "skip_local": False, "authenticated_headers": []},
        "arc": {"sign_local": False, "sign_authenticated": False},
    }


def _sources(wanted: Filter) -> Sections:
    """Redis, if there is one, and nobody who learns of each message: no server of others, and no history in Redis."""
    off: Sections = {name: {"enabled": False} for name in ("fuzzy_check", "history_redis")}
    if wanted.greylist is None:
        return off | {"greylist": {"enabled": False}}
    redis = wanted.greylist.redis
    return off | {"redis": {"servers": f"{redis.host}:{redis.port}"}}
