"""The cache of address verification outlives pods and crashes; a broken one does not stop mail."""

import time
from functools import partial

from mailtest import inbox, manifests
from mailtest.client import Client, letter
from mailtest.stack import Stack, identity
from mailtest.wait import until
from three.conftest import FIRST, SECOND, THIRD

CACHE = "/var/lib/postfix/verify_cache.lmdb"
Stacks = dict[str, Stack]

# Two looks of the liveness probe, ten seconds apart, and the start: 18 s, and more on a busy machine.
HEALED_SECONDS = 90.0

# Written into the file that verify(8) has mapped: all of it, and all but the two pages that say what it is.
ALL_GARBAGE = f'dd if=/dev/urandom of={CACHE} bs="$(stat -c %s {CACHE})" count=1 conv=notrunc'
CUT_OFF = f"truncate --size=8192 {CACHE}"


def test_a_known_user_is_accepted_while_dovecot_is_down(stacks: Stacks, client: Client) -> None:
    """Promise: the cache survives the pod and a kill -9 of Postfix; mail queues and arrives exactly once."""
    stack = stacks[THIRD]
    known, unknown = _known(THIRD), manifests.address("bob", THIRD)
    assert client.ask(stack.host, known)[0].code == 250
    _replace_pod(stack)
    stack.stop_lmtp()
    assert client.ask(stack.host, unknown)[0].matches(450, "Connection refused"), "Dovecot is not down"

    assert client.send(stack.host, letter(known, "after-the-pod"))[0].code == 250
    stack.kill("postfix")
    assert client.send(stack.host, letter(known, "after-the-kill"))[0].code == 250
    assert len(stack.queue()) == 2

    stack.start_lmtp()
    stack.wait_queue_empty(90)
    assert inbox.subjects(client, stack.host, known) == ["after-the-kill", "after-the-pod"]


def test_a_cache_that_breaks_under_postfix_is_begun_anew(stacks: Stacks, client: Client) -> None:
    """Fault: over garbage verify(8) answers 450 to everybody for ever; over a file cut off it dies of SIGBUS."""
    damaged = {SECOND: ALL_GARBAGE, FIRST: CUT_OFF}
    before = {domain: identity(stacks[domain].pod()) for domain in damaged}
    for domain in damaged:
        assert client.ask(stacks[domain].host, _known(domain))[0].code == 250
    for domain, damage in damaged.items():
        stacks[domain].run_in("postfix", "sh", "-c", damage)
    deadline = time.monotonic() + HEALED_SECONDS

    for domain in damaged:
        stack = stacks[domain]
        until("carol is accepted", partial(_healed, stack, domain, client), deadline - time.monotonic())
        assert client.send(stack.host, letter(_known(domain), "after-the-damage"))[0].code == 250
        assert client.ask(stack.host, manifests.address("nobody", domain))[0].code == 550
        after = identity(stack.pod())
        assert (after["uid"], after["dovecot"]) == (before[domain]["uid"], before[domain]["dovecot"])


def test_a_broken_cache_does_not_keep_postfix_from_starting(stacks: Stacks, client: Client) -> None:
    """Fault: a volume that comes back damaged. What was unreadable is kept beside it, for whoever wants to look."""
    stack = stacks[SECOND]
    stack.run_in("postfix", "sh", "-c", f"head -c 50000 /dev/urandom > {CACHE}.new; mv {CACHE}.new {CACHE}")

    stack.kill("postfix")

    assert client.ask(stack.host, _known(SECOND))[0].code == 250
    stack.run_in("postfix", "test", "-s", CACHE.replace(".lmdb", ".unreadable"))


def _known(domain: str) -> str:
    """A user whom no other test of the folder writes to."""
    return manifests.address("carol", domain)


def _healed(stack: Stack, domain: str, client: Client) -> bool:
    """Postfix was restarted over the damage, and takes mail again."""
    restarts = identity(stack.pod())["postfix"]
    assert restarts, "Postfix was not restarted yet"
    reply = client.ask(stack.host, _known(domain))[0]
    assert reply.code == 250, reply
    return True


def _replace_pod(stack: Stack) -> None:
    uid = stack.pod()["metadata"]["uid"]
    stack.kubectl.delete("pod", stack.pod_name)
    until("there is a new pod", lambda: stack.pod()["metadata"]["uid"] != uid, 60)
    stack.kubectl("wait", f"pod/{stack.pod_name}", "--for=condition=Ready", "--timeout=120s", seconds=130)
