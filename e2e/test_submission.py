"""Submission: people send mail with their password, over TLS, as themselves; nobody else sends anything."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, pods, provider
from mailtest.certificates import Authority
from mailtest.client import Client, header_of, letter
from mailtest.command import CommandError
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint, Protocol, Reply, Security

ALICE, BOB, CAROL, DAVE, NOBODY, ABUSE = map(manifests.address, ("alice", "bob", "carol", "dave", "nobody", "abuse"))
HOSTNAME = "mail.example.org"
# A domain that no name server knows: who delivers to it was told by relayHost where it is.
ELSEWHERE = "zoe@elsewhere.example.net"
POSTMASTER = "postmaster@elsewhere.example.net"
# Aliases of one address on that server, which has the first and lacks the second.
AWAY, LOST = map(manifests.address, ("away", "lost"))
SUBMISSION: list[tuple[int, Security]] = [(587, "starttls"), (465, "tls")]
RENEWAL_SECONDS = 90.0
# Postfix's minimal_backoff_time; a test that waits for less shows that mail is not retried by it.
BACKOFF_SECONDS = 300

Mechanism = Literal["PLAIN", "LOGIN"]
Bearer = Literal["OAUTHBEARER", "XOAUTH2"]
# What the provider says of each token.
TOKENS: dict[str, Object] = {
    "of-alice": {"active": True, "email": "Alice@example.org", "scope": "openid mail"},
    "of-bob": {"active": True, "email": BOB, "scope": "mail"},
    "of-nobody": {"active": True, "email": NOBODY, "scope": "mail"},
    "expired": {"active": False, "email": ALICE, "scope": "mail"},
}


@dataclass(frozen=True)
class Senders:
    """MailStacks whose users send mail, and the one that gets it."""

    by_mx: Stack
    by_relay: Stack
    by_login: Stack
    target: Stack

    @property
    def target_user(self) -> str:
        """A user of the target in the domain that is its Service's own name: it has an address, and no MX."""
        return f"zoe@{self.target.host}"


@pytest.fixture(scope="module")
def senders(create_stack: CreateStack, authority: Authority) -> Senders:
    """All of the module's, created at once.

    `target` is also the smart host of the others: `by_login` logs in there with a user of its own.
    """
    tls = manifests.tls_secret("tls", authority.issue(HOSTNAME))
    secured: dict[str, object] = {"tls": {"secretName": "tls"}, "plugins": {"sieve": {}}}
    tokens = {"users": {"passwdFile": {"secretName": "mail-users"}, "oauth2": provider.SPEC}}
    by_mx = create_stack(
        "by-mx",
        tls,
        *provider.objects(authority, TOKENS),
        **secured,
        **tokens,
        submission={},
        postfix={"messageSizeLimit": "20Mi"},
    )
    host = replace(by_mx, name="target").host
    target = create_stack(
        "target",
        manifests.users(f"zoe@{host}", ELSEWHERE, POSTMASTER, ALICE, name="target-users"),
        **secured,
        hostname=host,
        domains=[host, "elsewhere.example.net"],
        postmasterAddress=f"zoe@{host}",
        users={"passwdFile": {"secretName": "target-users"}},
        submission={},
    )
    login = {"relayHost": f"[{host}]:587", "relayCredentials": {"secretName": "relay-login"}}
    inet = {"delivery": {"listener": {"type": "Inet"}}, "dovecot": {"version": "2.3"}}
    return Senders(
        by_mx=by_mx,
        by_relay=create_stack(
            "by-relay",
            **secured,
            submission={"relayHost": f"[{host}]"},
            postfix={"ownDomainSenders": "Accept"},
            postmasterAddress=ELSEWHERE,
            aliases=[
                {"address": AWAY, "targets": [ELSEWHERE]},
                {"address": LOST, "targets": ["gone@elsewhere.example.net"]},
            ],
        ),
        by_login=create_stack(
            "by-login", _relay_login(manifests.PASSWORD), **secured, **inet, **tokens, submission=login
        ),
        target=target,
    )


