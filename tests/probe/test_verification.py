"""What Postfix's answers about a recipient that does not exist mean, and which names are asked for."""

import pytest

from mailstack_probe import reasons, verification, verification_verdicts
from mailstack_probe.contract import VERIFICATION
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import Reply
from mailstack_probe.verdicts import Verdict, bad, good, unknown
from mailstack_probe.verification import UnknownNames, Verifier
from tests.probe.servers import SILENCE, free_port, playing

WHO = "mailstack-probe-07@example.org"
HELLO = ["220 mail.example.org ESMTP Postfix", "250-mail.example.org\n250 SIZE", "250 2.1.0 Ok"]
SAID = "Recipient address rejected: undeliverable address"
REFUSED = f"5.1.1 <{WHO}>: {SAID}: host mail[private/dovecot-lmtp] said: 550 5.1.1 <{WHO}> User doesn't exist: {WHO}"
PENDING = f"4.1.1 <{WHO}>: Recipient address rejected: unverified address: Address verification in progress"


@pytest.mark.parametrize(
    ("stage", "reply", "expected", "status", "reason"),
    [
        (Stage.RCPT, Reply(550, REFUSED), 550, "True", "Enforced"),
        (Stage.RCPT, Reply(450, REFUSED), 450, "True", "Enforced"),
        (Stage.RCPT, Reply(450, REFUSED), 550, "False", "OtherCode"),
        (Stage.RCPT, Reply(550, REFUSED), 250, "False", "Refused"),
        (Stage.RCPT, Reply(250, "2.1.5 Ok"), 550, "False", "NotEnforced"),
        (Stage.RCPT, Reply(250, "2.1.5 Ok"), 250, "False", "Disabled"),
        (Stage.RCPT, Reply(450, PENDING), 550, "Unknown", "Pending"),
        (
            Stage.RCPT,
            Reply(450, f"4.1.1 <{WHO}>: unverified address: connect to x: refused"),
            550,
            "False",
            "TemporaryFailure",
        ),
        (Stage.RCPT, Reply(451, "4.3.0 Temporary lookup failure"), 550, "False", "TemporaryRefusal"),
        (Stage.CONNECTION, Reply(421, "4.3.2 All server ports are busy"), 550, "False", "TemporaryRefusal"),
        (Stage.RCPT, Reply(421, "4.3.0 Error: timeout exceeded"), 550, "False", "TemporaryRefusal"),
        (Stage.MAIL, Reply(451, "4.7.1 Service unavailable - try again later"), 550, "False", "TemporaryRefusal"),
        (Stage.MAIL, Reply(452, "4.3.1 Insufficient system storage"), 550, "False", "QueueFull"),
        (Stage.RCPT, Reply(450, f"4.1.1 <{WHO}>: {SAID}: unknown user"), 450, "False", "WrongTransport"),
        (Stage.RCPT, Reply(451, "4.3.5 Server configuration error"), 550, "False", "ServerConfiguration"),
        (Stage.RCPT, Reply(550, f"5.1.1 <{WHO}>: {SAID}: unknown user"), 550, "False", "WrongTransport"),
        (Stage.RCPT, Reply(554, "5.7.1 Relay access denied"), 550, "False", "UnexpectedReply"),
    ],
)
def test_what_an_answer_means(stage: Stage, reply: Reply, expected: int, status: str, reason: str) -> None:
    verdict = verification_verdicts.of_answer("example.org", Answer(stage, reply), expected)
    assert (verdict.status, verdict.reason) == (status, reason)
    assert verdict.reason in reasons.BY_CHECK[VERIFICATION]


@pytest.mark.parametrize(
    ("cached", "reason"),
    [
        ("delivers to command: cat", "WrongTransport"),
        ("host x[private/dovecot-lmtp] said: 550 5.1.1 User doesn't exist: x", "NotEnforced"),
        ("example.org", "WrongTransport"),
        ("250 2.1.5 OK", "NotEnforced"),
        ("", "NotEnforced"),
    ],
)
def test_the_verify_cache_tells_of_another_transport(cached: str, reason: str) -> None:
    verdict = verification_verdicts.of_answer("example.org", Answer(Stage.RCPT, Reply(250, "2.1.5 Ok")), 550, cached)
    assert verdict.reason == reason
    assert f"({cached})" in verdict.message or reason == "NotEnforced"


def test_the_worst_domain_counts_and_how_many_are_like_it() -> None:
    domains = [("a.example", good(Reason.ENFORCED, "a")), ("b.example", unknown(Reason.PENDING, "b"))]
    assert verification_verdicts.sum_up(domains).reason == "Pending"
    domains += [("c.example", bad(Reason.NOT_ENFORCED, "c")), ("d.example", bad(Reason.NOT_ENFORCED, "d"))]
    assert verification_verdicts.sum_up(domains) == bad(Reason.NOT_ENFORCED, "c (and 1 more domains)")


def test_all_good_domains_are_one_sentence() -> None:
    domains = [(name, good(Reason.ENFORCED, name)) for name in ("a.example", "b.example")]
    assert verification_verdicts.sum_up(domains).message.endswith("in all 2 domains")


def check(port: int) -> Verdict:
    return Verifier(port, 550).check("example.org", WHO)


def test_the_dialogue_is_that_of_another_server() -> None:
    with playing([*HELLO, f"550 {REFUSED}", "221 Bye"]) as server:
        assert check(server.port).reason == "Enforced"
    assert server.heard == [["EHLO localhost", "MAIL FROM:<>", f"RCPT TO:<{WHO}>", "QUIT"]]


def test_the_words_do_not_change_with_the_name() -> None:
    with playing([*HELLO, f"450 {PENDING}", "221 Bye"]) as server:
        message = check(server.port).message
    assert "<mailstack-probe@example.org>" in message
    assert "-07" not in message


@pytest.mark.parametrize("script", [["421 4.3.2 busy"], [HELLO[0], "421 4.3.2 closing"]])
def test_an_early_end_is_judged_by_its_reply(script: list[str]) -> None:
    with playing(script) as server:
        assert check(server.port).reason == "TemporaryRefusal"


def test_a_postfix_that_is_away_or_silent_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "LIMIT", 0.3)
    assert check(free_port()).reason == "PostfixUnreachable"
    with playing([SILENCE]) as server:
        assert check(server.port).reason == "PostfixUnreachable"


def test_a_name_lasts_ten_minutes_unless_something_changed() -> None:
    now = 86400.0 * 20000 + 6000.0
    names = UnknownNames(lambda: now)
    assert names.address("example.org") == "mailstack-probe-03000@example.org"
    now += 599
    assert names.address("example.org") == "mailstack-probe-03000@example.org"
    now += 2
    assert names.address("example.org") == "mailstack-probe-03300@example.org"
    now += 5
    names.renew(at_once=False)
    assert names.address("example.org") == "mailstack-probe-03300@example.org"
    names.renew()
    assert names.address("example.org") == "mailstack-probe-03303@example.org"


def test_each_change_gets_another_name() -> None:
    """Fault: Dovecot is away for a second, and Postfix's answer of that time is told for ten more."""
    names = UnknownNames(lambda: 86400.0 * 20000 + 6000.0)
    seen = {names.address("example.org")}
    for _ in range(3):
        names.renew()
        seen.add(names.address("example.org"))
    assert len(seen) == 4
