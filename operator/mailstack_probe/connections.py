"""The sockets of this pod's servers, without a connection, which its server would log.

Source: proc(5): in a row the second field is the address, `HEX:PORT`, the fourth the state. To read a table is dear:
the kernel looks through the sockets of all pods.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# Both have all of the pod. A kernel without IPv6 has no second.
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED, _LISTENING = "01", "0A"


def established(tables: Sequence[Path] = _TABLES) -> Counter[int]:
    """Open connections by the servers' port; one that waits for its server counts too."""
    return Counter(int(port, 16) for table in tables for port in _ports(table, _ESTABLISHED))


def listens(ports: Iterable[int], tables: Sequence[Path] = _TABLES) -> bool:
    """Whether a server listens on each of the ports."""
    missing = {f"{port:04X}" for port in ports}
    for table in tables:
        if missing:
            missing -= set(_ports(table, _LISTENING))
    return not missing


def _ports(table: Path, state: str) -> Iterator[str]:
    if not table.exists():
        return
    with table.open(encoding="ascii") as lines:
        fields = (line.split() for line in lines)
        yield from (field[1].rpartition(":")[2] for field in fields if field[3] == state)
