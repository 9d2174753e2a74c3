"""The filter beside Postfix: spam is refused or filed, users' mail is signed, and an outage of the filter loses none.

The cluster's DNS knows no domain of a sender, so that nothing depends on what it answers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conftest import CreateStack, client_pod
from mailtest import dkim, inbox, manifests, milter, node, own_filter
from mailtest.certificates import Authority
from mailtest.client import Client, Letter, body_of, header_of, letter
from mailtest.command import CommandError
from mailtest.dkim import Key
from mailtest.kubectl import Object
from mailtest.own_filter import OwnFilter
from mailtest.programs import Programs
from mailtest.stack import Stack, container_status, identity
from mailtest.wait import until
from mailtest.wire import Endpoint

ALICE, BOB, CAROL, DAVE = map(manifests.address, manifests.USERS)
# rspamd's test patterns: it refuses the first, and calls the second spam.
REFUSED, SPAM = (f"{first}JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X" for first in "XY")
# About 20 MB, as lines of base64.
LARGE = b"%s\r\n" % (b"TWFpbFN0YWNr" * 6) * 270_000
OWN_SCRIPT = 'require ["fileinto", "mailbox"];\nfileinto :create "Sorted";\n'
# The compiled patterns in the image, an empty line, and those that rspamd's processes have mapped.
PATTERNS = """\
ls /usr/share/rspamd/hs/*.unser
echo
cat /proc/[0-9]*/maps 2> /dev/null | grep -o '/usr/share/rspamd/hs/.*unser' | sort -u
"""
# By selector.
Keys = dict[str, Key]
# A changed spec is rehearsed, and the kubelet looks at a ConfigMap about once a minute.
SECONDS = 240.0


@pytest.fixture(scope="module")
def keys() -> Keys:
    return {"old": dkim.make(dkim.RSA), "new": dkim.make(dkim.RSA), "ed": dkim.make(dkim.ED25519)}


def _entries(**states: str) -> list[Object]:
    key = {"domains": [manifests.DOMAIN], "secretName": "dkim-keys"}
    return [{**key, "selector": name, "key": f"{name}.pem", "state": state} for name, state in states.items()]


@pytest.fixture(scope="module")
def own(client: Client) -> Iterator[OwnFilter]:
    found = OwnFilter(client.python)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def stack(create_stack: CreateStack, authority: Authority, keys: Keys, own: OwnFilter) -> Stack:
    """With two other filters: one is away, and mail does not wait for it."""
    secret = manifests.secret("dkim-keys", "")
    found = create_stack(
        "filter",
        manifests.tls_secret("tls", authority.issue("mail.example.org")),
        {**secret, "stringData": {f"{name}.pem": key.pem for name, key in keys.items()}},
        tls={"secretName": "tls"},
        submission={},
        plugins={"sieve": {}},
        # What the test's letters lack is no spam.
        filter={"junkScore": 50, "rejectScore": 100, "dmarc": "Score", "onDnsFailure": "Accept"},
        dkim={"keys": _entries(old="Sign", ed="Sign", new="Publish")},
        milters=[
            {"host": "127.0.0.1", "port": 1, "onFailure": "Accept", "timeout": "1s"},
            {"host": client_pod()["status"]["podIP"], "port": own_filter.PORT},
        ],
    )
    found.wait_ready()
    return found


@pytest.fixture(scope="module")
def programs(stack: Stack) -> Programs:
    found = Programs(stack.kubectl)
    found.start(stack.name, "mail.example.org", "tls")
    return found


def _server(stack: Stack) -> Endpoint:
    return Endpoint(stack.host, security="starttls")


def _letter(to: str, subject: str, text: str = "Hello.") -> Letter:
    return letter(to, subject, f"{text}\r\n".encode())


def _from_alice(to: str, subject: str) -> Letter:
    headers = f"From: {ALICE}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n"
    return Letter(to, f"{headers}\r\nHello.\r\n".encode())


def _message(stack: Stack, client: Client, user: str, subject: str, folder: str = "INBOX") -> bytes:
    inbox.wait_for(client, _server(stack), user, subject, folder=folder)
    found = client.fetch(_server(stack), user, manifests.PASSWORD, folder)
    return next(message for message in found if header_of(message, "Subject") == subject)


def _signed(stack: Stack, client: Client, programs: Programs, keys: Keys, subject: str) -> dict[str, bool]:
    """The signatures on a message that alice sends to bob."""
    door = replace(Endpoint(stack.host, 587, "starttls"), user=ALICE, password=manifests.PASSWORD)
    reply = client.send(door, _from_alice(BOB, subject), sender=ALICE)[0]
    assert reply.code == 250, reply
    records = {f"{name}._domainkey.{manifests.DOMAIN}.": key.record for name, key in keys.items()}
    return dkim.verify(programs, _message(stack, client, BOB, subject), records)


def test_the_filter_uses_the_patterns_of_its_image(stack: Stack) -> None:
    """Promise: its start compiles none, which would take 10 s of a processor and 300 MiB: it has no place for them, and
    says so of each. That is before the first message, for which each process makes some small ones."""
    image, used = stack.run_in("filter", "sh", "-euc", PATTERNS).split("\n\n")
    assert (len(image.split()) > 10, used.split()) == (True, image.split())
    assert [line for line in stack.log("filter") if "hyperscan" in line.lower()] == []


def test_mail_passes_and_the_users_own_script_sorts_it(stack: Stack, client: Client) -> None:
    """Promise: the filter's script leaves other mail to the user's own."""
    assert client.put_script(_server(stack), ALICE, manifests.PASSWORD, OWN_SCRIPT).ok
    assert client.send(stack.host, _letter(ALICE, "ham"))[0].code == 250
    assert b"\nX-Spamd-Result: " in _message(stack, client, ALICE, "ham", "Sorted")


def test_spam_goes_to_junk_whatever_the_users_own_script(stack: Stack, client: Client) -> None:
    """Promise: spam is filed, and nobody's script answers it."""
    assert client.send(stack.host, _letter(ALICE, "spam", SPAM))[0].code == 250
    inbox.wait_for(client, _server(stack), ALICE, "spam", folder="Junk")
    assert "spam" not in inbox.subjects(client, _server(stack), ALICE, "Sorted")


