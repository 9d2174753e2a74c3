"""dovecot.conf: IMAP for people, LMTP for Postfix, and what the spec adds to them.

Source: Dovecot's how-to "Postfix and Dovecot LMTP".
"""

from collections.abc import Iterator

from mailstack_operator.stack import syntax
from mailstack_operator.stack.dovecot import settings_23, settings_24
from mailstack_operator.stack.paths import DOVECOT_EXTRA
from mailstack_operator.stack.syntax import DovecotPart, Include
from mailstack_operator.stack.topology import Topology


def render(topology: Topology) -> str:
    """The whole of dovecot.conf, in the settings of the spec's Dovecot version."""
    of_version = settings_24 if topology.spec.dovecot.version == "2.4" else settings_23
    return syntax.HEADER + syntax.dovecot_conf([*of_version.settings(topology), *_extra(topology)])


def _extra(topology: Topology) -> Iterator[DovecotPart]:
    # A file of its own, so that Dovecot's messages name the line of the spec's own text; last, so that it adds.
    if topology.spec.dovecot.extra_config:
        yield Include(DOVECOT_EXTRA)