def _relay_login(password: str) -> Object:
    """The credentials of `alice@example.org` at the smart host."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/basic-auth",
        "metadata": {"name": "relay-login"},
        "stringData": {"username": ALICE, "password": password},
    }


@pytest.fixture(params=["by_mx", "by_login"])
def stack(senders: Senders, request: pytest.FixtureRequest) -> Stack:
    """One whose SASL goes over private/auth, and one over TCP."""
    found: Stack = getattr(senders, request.param)
    found.wait_ready()
    return found


@pytest.fixture(params=SUBMISSION, ids=["587", "465"])
def door(stack: Stack, authority: Authority, request: pytest.FixtureRequest) -> Endpoint:
    """A submission port, before the login."""
    port, security = request.param
    return Endpoint(stack.host, port, security, ca=authority.pem, name=HOSTNAME)


def _logged_in(server: Endpoint, user: str = ALICE) -> Endpoint:
    return replace(server, user=user, password=manifests.PASSWORD)


def _submission(stack: Stack) -> Endpoint:
    """Port 587, logged in as alice."""
    return _logged_in(Endpoint(stack.host, 587, "starttls"))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_user_logs_in_over_tls(door: Endpoint, client: Client, mechanism: Mechanism) -> None:
    """Promise: the password of the users file, checked by Dovecot, with what mail programs speak."""
    assert client.authenticate(replace(_logged_in(door), mechanism=mechanism)).code == 235


def test_a_wrong_password_is_refused(door: Endpoint, client: Client) -> None:
    """Fault: a server that lets anybody in passes every other test."""
    assert client.authenticate(replace(_logged_in(door), password="wrong")).code == 535


def test_port_587_takes_no_password_before_tls(stack: Stack, client: Client) -> None:
    """Fault: a password that crosses the network in plain text. AUTH is not even offered."""
    plain = Endpoint(stack.host, 587)

    assert not [each for each in client.extensions(plain) if each.startswith("auth")]
    reply = client.authenticate(_logged_in(plain))
    assert reply.code == 530
    assert "Must issue a STARTTLS command first" in reply.text


@pytest.mark.parametrize("security", ["plain", "starttls"])
def test_port_25_takes_no_password(stack: Stack, client: Client, security: Security) -> None:
    """Promise: servers speak on port 25, people on 587 and 465: a guessed password is of no use there."""
    assert not [each for each in client.extensions(Endpoint(stack.host, 25, security)) if each.startswith("auth")]


@pytest.mark.parametrize("sender", [BOB, f'"x {ALICE} y"@bank.example', f'"x,{ALICE},y"@bank.example'])
def test_nobody_sends_as_somebody_else(door: Endpoint, client: Client, sender: str) -> None:
    """Promise: the sender's address is that of the login, and a quoted one that holds it is another."""
    reply = client.ask(_logged_in(door), BOB, sender=sender)[0]

    assert reply.code == 553
    assert f"Sender address rejected: not owned by user {ALICE}" in reply.text


def test_a_user_sends_with_an_address_extension(door: Endpoint, client: Client) -> None:
    """Promise: mail to alice+shop@ is delivered to alice, and so she may send as it."""
    assert client.ask(_logged_in(door), BOB, sender="alice+shop@example.org")[0].code == 250


@pytest.mark.parametrize("sender", [ALICE, "alice", NOBODY, "Alice%example.org"])
def test_port_25_refuses_a_sender_of_the_own_domains(stack: Stack, client: Client, sender: str) -> None:
    """Fault: without a login anybody could write as a colleague."""
    reply = client.ask(stack.host, BOB, sender=sender)[0]

    assert reply.code == 550
    assert "Sender address rejected: a sender of this domain needs a login" in reply.text


@pytest.mark.parametrize("sender", ["", "sender@example.net", "alice@sub.example.org"])
def test_port_25_accepts_bounces_and_other_domains(stack: Stack, client: Client, sender: str) -> None:
    """Promise: only the MailStack's own domains need a login."""
    assert client.ask(stack.host, BOB, sender=sender)[0].code == 250


def test_own_senders_are_accepted_where_the_spec_says_so(senders: Senders, client: Client) -> None:
    """Promise: who has forwarders or applications without a login sets a field."""
    senders.by_relay.wait_ready()

    assert client.ask(senders.by_relay.host, BOB, sender=ALICE)[0].code == 250


def test_a_mistyped_colleague_is_refused_at_once(door: Endpoint, client: Client) -> None:
    """Promise: addresses of the own domains are verified here, too."""
    known, unknown = client.ask(_logged_in(door), BOB, NOBODY, sender=ALICE)

    assert (known.code, unknown.code) == (250, 550)
    assert f"User doesn't exist: {NOBODY}" in unknown.text


