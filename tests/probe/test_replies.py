"""How replies are read from lines."""

import pytest

from mailstack_probe import replies
from mailstack_probe.replies import Reply


def test_a_reply_of_several_lines_is_one() -> None:
    lines = ["250-mail.example.org", "250-SIZE", "250 SMTPUTF8"]
    assert replies.smtp(lines) == Reply(250, "mail.example.org SIZE SMTPUTF8")
    assert [replies.has_next_line(line) for line in lines] == [True, True, False]


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
    assert not replies.is_sieve_capability(line)
