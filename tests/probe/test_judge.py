"""What a reply means, by its stage. The replies are those of Postfix 3.10 and Dovecot 2.4."""

import pytest

from mailstack_probe import judge
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.judge import Meaning
from mailstack_probe.replies import Reply

WHO = "nobody@example.org"
SAID = f"<{WHO}>: Recipient address rejected"
DOVECOT = f"550 5.1.1 <{WHO}> User doesn't exist: {WHO} (in reply to RCPT TO command)"
FROM_DOVECOT = f"{SAID}: undeliverable address: host mail.example.org[private/dovecot-lmtp] said: {DOVECOT}"
NO_SOCKET = f"{SAID}: unverified address: connect to mail[private/dovecot-lmtp]: No such file or directory"
SHUTDOWN = f"{SAID}: unverified address: host mail[private/dovecot-lmtp] said: 421 4.3.2 Server shutting down"


@pytest.mark.parametrize(
    ("stage", "reply", "meaning"),
    [
        (Stage.CONNECTION, Reply(220, "mail.example.org ESMTP Postfix"), Meaning.SUCCESS),
        (Stage.MAIL, Reply(250, "2.1.0 Ok"), Meaning.SUCCESS),
        # A milter that is away: milter_default_action=tempfail, tempfail in a later command, and reject.
        (
            Stage.CONNECTION,
            Reply(421, "mail.example.org Service unavailable - try again later"),
            Meaning.FILTER_UNAVAILABLE,
        ),
        (Stage.MAIL, Reply(451, "4.7.1 Service unavailable - try again later"), Meaning.FILTER_UNAVAILABLE),
        (Stage.RCPT, Reply(451, "4.7.1 Service unavailable - try again later"), Meaning.FILTER_UNAVAILABLE),
        (Stage.MAIL, Reply(550, "5.5.0 Service unavailable"), Meaning.FILTER_UNAVAILABLE),
        # The volume of the queue, which says nothing about Dovecot.
        (Stage.MAIL, Reply(452, "4.3.1 Insufficient system storage"), Meaning.QUEUE_FULL),
        (Stage.MAIL, Reply(451, "4.3.0 Error: queue file write error"), Meaning.TEMPORARY),
        # A restriction with a table that does not exist, and a policy service that is away.
        (Stage.RCPT, Reply(451, "4.3.5 <x>: Helo command rejected: Server configuration error"), Meaning.CONFIGURATION),
        (Stage.RCPT, Reply(451, f"4.3.5 {SAID}: Server configuration problem"), Meaning.CONFIGURATION),
        (Stage.MAIL, Reply(451, "4.3.5 Server configuration error"), Meaning.CONFIGURATION),
        # Postfix closes the session: its own, whatever was asked.
        (Stage.CONNECTION, Reply(421, "4.3.2 All server ports are busy"), Meaning.TEMPORARY),
        (Stage.RCPT, Reply(421, "4.3.0 mail.example.org Error: timeout exceeded"), Meaning.TEMPORARY),
        # What Postfix says about Dovecot, at RCPT alone.
        (Stage.RCPT, Reply(550, f"5.1.1 {FROM_DOVECOT}"), Meaning.UNKNOWN_RECIPIENT),
        (Stage.RCPT, Reply(450, f"4.1.1 {FROM_DOVECOT}"), Meaning.UNKNOWN_RECIPIENT),
        (Stage.RCPT, Reply(450, f"4.1.1 {NO_SOCKET}"), Meaning.DOVECOT_UNAVAILABLE),
        (Stage.RCPT, Reply(450, f"4.1.1 {SHUTDOWN}"), Meaning.DOVECOT_UNAVAILABLE),
        (
            Stage.RCPT,
            Reply(450, f"4.1.1 {SAID}: unverified address: Address verification in progress"),
            Meaning.PENDING,
        ),
        (Stage.RCPT, Reply(550, f"5.1.1 {SAID}: undeliverable address: unknown user"), Meaning.OTHER_TRANSPORT),
        (Stage.RCPT, Reply(450, f"4.1.1 {SAID}: undeliverable address: unknown user"), Meaning.OTHER_TRANSPORT),
        # Restrictions that have nothing to do with Dovecot.
        (Stage.RCPT, Reply(554, "5.7.1 <x>: Relay access denied"), Meaning.REFUSAL),
        (Stage.RCPT, Reply(550, f"5.1.1 {SAID}: User unknown in virtual mailbox table"), Meaning.REFUSAL),
        (Stage.RCPT, Reply(450, f"4.7.1 {SAID}: Greylisted"), Meaning.TEMPORARY),
        (Stage.RCPT, Reply(451, "4.3.0 <x>: Temporary lookup failure"), Meaning.TEMPORARY),
        # Dovecot, over LMTP.
        (Stage.RCPT, Reply(550, f"5.1.1 <{WHO}> User doesn't exist: {WHO}"), Meaning.UNKNOWN_RECIPIENT),
        (Stage.RCPT, Reply(550, f"5.1.1 <{WHO}> Unknown user"), Meaning.UNKNOWN_RECIPIENT),
        (Stage.RCPT, Reply(552, "5.2.2 <x> Quota exceeded (mailbox for user is full)"), Meaning.MAILBOX_FULL),
        (Stage.RCPT, Reply(452, "4.2.2 <x> Quota exceeded (mailbox for user is full)"), Meaning.MAILBOX_FULL),
        (Stage.RCPT, Reply(451, "4.3.0 <x> Temporary internal error"), Meaning.TEMPORARY),
        (Stage.RCPT, Reply(554, "5.5.1 <x> no"), Meaning.REFUSAL),
        (Stage.LHLO, Reply(502, "5.5.2 Unknown command"), Meaning.REFUSAL),
    ],
)
def test_what_a_reply_means(stage: Stage, reply: Reply, meaning: Meaning) -> None:
    assert judge.meaning(Answer(stage, reply)) is meaning


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.RCPT])
@pytest.mark.parametrize("code", [421, 450, 451, 452, 454, 550, 554])
@pytest.mark.parametrize("text", ["4.1.1 unverified address", "User doesn't exist", "verification in progress"])
def test_before_rcpt_nothing_is_said_about_dovecot(stage: Stage, code: int, text: str) -> None:
    own = {Meaning.TEMPORARY, Meaning.REFUSAL}
    assert judge.meaning(Answer(stage, Reply(code, text))) in own