Weak = Literal["tls1.1", "anonymous"]
# Where people log in; the protocol, port and kind of TLS.
LOGINS: list[tuple[Protocol, int, Security]] = [
    ("smtp", 587, "starttls"),
    ("smtp", 465, "tls"),
    ("imap", 143, "starttls"),
    ("imap", 993, "tls"),
]


@pytest.mark.parametrize("weak", ["tls1.1", "anonymous"])
def test_people_get_tls_1_2_with_a_certificate_and_servers_what_they_can(
    stack: Stack, client: Client, weak: Weak
) -> None:
    """Promise: no login over weak TLS. On port 25 the other choice of an old server would be plain text."""
    for protocol, port, security in LOGINS:
        with pytest.raises(CommandError, match=r"alert|SSL"):
            client.certificate(Endpoint(stack.host, port, security, weak=weak), protocol)

    assert "starttls" in client.extensions(Endpoint(stack.host, 25))
    assert client.ask(Endpoint(stack.host, 25, "starttls", weak=weak), BOB)[0].code == 250


def test_strangers_are_not_told_who_exists(stack: Stack, client: Client) -> None:
    """Fault: VRFY and ETRN answer questions that only an administrator may ask."""
    assert not {"vrfy", "etrn"} & set(client.extensions(stack.host))
    _, *replies = client.say(stack.host, "EHLO client.example.net", f"VRFY {ALICE}", "ETRN example.org")
    assert [reply.code for reply in replies] == [502, 554], replies


def test_a_client_says_its_name_first(stack: Stack, client: Client) -> None:
    """Promise: RFC 5321, 4.1.4; who skips it is hardly ever a mail server."""
    assert client.say(stack.host, "MAIL FROM:<sender@example.net>")[0].code == 503


def test_a_message_is_refused_for_its_size_before_it_is_sent(senders: Senders, client: Client) -> None:
    """Promise: postfix.messageSizeLimit, which a server knows from the reply to EHLO."""
    senders.by_mx.wait_ready()
    host = senders.by_mx.host

    assert f"size {20 * 2**20}" in client.extensions(host)
    greeting, reply = client.say(host, "EHLO client.example.net", f"MAIL FROM:<> SIZE={20 * 2**20 + 1}")
    assert (greeting.code, reply.code) == (250, 552), reply


def test_a_server_names_a_hundred_recipients_at_once(stack: Stack, client: Client) -> None:
    """Promise: RFC 5321, 4.5.3.1.8; the rest is sent in the next transaction."""
    replies = client.ask(stack.host, *[BOB] * 101)
    assert [reply.code for reply in replies[99:]] == [250, 452]


def test_role_addresses_reach_the_postmaster(senders: Senders, client: Client) -> None:
    """Promise: RFC 5321's <postmaster>, and postmaster@ and abuse@ in every domain, by default; no other address
    becomes known, and a user of such a name keeps their mail."""
    stack = senders.target
    stack.wait_ready()
    for address in ("postmaster", f"postmaster@{stack.host}", f"abuse@{stack.host}", "abuse@elsewhere.example.net"):
        assert client.send(stack.host, letter(address, f"to-{address}"))[0].code == 250
        _wait_for(client, stack, senders.target_user, f"to-{address}")

    assert client.send(stack.host, letter(POSTMASTER, "to-a-user"))[0].code == 250
    _wait_for(client, stack, POSTMASTER, "to-a-user")
    assert client.ask(stack.host, f"hostmaster@{stack.host}")[0].code == 550


def test_role_addresses_reach_a_postmaster_on_another_server(senders: Senders, client: Client) -> None:
    """Promise: the same for spec.postmasterAddress in another domain."""
    stack = senders.by_relay
    for each in (stack, senders.target):
        each.wait_ready()

    until("the address is verified", lambda: client.ask(stack.host, ABUSE)[0].code == 250, 120)
    assert client.send(stack.host, letter(ABUSE, "abuse-elsewhere"))[0].code == 250
    _wait_for(client, senders.target, ELSEWHERE, "abuse-elsewhere")


