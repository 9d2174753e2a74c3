"""What a reply of a mail server means, by its stage. Pure.

The one place that reads replies: the checks and the rehearsal say what each meaning is for them. Sources: RFC 5321,
RFC 3463, Postfix's smtpd(8), verify(8), ADDRESS_VERIFICATION_README and MILTER_README. The texts were measured with
Postfix 3.10 and Dovecot 2.3 and 2.4 (docs/facts/mail.md).
"""

import re
from enum import Enum, auto

from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.replies import UNKNOWN, Reply


class Meaning(Enum):
    """Of a reply; the first seven are of the server itself, at any stage."""

    SUCCESS = auto()
    # A parameter is wrong, or a policy service that a restriction names does not answer.
    CONFIGURATION = auto()
    # A milter does not answer.
    FILTER_UNAVAILABLE = auto()
    # The volume of Postfix's queue is nearly full.
    QUEUE_FULL = auto()
    # Another temporary failure of the server itself.
    TEMPORARY = auto()
    # Another refusal by the server itself.
    REFUSAL = auto()
    # Of RCPT: Dovecot does not know the recipient; Postfix passes its reply on.
    UNKNOWN_RECIPIENT = auto()
    # Dovecot knows the recipient.
    MAILBOX_FULL = auto()
    # Postfix has asked Dovecot, and waits for the answer.
    PENDING = auto()
    # Postfix could not ask Dovecot.
    DOVECOT_UNAVAILABLE = auto()
    # Postfix asked something other than Dovecot.
    OTHER_TRANSPORT = auto()


# "error" for tables and restrictions, "problem" for policy services.
_CONFIGURATION = re.compile(r"Server configuration (error|problem)")
# milter_default_action: tempfail (421 to the connection, 451 later) and reject.
_FILTER = re.compile(r"(\S+ Service unavailable - try again later|5\.5\.0 Service unavailable)")


def meaning(answer: Answer) -> Meaning:
    """What the answer means."""
    reply = answer.reply
    if answer.accepted:
        return Meaning.SUCCESS
    if _CONFIGURATION.search(reply.text):
        return Meaning.CONFIGURATION
    if _FILTER.fullmatch(reply.text):
        return Meaning.FILTER_UNAVAILABLE
    # 421 is of the server itself at every stage: it closes the session.
    if answer.stage is Stage.RCPT and reply.code != 421:
        return _of_recipient(reply)
    if answer.stage is Stage.MAIL and "4.3.1" in reply.text:
        return Meaning.QUEUE_FULL
    return _of_server(reply)


def _of_recipient(reply: Reply) -> Meaning:
    """Of RCPT; Postfix's own texts come first, as they may hold Dovecot's code."""
    if UNKNOWN in reply.text:
        return Meaning.UNKNOWN_RECIPIENT
    for words, found in _POSTFIX.items():
        if words in reply.text:
            return found
    if "rejected:" in reply.text:
        return _of_server(reply)
    if reply.code == 550 and reply.text.startswith("5.1.1"):
        return Meaning.UNKNOWN_RECIPIENT
    if reply.code == 552 or (reply.code == 452 and "4.2.2" in reply.text):
        return Meaning.MAILBOX_FULL
    return _of_server(reply)


# The verdict of address verification, without Dovecot's words for an unknown recipient.
_POSTFIX = {
    "verification in progress": Meaning.PENDING,
    "unverified address": Meaning.DOVECOT_UNAVAILABLE,
    "undeliverable address": Meaning.OTHER_TRANSPORT,
}


def _of_server(reply: Reply) -> Meaning:
    return Meaning.TEMPORARY if 400 <= reply.code < 500 else Meaning.REFUSAL
