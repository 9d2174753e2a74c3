"""What both servers answer about a recipient, asked in a pod, and what Postfix has cached."""

import inspect
from collections.abc import Collection
from importlib import resources

from mailstack_operator.cli.plugin.parsing.log_line import POSTFIX
from mailstack_operator.cli.plugin.parsing.recipient_answers import (
    Answers,
    CacheEntry,
    parse_cache_entry,
    parse_replies,
)
from mailstack_operator.cli.plugin.reading import recipient_script
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.reading.pod_reader import get_name
from mailstack_operator.cli.plugin.reading.recipient_script import PACKAGE
from mailstack_operator.kube.objects import Object, entries, section, text
from mailstack_operator.stack.paths import POSTFIX_DATA

_VERIFY_CACHE = f"lmdb:{POSTFIX_DATA}/verify_cache"
# The options of the probe that mailstack_probe.recipient takes too.
_PROBE_OPTIONS = frozenset({"smtp", "lmtp", "lmtp-ca", "ids"})


def ask_servers(kubectl: Kubectl, pod: Object, address: str) -> Answers:
    """Both servers' replies about the address, asked in the pod's container `probe`.

    Raises KubectlError, or ValueError on unexpected output.
    """
    name = get_name(pod)
    options = [
        *probe_options(pod, _PROBE_OPTIONS),
        f"--host={text(section(pod, 'status'), 'podIP')}",
        f"--address={address}",
    ]
    output = kubectl.execute(name, "probe", "python3", "-", *options, stdin=script())
    postfix, dovecot = parse_replies(output)
    return Answers(name, postfix, dovecot, _read_cache_entry(kubectl, name, address))


def script(program: str = recipient_script.PROGRAM) -> str:
    """recipient_script for a program of mailstack_probe, with its modules as they are here."""
    folder = resources.files(PACKAGE)
    files = {file.name.removesuffix(".py"): file for file in folder.iterdir() if file.name.endswith(".py")}
    sources = {f"{PACKAGE}.{name}": file.read_text(encoding="utf-8") for name, file in files.items()}
    sources[PACKAGE] = sources.pop(f"{PACKAGE}.__init__")
    text = inspect.getsource(recipient_script).replace("str] = {}", f"str] = {sources!r}", 1)
    return text.replace(f'PROGRAM = "{recipient_script.PROGRAM}"', f'PROGRAM = "{program}"', 1)


def probe_options(pod: Object, names: Collection[str]) -> list[str]:
    """Those of the pod's own probe that have these names: how it reaches the servers."""
    containers = [each for kind in ("initContainers", "containers") for each in entries(section(pod, "spec"), kind)]
    command = next((each.get("command") for each in containers if text(each, "name") == "probe"), None)
    words = command if isinstance(command, list) else []
    return [word for word in words if isinstance(word, str) and word.partition("=")[0].removeprefix("--") in names]


def _read_cache_entry(kubectl: Kubectl, pod: str, address: str) -> CacheEntry | None:
    try:
        # verify(8) keeps the address as it was written, in capitals or not.
        return parse_cache_entry(kubectl.execute(pod, POSTFIX, "postmap", "-fq", address, _VERIFY_CACHE))
    except KubectlError as error:
        # postmap(1): 1 where there is no entry; it writes something only if the table cannot be read.
        if str(error).endswith(": command terminated with exit code 1"):
            return None
        raise