def test_an_alias_of_one_address_on_another_server_is_verified_there(senders: Senders, client: Client) -> None:
    """Promise: the alias exists if that server says so of its target, and its mail arrives there."""
    stack = senders.by_relay
    for each in (stack, senders.target):
        each.wait_ready()

    for alias, code in ((AWAY, 250), (LOST, 550)):
        # The other server says 450 while it asks its own Dovecot, and this one keeps such an answer for 15 s.
        until(f"{alias} gets {code}", partial(_gets, client, stack, alias, code), 120)
    assert client.send(stack.host, letter(AWAY, "by-an-alias"))[0].code == 250
    _wait_for(client, senders.target, ELSEWHERE, "by-an-alias")


def _gets(client: Client, stack: Stack, address: str, code: int) -> bool:
    return client.ask(stack.host, address)[0].code == code


VACATION = 'require ["vacation"];\nvacation :days 1 :subject "away-from-{}" "I am away.";\n'
REDIRECT = 'require ["copy"];\nredirect :copy "{}";\n'


def test_an_out_of_office_reply_reaches_anybody_once(stack: Stack, senders: Senders, client: Client) -> None:
    """Promise: what people want Sieve for. No loop: the reply has no sender, and bounces get none (RFC 5230)."""
    senders.target.wait_ready()
    subject_of_reply = f"away-from-{stack.name}"
    _upload(client, stack, CAROL, VACATION.format(stack.name))

    def deliver(sender: str, subject: str) -> None:
        assert client.send(stack.host, letter(CAROL, subject), sender=sender)[0].code == 250
        _wait_for(client, stack, CAROL, subject)

    def is_answered() -> bool:
        deliver(senders.target_user, "first")
        return bool(_messages(client, senders.target, senders.target_user, subject_of_reply))

    deliver("", "a-bounce")
    # Over TCP no reply leaves for the seconds in which the cluster's DNS does not know Dovecot's new pod.
    until("there is a reply", is_answered, 120, every=2)
    deliver(senders.target_user, "second")
    stack.wait_queue_empty()
    replies = _messages(client, senders.target, senders.target_user, subject_of_reply)
    assert len(replies) == 1
    assert b"Return-Path: <>" in replies[0]
    assert header_of(replies[0], "Message-ID").endswith("@mail.example.org>")


def test_a_redirect_to_another_server_keeps_the_sender(senders: Senders, client: Client) -> None:
    """Promise: bounces of redirected mail reach its author, and a redirected bounce has no sender."""
    stack = senders.by_mx
    for each in (stack, senders.target):
        each.wait_ready()
    _upload(client, stack, DAVE, REDIRECT.format(senders.target_user))

    for sender, subject in (("sender@example.net", "redirected"), ("", "redirected-bounce")):
        assert client.send(stack.host, letter(DAVE, subject), sender=sender)[0].code == 250
        _wait_for(client, senders.target, senders.target_user, subject)
        (message,) = _messages(client, senders.target, senders.target_user, subject)
        assert f"Return-Path: <{sender}>".encode() in message


