"""The screens of `kubectl mailstack`, whole, in files that a person reads: `make golden` rewrites them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mailstack_operator.cli.plugin.parsing import recipient_answers
from mailstack_operator.cli.plugin.parsing.listed_users import Listed
from mailstack_operator.cli.plugin.parsing.log_line import Line, parse_log
from mailstack_operator.cli.plugin.parsing.log_merge import merge_logs
from mailstack_operator.cli.plugin.parsing.mail_queue import parse_queue
from mailstack_operator.cli.plugin.parsing.message_trace import find_newest_message, trace_message
from mailstack_operator.cli.plugin.parsing.private_files import parse_listing
from mailstack_operator.cli.plugin.parsing.probe_traffic import drop_probe_traffic
from mailstack_operator.cli.plugin.parsing.recipient_answers import Answers, CacheEntry, Outcome
from mailstack_operator.cli.plugin.parsing.refusals import find_refusals
from mailstack_operator.cli.plugin.screens.link_screen import render_links
from mailstack_operator.cli.plugin.screens.log_screen import render_log
from mailstack_operator.cli.plugin.screens.queue_screen import render_queue
from mailstack_operator.cli.plugin.screens.recipient_screen import render_answers
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.cli.plugin.screens.units import format_age, format_size
from mailstack_operator.cli.plugin.screens.users_screen import render_problems
from mailstack_operator.kube.objects import Json, Object, section
from mailstack_operator.loop.stack_state import StackState, stack_state_of
from mailstack_operator.stack.topology import decide
from mailstack_probe import directory_verdicts
from mailstack_probe.replies import Reply
from tests.conftest import Golden

DATA = Path(__file__).parents[1] / "data" / "plugin"
SCREENS = Path(__file__).parents[1] / "golden" / "plugin"
NOW = datetime(2026, 11, 22, 23, 28, 5, tzinfo=UTC)
WIDTH = 120


def data(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def mail_stack(**changed: Json) -> StackState:
    """That of the data, with these parts of it replaced."""
    return stack_state_of({**yaml.safe_load(data("mailstack.yaml")), **changed})


@pytest.fixture
def findings() -> Findings:
    """Of a stack whose Dovecot does not start."""
    return Findings(
        stack=mail_stack(),
        pods=[yaml.safe_load(data("pods.yaml"))],
        messages=parse_queue("mail-0", data("queue.jsonl")),
        private=parse_listing(data("private.txt")),
        refusals=find_refusals(parse_log("mail-0", "postfix", data("postfix.log"))),
        problems=[],
        now=NOW,
    )


def lines() -> list[Line]:
    return merge_logs(parse_log("mail-0", server, data(f"{server}.log")) for server in ("postfix", "dovecot"))


def test_status(findings: Findings, golden: Golden) -> None:
    golden(SCREENS / "status.txt", render_status(findings, WIDTH))


def test_status_on_a_narrow_terminal(findings: Findings, golden: Golden) -> None:
    golden(SCREENS / "status-narrow.txt", render_status(findings, 80))


def test_what_two_conditions_say_is_said_once(findings: Findings) -> None:
    ready = findings.stack.status.conditions[0]
    conditions = (ready, replace(ready, type="Second"))
    stack = replace(findings.stack, status=replace(findings.stack.status, conditions=conditions))
    assert "Second     False   30s    ConnectionRefused  as above" in render_status(
        replace(findings, stack=stack), WIDTH
    )


def test_addresses_outside_of_the_cluster_are_shown(findings: Findings) -> None:
    status = replace(findings.stack.status, addresses={"smtp": ("192.0.2.10", "2001:db8::10")})
    shown = render_status(replace(findings, stack=replace(findings.stack, status=status)), 120)
    assert "\nExposed    smtp: 192.0.2.10, 2001:db8::10\n" in shown
    assert "Exposed" not in render_status(findings, 120)


def test_status_of_a_stack_that_nobody_has_seen(findings: Findings, golden: Golden) -> None:
    fresh = replace(findings, stack=mail_stack(status={}), pods=[], messages=[], refusals=[])
    golden(SCREENS / "status-fresh.txt", render_status(fresh, WIDTH))


def test_status_with_parts_that_cannot_be_read(findings: Findings, golden: Golden) -> None:
    problem = 'pod mail-0, container postfix: Error from server (Forbidden): pods "mail-0" is forbidden'
    partial = replace(findings, messages=[], private=None, refusals=[], problems=[problem])
    golden(SCREENS / "status-forbidden.txt", render_status(partial, WIDTH))


def test_what_another_pod_of_the_name_wrote_does_not_count(findings: Findings) -> None:
    pod = {**findings.pods[0], "metadata": {**section(findings.pods[0], "metadata"), "uid": "another"}}
    screen = render_status(replace(findings, pods=[pod]), WIDTH)
    assert "mail-0  lmtp          Unknown  -      NotProbed" in screen


def test_an_invalid_spec_has_a_status_too(findings: Findings) -> None:
    screen = render_status(replace(findings, stack=mail_stack(spec={})), WIDTH)
    assert "LMTP       - (the spec is invalid)" in screen


PEOPLE: Object = {"tls": {"secretName": "mail-tls"}, "submission": {}, "plugins": {"quota": {"size": "1Gi"}}}


@pytest.mark.parametrize(
    ("case", "delivery"),
    [
        ("unix", {}),
        ("inet", {"listener": {"type": "Inet"}}),
        ("inet-tls", {"listener": {"type": "Inet", "inet": {"tls": {"secretName": "lmtp-tls"}}}}),
    ],
)
def test_links(findings: Findings, case: str, delivery: Object, golden: Golden) -> None:
    spec = section(yaml.safe_load(data("mailstack.yaml")), "spec")
    stack = mail_stack(spec={**spec, **PEOPLE, "delivery": delivery}).stack
    assert stack is not None
    golden(SCREENS / f"links-{case}.txt", render_links(decide(stack), findings.private, WIDTH))


def test_queue(golden: Golden) -> None:
    found = parse_queue("mail-0", data("queue.jsonl"))
    golden(SCREENS / "queue.txt", render_queue(found, NOW, WIDTH))


def test_a_question_of_the_probe_is_no_message() -> None:
    probed = data("queue.jsonl").replace("carol@", "mailstack-probe-00001@")
    assert [message.id for message in parse_queue("mail-0", probed)] == ["CFB2F3378"]


def test_an_empty_queue() -> None:
    assert render_queue(parse_queue("mail-0", ""), NOW, WIDTH) == "Queue: empty\n"


def test_logs(golden: Golden) -> None:
    golden(SCREENS / "logs.txt", render_log(lines()))


def test_logs_without_what_the_probe_asks(golden: Golden) -> None:
    golden(SCREENS / "logs-without-probe.txt", render_log(drop_probe_traffic(lines())))


LOCALHOST = "localhost[127.0.0.1]"
WARNING = "warning: connect to Milter service inet:filter:8891: Connection refused"


@pytest.mark.parametrize(
    "session",
    [
        [
            f"postfix/probe/smtpd[7]: connect from {LOCALHOST}",
            f"postfix/probe/smtpd[7]: NOQUEUE: reject: RCPT from {LOCALHOST}: 450 4.1.1 <x@example.org>: unverified "
            "address: Address verification in progress; from=<> to=<x@example.org> proto=ESMTP helo=<localhost>",
            f"postfix/probe/smtpd[7]: disconnect from {LOCALHOST} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4",
        ],
        [
            f"postfix/smtpd[7]: connect from {LOCALHOST}",
            f"postfix/smtpd[7]: disconnect from {LOCALHOST} ehlo=1 mail=1 quit=1 commands=3",
        ],
        [
            f"postfix/smtpd[7]: connect from {LOCALHOST}",
            f"postfix/smtpd[7]: NOQUEUE: milter-reject: MAIL from {LOCALHOST}: 451 4.7.1 Service unavailable - try "
            "again later; from=<> proto=ESMTP helo=<localhost>",
            f"postfix/smtpd[7]: disconnect from {LOCALHOST} ehlo=1 mail=0/1 commands=1/2",
        ],
    ],
    ids=["verification", "port 25", "port 25 without its filter"],
)
@pytest.mark.parametrize("warnings", [[], [f"postfix/smtpd[7]: {WARNING}", f"postfix/probe/smtpd[7]: {WARNING}"]])
def test_of_the_probes_sessions_only_warnings_are_shown(session: list[str], warnings: list[str]) -> None:
    stamp = "2026-11-22T23:28:00.000000000Z"
    found = parse_log(
        "mail-0", "postfix", "".join(f"{stamp} {each}\n" for each in [session[0], *warnings, *session[1:]])
    )
    assert [line.text for line in drop_probe_traffic(found)] == warnings


def test_a_refusal_of_the_probe_at_mail_is_no_refusal() -> None:
    refused = "NOQUEUE: reject: MAIL from {}: 452 4.3.1 Insufficient system storage; from=<{}> proto=ESMTP helo=<a>"
    texts = (refused.format(LOCALHOST, ""), refused.format("a[192.0.2.1]", "s@example.net"))
    found = parse_log(
        "mail-0", "postfix", "".join(f"2026-11-22T23:28:00Z postfix/smtpd[7]: {text}\n" for text in texts)
    )
    assert [refusal.client for refusal in find_refusals(found)] == ["192.0.2.1"]


@pytest.mark.parametrize(
    "session",
    [
        # Somebody who says nothing, a session that is under way, and one whose beginning is not in the log.
        ["postfix/smtpd[7]: connect from a[192.0.2.1]", "postfix/smtpd[7]: disconnect from a[192.0.2.1] commands=0/0"],
        [
            "postfix/smtpd[7]: connect from a[192.0.2.1]",
            "postfix/smtpd[7]: disconnect from a[192.0.2.1] ehlo=1 mail=1 quit=1 commands=3",
        ],
        ["lmtp(7): Info: Connect from local"],
        ["lmtp(7): Info: Disconnect from local: Logged out (state=READY)"],
        ["lmtp(7): Info: Connect from local", "lmtp(a@b.org)<7><S>: saved", "lmtp(7): Info: Disconnect from local: x"],
    ],
)
def test_sessions_of_others_stay(session: list[str]) -> None:
    stamp = "2026-11-22T23:28:00.000000000Z"
    server = "dovecot" if session[0].startswith("lmtp") else "postfix"
    found = parse_log("mail-0", server, "".join(f"{stamp} {words}\n" for words in session))
    assert drop_probe_traffic(found) == found


@pytest.mark.parametrize("queue_id", ["2A3C22C12", "3786A2C26", "CFB2F3378"])
def test_logs_of_one_message(queue_id: str, golden: Golden) -> None:
    """To two recipients; with one of two refused; after a try for which Dovecot was away."""
    golden(SCREENS / f"logs-{queue_id}.txt", render_log(trace_message(lines(), queue_id)))


UNKNOWN = "550 5.1.1 <nosuch@example.org> User doesn't exist: nosuch@example.org"
QUOTED = f"host mail.example.org[private/dovecot-lmtp] said: {UNKNOWN} (in reply to RCPT TO command)"
ACCEPTED = Answers(
    "mail-0", Reply(250, "2.1.5 Ok"), Reply(250, "2.1.5 OK"), CacheEntry("ok", 0, 1795389676, "250 2.1.5 OK")
)
REFUSED = Answers(
    "mail-0",
    Reply(550, f"5.1.1 <nosuch@example.org>: Recipient address rejected: undeliverable address: {QUOTED}"),
    Reply(550, UNKNOWN.removeprefix("550 ")),
    CacheEntry("bounce", 1795390080, 1795390084, QUOTED),
)
SILENT = Answers(
    "mail-1", Reply(450, "4.1.1 <a@example.org>: unverified address"), Reply(0, "Connection refused"), None
)


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("accepted", [ACCEPTED]),
        ("refused", [REFUSED]),
        ("not-known", [ACCEPTED, SILENT]),
        ("removed-user", [replace(ACCEPTED, dovecot=REFUSED.dovecot)]),
        ("new-user", [replace(REFUSED, dovecot=ACCEPTED.dovecot)]),
    ],
)
def test_verify(case: str, found: list[Answers], golden: Golden) -> None:
    outcome = recipient_answers.judge_answers(found, complete=True)
    golden(SCREENS / f"verify-{case}.txt", render_answers("a@example.org", found, outcome, NOW, WIDTH))


def test_verify_while_dovecot_is_down(golden: Golden) -> None:
    down = "connect to mail.example.org[private/dovecot-lmtp]: Connection refused"
    reply = Reply(450, f"4.1.1 <carol@example.org>: Recipient address rejected: unverified address: {down}")
    entry = CacheEntry("defer", 0, int(NOW.timestamp()) - 3, down)
    found = [Answers("mail-0", reply, Reply(0, "Connection refused"), entry)]
    screen = render_answers("carol@example.org", found, Outcome.NOT_KNOWN, NOW, WIDTH)
    golden(SCREENS / "verify-while-dovecot-is-down.txt", screen)


def test_one_pod_that_refuses_is_a_refusal() -> None:
    assert recipient_answers.judge_answers([ACCEPTED, SILENT, REFUSED], complete=False) == Outcome.REFUSED


def test_an_unknown_user_is_refused_under_any_code() -> None:
    assert recipient_answers.judge_reply(Reply(450, UNKNOWN)) == Outcome.REFUSED


@pytest.mark.parametrize("value", ["", "\n", "0", "a:b:c:d", "0:1:x:text"])
def test_what_is_no_entry_of_the_cache(value: str) -> None:
    assert recipient_answers.parse_cache_entry(value) is None


def test_an_entry_may_hold_colons() -> None:
    assert recipient_answers.parse_cache_entry("2:5:7:said: 550 no\n") == CacheEntry("bounce", 5, 7, "said: 550 no")


def test_verification_is_no_message_to_the_user() -> None:
    found = parse_log("mail-0", "postfix", data("postfix.log"))[:7]
    assert "status=deliverable" in "".join(line.text for line in found)
    assert find_newest_message(found, "alice@example.org") == ""


def test_the_newest_message_whatever_the_capitals() -> None:
    assert find_newest_message(lines(), "Alice@Example.ORG") == "CFB2F3378"


def test_lines_of_other_time_zones_stand_in_their_order() -> None:
    east = parse_log("a", "postfix", "2026-11-23T01:00:01.5+02:00 second")
    west = parse_log("b", "postfix", "2026-11-22T23:00:01.123456789Z first")
    assert [line.text for line in merge_logs([east, west])] == ["first", "second"]


def test_several_pods_are_named() -> None:
    found = [replace(line, pod=pod) for line in lines()[:1] for pod in ("mail-0", "mail-1")]
    assert [line.split()[0] for line in render_log(found).splitlines()] == ["mail-0/postfix", "mail-1/postfix"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d")]
)
def test_ages(seconds: float, words: str) -> None:
    assert format_age(seconds) == words


@pytest.mark.parametrize(("octets", "words"), [(0, "0"), (1023, "1023"), (4123, "4.0Ki"), (10 * 1024**2, "10.0Mi")])
def test_sizes(octets: int, words: str) -> None:
    assert format_size(octets) == words


def test_nothing_that_a_sender_wrote_commands_the_terminal() -> None:
    line = replace(lines()[0], text="subject \x1b[2J\r\nx")
    hostile = parse_queue("mail-0", data("queue.jsonl").replace("sender@", "\\u001b[2J@"))
    assert "\x1b" not in render_log([line]) + render_queue(hostile, NOW, WIDTH)


def test_users_with_problems(golden: Golden) -> None:
    found = [
        Listed("alice@example.org", ""),
        Listed("Carl@Example.org", directory_verdicts.CAPITALS),
        Listed("dan@example.org", directory_verdicts.NOT_CHECKED),
        Listed("eve@example.net", directory_verdicts.FOREIGN),
    ]
    golden(SCREENS / "users.txt", render_problems(found, WIDTH))
