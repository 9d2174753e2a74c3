"""The users of a MailStack, as Dovecot's pod lists them."""

from collections.abc import Sequence

from mailstack_operator.cli.plugin.parsing.listed_users import Listed, parse_users
from mailstack_operator.cli.plugin.reading import recipient_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl
from mailstack_operator.cli.plugin.reading.pod_reader import get_name
from mailstack_operator.kube.objects import Json, Object

# Seconds: Dovecot is asked about one user after the other.
_SECONDS = 1800.0
# The options of the probe that mailstack_probe.users_list takes too.
_PROBE_OPTIONS = frozenset({"lmtp", "lmtp-ca", "ids", "group", "users", "user-list", "canary", "postmaster"})


def list_users(kubectl: Kubectl, pod: Object, domains: Sequence[Json], *, check: bool) -> list[Listed]:
    """Raises KubectlError."""
    options = recipient_reader.probe_options(pod, _PROBE_OPTIONS)
    options += [*(f"--domain={domain}" for domain in domains), f"--check={int(check)}"]
    script = recipient_reader.script("users_list")
    output = kubectl.execute(get_name(pod), "probe", "python3", "-", *options, stdin=script, seconds=_SECONDS)
    return parse_users(output)