def test_what_dovecot_sends_with_is_no_open_relay(senders: Senders, client: Client) -> None:
    """Fault: an open relay in the cluster: in one pod nobody can connect, over TCP only Dovecot's pod may relay."""
    for stack in (senders.by_mx, senders.by_login):
        stack.wait_ready()

    with pytest.raises(CommandError, match="refused"):
        client.ask(Endpoint(senders.by_mx.pod()["status"]["podIP"], 10026), *FOREIGN)
    outgoing = Endpoint(f"by-login-outgoing.{senders.by_login.namespace}.svc.cluster.local", 10026)
    replies = client.ask(outgoing, *FOREIGN)
    assert {reply.code // 100 for reply in replies} == {5}, dict(zip(FOREIGN, replies, strict=True))
    assert client.ask(outgoing, BOB, sender=ALICE)[0].code == 550


def test_users_write_to_each_other(door: Endpoint, stack: Stack, client: Client) -> None:
    """Promise: what is sent to the own domains is delivered here."""
    subject = f"to-a-colleague-by-{door.port}"
    assert _send(client, _logged_in(door), BOB, subject).code == 250

    inbox.wait_for(client, Endpoint(stack.host, security="starttls"), BOB, subject)


def test_mail_leaves_by_mx(senders: Senders, client: Client) -> None:
    """Promise: without relayHost, mail goes to the domain's own servers, by its MX or its address (RFC 5321), and over
    TLS where they offer it, as their Received header says."""
    for stack in (senders.by_mx, senders.target):
        stack.wait_ready()

    assert _send(client, _submission(senders.by_mx), senders.target_user, "by-mx").code == 250

    _wait_for(client, senders.target, senders.target_user, "by-mx")
    (message,) = _messages(client, senders.target, senders.target_user, "by-mx")
    assert re.search(rb"\nReceived: from mail\.example\.org .*\r\n\t\(using TLSv1\.3 with cipher ", message)


def test_mail_leaves_by_the_relay_host(senders: Senders, client: Client) -> None:
    """Promise: with relayHost everything for others goes there; the domain itself is not looked up."""
    for stack in (senders.by_relay, senders.target):
        stack.wait_ready()

    assert _send(client, _submission(senders.by_relay), ELSEWHERE, "by-relay").code == 250

    _wait_for(client, senders.target, ELSEWHERE, "by-relay")


def test_the_login_at_the_relay_host_is_that_of_the_secret_and_may_change(senders: Senders, client: Client) -> None:
    """Fault: a password that the relay host does not take. Mail waits; a corrected Secret is enough."""
    stack = senders.by_login
    for each in (stack, senders.target):
        each.wait_ready()
    assert _send(client, _submission(stack), ELSEWHERE, "by-login").code == 250
    _wait_for(client, senders.target, ELSEWHERE, "by-login")
    before = pods.identities(stack)

    stack.kubectl.apply(_relay_login("wrong"))
    until("Postfix has the wrong password", lambda: "wrong" in _password(stack), RENEWAL_SECONDS)
    assert _send(client, _submission(stack), ELSEWHERE, "waits").code == 250
    until("the queue says why", lambda: "authentication failed" in _delay_reason(stack), 90)
    assert _seconds_until_retry(stack) > BACKOFF_SECONDS / 2

    stack.kubectl.apply(_relay_login(manifests.PASSWORD))
    until("Postfix has the right password", lambda: manifests.PASSWORD in _password(stack), RENEWAL_SECONDS)
    stack.wait_queue_empty(BACKOFF_SECONDS / 2)
    _wait_for(client, senders.target, ELSEWHERE, "waits")
    assert pods.identities(stack) == before


# What open relays are tested with: other ways to write an address of somebody else's domain.
FOREIGN = (
    "victim@example.com",
    "victim%example.com@example.org",
    '"victim@example.com"@example.org',
    "@example.org:victim@example.com",
    "example.com!victim",
    "victim@[127.0.0.1]",
)


@pytest.mark.parametrize("sender", ["sender@example.net", ALICE, ""], ids=["stranger", "own-user", "nobody"])
@pytest.mark.parametrize(("port", "security"), [(25, "plain"), (25, "starttls"), *SUBMISSION])
def test_nobody_sends_without_a_login(stack: Stack, client: Client, port: int, security: Security, sender: str) -> None:
    """Fault: an open relay."""
    replies = client.ask(Endpoint(stack.host, port, security), *FOREIGN, sender=sender)

    assert {reply.code // 100 for reply in replies} == {5}, dict(zip(FOREIGN, replies, strict=True))


def _with_token(server: Endpoint, token: str, mechanism: Bearer = "XOAUTH2", user: str = ALICE) -> Endpoint:
    return replace(server, user=user, password=token, mechanism=mechanism)


def _reads(client: Client, stack: Stack, token: str, mechanism: Bearer = "XOAUTH2") -> list[bytes]:
    """Alice's messages, by a login with a token. Raises CommandError if it is refused."""
    return client.fetch(Endpoint(stack.host, security="starttls", mechanism=mechanism), ALICE, token)


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_a_user_logs_in_with_a_token(door: Endpoint, stack: Stack, client: Client, mechanism: Bearer) -> None:
    """Promise: users.oauth2, with Dovecot 2.4 and 2.3: to send and to read, as the user and as nobody else."""
    provider.start(stack.kubectl)
    server = _with_token(door, "of-alice", mechanism)

    assert [client.ask(server, BOB, sender=sender)[0].code for sender in (ALICE, BOB)] == [250, 553]
    assert isinstance(_reads(client, stack, "of-alice", mechanism), list)


def test_a_token_is_offered_and_taken_over_tls_only(stack: Stack, client: Client) -> None:
    """Fault: a token that crosses the network in plain text."""
    plain = Endpoint(stack.host, 587)

    assert not [each for each in client.extensions(plain) if "OAUTH" in each.upper()]
    assert client.authenticate(_with_token(plain, "of-alice")).code == 530


def test_passwords_are_checked_while_the_provider_is_away(senders: Senders, client: Client) -> None:
    """Fault: users locked out by a server that holds nobody's password. Who has a token gets in again by itself."""
    refusals = {senders.by_mx: "AUTHENTICATIONFAILED", senders.by_login: "UNAVAILABLE"}
    for stack in refusals:
        stack.wait_ready()
    provider.stop(senders.by_mx.kubectl)

    for stack, words in refusals.items():
        # The pod is gone a moment before its process.
        until(f"{stack.name} refuses a token", partial(_refuses, client, stack, words), 60, every=1)
        assert client.authenticate(_submission(stack)).code == 235
    provider.start(senders.by_mx.kubectl)
    until("tokens are taken again", lambda: all(_is_taken(client, stack) for stack in refusals), 60, every=1)


def _refuses(client: Client, stack: Stack, words: str) -> bool:
    try:
        _reads(client, stack, "of-alice")
    except CommandError as refusal:
        return words in str(refusal)
    return False


def _is_taken(client: Client, stack: Stack) -> bool:
    server = Endpoint(stack.host, 587, "starttls")
    return client.authenticate(_with_token(server, "of-alice")).code == 235


REFUSED = {"of-nobody": NOBODY, "of-bob": ALICE, "expired": ALICE}


def test_other_tokens_are_refused(senders: Senders, client: Client) -> None:
    """Fault: Postfix asks no userdb, and Dovecot takes a token of whoever no passdb knows: its owner could send."""
    provider.start(senders.by_mx.kubectl)
    stacks = [senders.by_mx, senders.by_login]
    for stack in stacks:
        stack.wait_ready()

    with ThreadPoolExecutor(len(stacks)) as pool:
        replies = dict(zip(stacks, pool.map(lambda stack: list(_refusals(client, stack)), stacks), strict=True))
    assert replies == dict.fromkeys(stacks, [535, 235] * len(REFUSED))


def _refusals(client: Client, stack: Stack) -> Iterator[int]:
    """The reply to each token that is no login. After it a good login: Dovecot delays the logins of an address that has
    had several refusals by more than Postfix waits for an answer."""
    for token, user in REFUSED.items():
        yield client.authenticate(_with_token(Endpoint(stack.host, 587, "starttls"), token, user=user)).code
        yield client.authenticate(_submission(stack)).code


def _send(client: Client, server: Endpoint, to: str, subject: str) -> Reply:
    """The reply to a message from alice."""
    return client.send(server, letter(to, subject), sender=ALICE)[0]


def _wait_for(client: Client, stack: Stack, user: str, subject: str) -> None:
    inbox.wait_for(client, Endpoint(stack.host, security="starttls"), user, subject)


def _upload(client: Client, stack: Stack, user: str, script: str) -> None:
    server = Endpoint(stack.host, security="starttls")
    verdict = client.put_script(server, user, manifests.PASSWORD, script)
    assert verdict.ok, verdict


def _messages(client: Client, stack: Stack, user: str, subject: str) -> list[bytes]:
    """The user's messages of that subject."""
    found = client.fetch(Endpoint(stack.host, security="starttls"), user, manifests.PASSWORD)
    return [each for each in found if header_of(each, "Subject") == subject]


def _password(stack: Stack) -> str:
    return stack.run_in("postfix", "cat", "/run/mailstack/relay/sasl_passwd")


def _seconds_until_retry(stack: Stack) -> int:
    """By the time of the deferred message's file, which is that of the next try."""
    found = stack.run_in("postfix", "sh", "-euc", "date +%s; stat -c %Y /var/spool/postfix/deferred/*/*")
    now, *tries = map(int, found.split())
    return max(tries) - now


def _delay_reason(stack: Stack) -> str:
    """Why the first message of the queue waits."""
    reasons = [each.get("delay_reason", "") for message in stack.queue() for each in message["recipients"]]
    return " ".join(reasons)
