"""Where Postfix asks Dovecot: the sockets in private/ of Postfix's spool, or ports over TCP. Pure."""

from collections.abc import Mapping

from mailstack_operator.cli.plugin import terminal
from mailstack_operator.stack.topology import Topology


def listed(output: str) -> dict[str, str]:
    """Mode and owner of each file by its name, from what `ls -l` of private/ printed."""
    rows = (line.split() for line in output.splitlines())
    return {row[-1]: f"{row[0]} {row[2]}:{row[3]}" for row in rows if len(row) > 3}


def screen(topology: Topology, files: Mapping[str, str] | None, width: int) -> str:
    """A line for each link; `files` is what private/ holds, None if that is not known."""
    rows = [(link.place, link.purpose.title, link.state(files)) for link in topology.links.values()]
    return terminal.table(("SOCKET", "FOR", "FOUND"), rows, width)