def test_what_is_refused_is_refused_while_the_sender_waits(stack: Stack, client: Client) -> None:
    """Promise: no bounce."""
    reply = client.send(stack.host, _letter(BOB, "refused", REFUSED))[0]
    assert (reply.code, "5.7.1" in reply.text) == (554, True)


def test_a_large_message_passes_the_filter(stack: Stack, client: Client) -> None:
    """Fault: a filter that runs out of memory or time with an attachment of 20 MB."""
    before, sent = identity(stack.pod()), letter(DAVE, "large", LARGE)
    assert client.send(stack.host, sent)[0].code == 250
    (found,) = until("it has arrived", lambda: client.fetch(_server(stack), DAVE, manifests.PASSWORD), 90, every=1)
    # Not the two bodies: of a difference pytest would show all.
    assert (bool(header_of(found, "X-Spamd-Result")), body_of(found) == sent.body) == (True, True)
    assert identity(stack.pod()) == before


def test_a_filter_of_the_users_own_is_asked(stack: Stack, client: Client, own: OwnFilter) -> None:
    """Promise: no message passes without it; while it is away mail waits at its sender."""
    assert client.send(stack.host, _letter(BOB, "with-own-filter"))[0].code == 250
    assert header_of(_message(stack, client, BOB, "with-own-filter"), milter.HEADER) == "seen"
    with own.away():
        reply = client.send(stack.host, _letter(BOB, "without-own-filter"))[0]
        assert (reply.code, "Service unavailable" in reply.text) == (451, True), reply
    assert client.send(stack.host, _letter(BOB, "with-it-again"))[0].code == 250


def test_only_what_is_sent_with_a_login_is_signed(stack: Stack, client: Client, programs: Programs, keys: Keys) -> None:
    """Promise: every key of the domain signs, another library verifies it, and nobody else is signed for."""
    assert _signed(stack, client, programs, keys, "signed") == {"old": True, "ed": True}
    assert client.send(stack.host, _from_alice(CAROL, "forged"))[0].code == 250
    assert not header_of(_message(stack, client, CAROL, "forged"), "DKIM-Signature")


def test_another_key_signs_without_a_restart(stack: Stack, client: Client, programs: Programs, keys: Keys) -> None:
    """Promise: no message leaves unsigned meanwhile."""
    before, seen = identity(stack.pod()), list[dict[str, bool]]()
    stack.patch(dkim={"keys": _entries(old="Publish", ed="Sign", new="Sign")})

    def is_new() -> bool:
        seen.append(_signed(stack, client, programs, keys, f"rotated-{len(seen)}"))
        return "new" in seen[-1]

    until("the new key signs", is_new, SECONDS)
    assert [found for found in seen if found not in ({"old": True, "ed": True}, {"new": True, "ed": True})] == []
    stack.wait_ready()
    assert identity(stack.pod()) == before


def test_a_frozen_filter_is_told_and_mail_waits_at_its_sender(stack: Stack, client: Client) -> None:
    """Fault: a filter that accepts connections and does not answer."""
    found = next(each for each in stack.pod()["spec"]["initContainers"] if each["name"] == "filter")
    question = found["livenessProbe"]["exec"]["command"]
    stack.run_in("filter", *question)
    frozen = container_status(stack.pod(), "filter")["containerID"]
    node.signal(frozen, "STOP")
    try:
        with ThreadPoolExecutor(1) as pool:
            silence = pool.submit(stack.run_in, "filter", *question)
            stack.wait_condition("FilterReady", "False", "^Frozen: ", 60)
            assert client.send(stack.host, _letter(BOB, "while-frozen"))[0].code in (421, 451)
            stack.wait_condition("SMTPReachable", "False", "^(FilterUnavailable|Frozen): ", 60)
            conditions = stack.conditions()
            assert {conditions[kind]["status"] for kind in ("LMTPReachable", "VerificationReady")} == {"True"}
            # For the kubelet, which would restart it after some of these.
            with pytest.raises(CommandError, match="no answer: IO timeout"):
                silence.result()
    finally:
        node.signal(frozen, "CONT")
    stack.wait_condition("FilterReady", "True", "^Filtering: ", 60)
    stack.wait_ready()
    assert client.send(stack.host, _letter(BOB, "after-frozen"))[0].code == 250
    inbox.wait_for(client, _server(stack), BOB, "after-frozen")


def test_a_filter_that_was_killed_comes_back(stack: Stack, client: Client) -> None:
    """Fault: its socket outlives it."""
    stack.kill("filter")
    stack.wait_condition("FilterReady", "True", "^Filtering: ", 60)
    until("mail passes", lambda: client.send(stack.host, _letter(BOB, "after-kill"))[0].code == 250, 60)
    inbox.wait_for(client, _server(stack), BOB, "after-kill")
