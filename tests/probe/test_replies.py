"""What is read out of the servers' words; those of Postfix and Dovecot stand here as the real ones say them."""

import pytest

from mailstack_probe import replies
from mailstack_probe.replies import Reply

WHO = "nobody@example.org"
REFUSED = (
    f"<{WHO}>: Recipient address rejected: undeliverable address: host mail.example.org[private/dovecot-lmtp] said: "
    f"550 5.1.1 <{WHO}> User doesn't exist: {WHO} (in reply to RCPT TO command)"
)


@pytest.mark.parametrize("code", [550, 450])
def test_a_refusal_in_dovecots_words_is_good(code: int) -> None:
    assert replies.recipient_problem(WHO, Reply(code, f"5.1.1 {REFUSED}"), code) is None


def test_without_verification_250_is_good() -> None:
    assert replies.recipient_problem(WHO, Reply(250, "2.1.5 Ok"), 250) is None


@pytest.mark.parametrize("expected", [550, 450])
def test_an_unknown_address_that_is_accepted_is_told(expected: int) -> None:
    problem = replies.recipient_problem(WHO, Reply(250, "2.1.5 Ok"), expected) or ""
    assert problem.startswith(
        "Postfix accepts an address that does not exist (250 2.1.5 Ok): address verification does not work; "
    )


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(550, "5.1.1 undeliverable address: Host or domain name not found"), 550),
        (Reply(450, f"4.1.1 {REFUSED}"), 550),
        (Reply(550, f"5.1.1 {REFUSED}"), 450),
        (Reply(554, "5.7.1 Relay access denied"), 450),
    ],
)
def test_a_refusal_for_another_reason_is_shown(reply: Reply, expected: int) -> None:
    problem = replies.recipient_problem(WHO, reply, expected)
    assert problem == f"Postfix must refuse {WHO} by {expected} and Dovecot's \"User doesn't exist\", but says: {reply}"


def test_a_refusal_without_verification_is_shown() -> None:
    problem = replies.recipient_problem(WHO, Reply(451, "4.3.0 Temporary lookup failure"), 250)
    assert problem == f"Postfix refuses {WHO} although it verifies no address: 451 4.3.0 Temporary lookup failure"


@pytest.mark.parametrize(
    ("reply", "temporary"),
    [
        (Reply(450, "4.1.1 unverified address: Address verification in progress"), True),
        (Reply(451, "4.3.0 Temporary lookup failure"), True),
        (Reply(451, "4.3.5 Server configuration error"), False),
        (Reply(454, "4.7.1 Server configuration error"), False),
        (Reply(421, "4.3.0 closing"), False),
        (Reply(450, "4.1.1 undeliverable address: said: 550 5.1.1 User doesn't exist: nobody"), False),
        (Reply(550, "5.1.1 no"), False),
        (Reply(250, "2.1.5 Ok"), False),
    ],
)
def test_which_replies_are_asked_for_again(reply: Reply, temporary: bool) -> None:
    assert reply.temporary is temporary


def test_only_a_pending_answer_is_waited_for() -> None:
    assert Reply(450, "4.1.1 unverified address: Address verification in progress").pending
    assert not Reply(450, "4.1.1 unverified address: connect to [private/dovecot-lmtp]: No such file").pending


def test_a_reply_of_several_lines_is_one() -> None:
    lines = ["250-mail.example.org", "250-SIZE", "250 SMTPUTF8"]
    assert replies.smtp(lines) == Reply(250, "mail.example.org SIZE SMTPUTF8")
    assert [replies.smtp_goes_on(line) for line in lines] == [True, True, False]


@pytest.mark.parametrize("line", ["* OK Dovecot ready.", "", "250x", "2500 ok", "abc"])
def test_what_is_no_smtp_is_none(line: str) -> None:
    assert replies.smtp([line]) is None


def test_a_code_alone_is_a_reply() -> None:
    assert str(replies.smtp(["250"])) == "250"


@pytest.mark.parametrize(
    ("greeting", "open_"),
    [("* OK [CAPABILITY IMAP4rev1] Dovecot ready.", True), ("* BYE Disconnected", False), ("220 mail", False)],
)
def test_imap_greets_with_ok(greeting: str, open_: bool) -> None:
    assert replies.imap_is_open(greeting) is open_


@pytest.mark.parametrize(
    ("line", "open_"), [('OK "Dovecot ready."', True), ("OK", True), ('BYE "no"', False), ("OKAY", False)]
)
def test_managesieve_greets_with_ok_at_the_end(line: str, open_: bool) -> None:
    assert replies.sieve_is_open(line) is open_
    assert not replies.sieve_goes_on(line)


def test_another_address_is_of_the_same_domain() -> None:
    assert replies.another("no.body@example.org", 2) == "no.body-2@example.org"
