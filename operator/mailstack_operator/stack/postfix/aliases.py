"""aliases: where mail to a name goes instead of the mailbox (recipients Local). Source: aliases(5)."""

import re

from mailstack_operator.stack import roles
from mailstack_operator.stack.topology import Topology

# What every mail server answers for: RFC 5321 and RFC 2142, and root, whom the system itself writes to.
_DEFAULTS = ("mailer-daemon", "postmaster", "root")
# `name: value`, the name perhaps in quotes; a line that begins with white space continues the one before.
_NAME = re.compile(r'^"?([^\s":#][^":]*?)"?\s*:', re.MULTILINE)


def render(topology: Topology) -> str:
    """The user's aliases(5) file as it is, then the defaults for what it leaves out."""
    text = topology.sources.aliases
    own = {name.lower() for name in _NAME.findall(text)}
    # Dovecot has the other role addresses, unless their mail leaves.
    names = _DEFAULTS if roles.is_mailbox_here(topology.spec) else sorted({*_DEFAULTS, *roles.NAMES})
    lines = [f"{name}: {topology.spec.postmaster_address}\n" for name in names if name not in own]
    return (text if text.endswith("\n") or not text else f"{text}\n") + "".join(lines)
