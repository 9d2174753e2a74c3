"""The sockets of this pod's servers, without a connection, which its server would log.

By sock_diag(7); where the kernel lacks it or a policy forbids it, such as in gVisor, by the tables of proc(5). To read
those takes ten times as long and more: the kernel looks through the sockets of all pods.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mailstack_probe import sock_diag

# Both have all of the pod. A kernel without IPv6 has no second.
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED, LISTENING = 1, 10


def established() -> Counter[int]:
    """Open connections by the servers' port; one that waits for its server counts too."""
    return Counter(_local_ports(ESTABLISHED))


def listens(ports: Iterable[int]) -> bool:
    """Whether a server listens on each of the ports."""
    return set(ports) <= set(_local_ports(LISTENING))


def in_tables(state: int, tables: Sequence[Path] = _TABLES) -> list[int]:
    """The local port of each socket in that state, from rows whose second field is the address, `HEX:PORT`, and the
    fourth the state."""
    return [int(port, 16) for table in tables for port in _rows(table, f"{state:02X}")]


def _local_ports(state: int) -> list[int]:
    try:
        return sock_diag.local_ports(state)
    except OSError:
        return in_tables(state)


def _rows(table: Path, state: str) -> Iterator[str]:
    if not table.exists():
        return
    with table.open(encoding="ascii") as lines:
        fields = (line.split() for line in lines)
        yield from (field[1].rpartition(":")[2] for field in fields if field[3] == state)
