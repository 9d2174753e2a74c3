"""Which server of the DNS to ask, and how."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mailstack_operator.cli.plugin.parsing.dns_answers import DnsAnswer
from mailstack_operator.cli.plugin.reading.kubectl import KubectlError

# Of a name, without a dot at its end, and a type.
LookUp: TypeAlias = Callable[[str, str], DnsAnswer]


@dataclass(frozen=True)
class Server:
    """A resolver; `host` is an IP address."""

    host: str
    port: int = 53


def open_resolver(server: Server | None) -> LookUp:
    """Asks the server or, for None, the resolver of this machine. Raises KubectlError without one, or a library."""
    try:
        opened: Callable[[Server | None], LookUp] = pkgutil.resolve_name(f"{__package__}.resolver:open_resolver")
    except ImportError as error:
        message = (
            f"--check needs dnspython ({error}): install mailstack-operator[plugin], as docs/kubectl-plugin.md says"
        )
        raise KubectlError(message) from error
    return opened(server)
