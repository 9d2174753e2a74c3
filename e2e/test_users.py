"""The Secret of users: missing, without the key, changed, wrong, much too short, with thousands of users."""

import json
import time

import pytest

from conftest import NewNamespace
from mailtest import inbox, manifests
from mailtest.client import Client
from mailtest.stack import READY_SECONDS, Stack, identity
from mailtest.wait import until

# A kubelet looks at a mounted Secret about once a minute.
SECONDS = 90.0
FILE = "/run/mailstack/users/passwd"
ALICE, ERIN = manifests.address("alice"), manifests.address("erin")
BOB, OBRIEN = manifests.address("bob.miller"), manifests.address("o'brien")
HASH = f"{{PLAIN}}{manifests.PASSWORD}"
# As administrators write them, after a byte order mark: capitals, no fields, CR LF, a home of another mail system.
WRITTEN = (
    f"\ufeffBob.Miller@Example.org:{HASH}\r\n{OBRIEN}:{HASH}:5000:5000::/var/mail/example.org/obrien::\r\n"
    f"{ERIN}:{HASH}\r\n"
)
# A line without a colon, and a user of a domain that the MailStack does not have.
WRONG = f"{ALICE} {HASH}\r\nfrank@example.net:{HASH}::::::\r\n"
THOUSANDS = 8000
# Dovecot is asked about all of them, at half of its time at most; a busy machine takes its time.
ASKED_SECONDS = 300.0


@pytest.fixture(scope="module")
def stack(new_namespace: NewNamespace) -> Stack:
    """A MailStack whose Secret does not exist yet."""
    kubectl = new_namespace("users")
    kubectl.apply(manifests.mailstack())
    return Stack(kubectl.namespace)


def test_a_missing_secret_is_named_then_a_missing_key_then_the_stack_comes_up(stack: Stack, client: Client) -> None:
    """Fault: a users file that is not there would make Dovecot answer 550 to good mail, for good.

    So no pod may take mail before the file is there, and the status says what is missing.
    """
    stack.wait_condition("Ready", "False", "^SecretNotFound: .*Secret mail-users", 60)

    stack.kubectl.apply(manifests.secret("mail-users", manifests.passwd_file(ALICE), key="misspelt"))
    stack.wait_condition("Ready", "False", "^SecretKeyNotFound: .*key users in Secret mail-users", 60)

    stack.kubectl.apply(manifests.secret("mail-users", manifests.passwd_file(ALICE)))
    stack.wait_ready()
    assert client.ask(stack.host, ALICE)[0].code == 250


def test_an_added_user_is_accepted_within_ninety_seconds_without_a_restart(stack: Stack, client: Client) -> None:
    """Promise: a user is added by a change of the Secret alone; no pod and no container is restarted."""
    before = identity(stack.pod())
    assert client.ask(stack.host, ERIN)[0].code == 550

    stack.kubectl.apply(manifests.users(ALICE, ERIN))

    deadline = time.monotonic() + SECONDS
    until("the kubelet wrote the new file", lambda: ERIN in stack.run_in("dovecot", "cat", FILE), SECONDS, every=2)
    until("the new user is accepted", lambda: client.ask(stack.host, ERIN)[0].code == 250, deadline - time.monotonic())
    assert identity(stack.pod()) == before


def _codes(stack: Stack, client: Client, *users: str) -> list[int]:
    return [reply.code for reply in client.ask(stack.host, *users)]


def test_each_line_is_judged_and_the_right_users_work(stack: Stack, client: Client) -> None:
    """Fault: users whom Dovecot never finds, and a stack that is Ready all the same.

    What is safe is corrected; what is not is named by its line, and keeps nobody from their mail: also not alice, whose
    line was good before.
    """
    stack.kubectl.apply(manifests.secret("mail-users", WRITTEN + WRONG))

    told = stack.wait_condition("UsersReady", "False", r"^LinesIgnored: .*line 4 \(no colon", SECONDS)
    assert manifests.PASSWORD not in told["message"]
    conditions = stack.conditions()
    assert conditions["Ready"]["status"] == "False"
    assert "line 5" in conditions["Warnings"]["message"]
    until("bob is accepted", lambda: client.ask(stack.host, BOB)[0].code == 250, SECONDS)
    assert _codes(stack, client, ALICE, ERIN) == [250, 250]
    for user in (BOB, OBRIEN):
        inbox.deliver(client, stack, user, "found")

    stack.kubectl.apply(manifests.secret("mail-users", f"{WRITTEN}{ALICE}:{HASH}\r\n"))
    stack.wait_condition("UsersReady", "True", r"^AllFound: .*4 users; corrected: line 1 \(capital", SECONDS)
    stack.wait_ready()


def test_thousands_of_users_are_all_asked_for(stack: Stack, client: Client) -> None:
    """Promise: as many users as a Secret holds are judged and proven, and the other checks go on meanwhile."""
    users = "".join(f"user{number}@example.org:{HASH}\n" for number in range(THOUSANDS))
    secret = json.dumps(manifests.secret("mail-users", manifests.passwd_file(ALICE) + users))
    stack.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=secret)

    stack.wait_condition("UsersReady", "True", f"^AllFound: .*{THOUSANDS + 1} users", ASKED_SECONDS)
    assert stack.conditions()["LMTPReachable"]["status"] == "True"
    assert _codes(stack, client, f"user{THOUSANDS - 1}@example.org") == [250]


def test_a_file_that_lost_most_users_is_held_back_until_it_is_confirmed(stack: Stack, client: Client) -> None:
    """Fault: half a file bounces mail of the other half. The last good one stays, in the next pod too."""
    last = f"user{THOUSANDS - 2}@example.org"
    stack.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(manifests.users(ALICE)))

    stack.wait_condition("UsersReady", "False", "^TooFewUsers: .*`# mailstack: users=1`", SECONDS)
    stack.kubectl.delete("pod", stack.pod_name)
    until("the next pod knows the users", lambda: _codes(stack, client, last) == [250], READY_SECONDS)
    stack.wait_condition("UsersReady", "False", "^TooFewUsers: ", SECONDS)

    confirmed = manifests.secret("mail-users", "# mailstack: users=1\n" + manifests.passwd_file(ALICE))
    stack.kubectl.apply(confirmed)
    stack.wait_condition("UsersReady", "True", "^AllFound: .*each of 1 user", SECONDS)
    stack.wait_ready()
    assert _codes(stack, client, f"user{THOUSANDS - 3}@example.org") == [550]
