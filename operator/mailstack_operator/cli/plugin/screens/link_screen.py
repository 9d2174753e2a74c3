"""How Postfix reaches Dovecot: the sockets in private/ of Postfix's spool, or ports over TCP. Pure."""

from collections.abc import Mapping

from mailstack_operator.cli.plugin.screens.table import render_table
from mailstack_operator.stack.topology import Topology


def render_links(topology: Topology, files: Mapping[str, str] | None, width: int) -> str:
    """A line for each link; `files` is what private/ holds, None if unknown."""
    rows = [(link.place, link.purpose.title, link.state(files)) for link in topology.links.values()]
    return render_table(("LINK", "PURPOSE", "STATE"), rows, width)
