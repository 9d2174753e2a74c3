"""Which users file Dovecot gets, what stays in use instead of a wrong one, and what the probe is told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailstack_probe import passwd, users_report
from mailstack_probe.contract import UsersOptions
from mailstack_probe.handover import MANY, Handover, decide
from mailstack_probe.passwd import Volume
from mailstack_probe.users_report import Report


def file_of(*users: str) -> bytes:
    return "".join(f"{user}@example.org:{{CRYPT}}hash-of-{user}::::::\n" for user in users).encode()


def some(count: int) -> list[str]:
    return [f"user{number}" for number in range(count)]


class Pod:
    """The folders of the helper's container."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "secret"
        self.root = folder / "mail"
        self.root.mkdir()
        self.folder = folder
        self.start()

    def start(self) -> None:
        """In a new pod only the mail volume is as before."""
        self.target = self.folder / f"passwd-{time.monotonic_ns()}"
        self.options = UsersOptions(
            source=str(self.source),
            target=str(self.target),
            report=str(self.folder / "report"),
            kept=str(self.root / ".mailstack-users"),
            root=str(self.root),
            owner=5000,
        )
        self.handover = Handover(self.options)

    def give(self, content: bytes) -> str:
        """The kubelet brings a new file. Returns the line of the log."""
        draft = self.folder / "new"
        draft.write_bytes(content)
        draft.rename(self.source)
        return self.handover.look() or ""

    def in_use(self) -> bytes:
        return self.target.read_bytes()

    @property
    def report(self) -> Report:
        return users_report.parse((self.folder / "report").read_text())

    @property
    def problem(self) -> tuple[str, str] | None:
        problem = self.report.problem
        return (problem.status, problem.reason) if problem else None


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_a_good_file_is_handed_over_at_once_and_only_after_a_change(pod: Pod) -> None:
    assert "users: 2" in pod.give(file_of("alice", "bob"))
    assert pod.in_use() == file_of("alice", "bob")
    before = pod.target.stat().st_mtime_ns
    assert pod.handover.look() is None
    assert pod.target.stat().st_mtime_ns == before
    assert pod.report == Report({"alice@example.org": 1, "bob@example.org": 2})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ("False", "UsersEmpty")),
        (b"# nobody\n\n", ("False", "UsersEmpty")),
        (b"no passwd-file at all\n", ("False", "UsersMalformed")),
        (b"alice:{CRYPT}hash\n", ("False", "UsersMalformed")),
        (file_of("alice").replace(b"\n", b"").replace(b":", b" ") + b"\n", ("False", "UsersMalformed")),
        (file_of(*some(MANY // 2 - 1)), ("False", "TooFewUsers")),
    ],
)
def test_a_file_that_lost_its_users_is_not_handed_over(pod: Pod, content: bytes, problem: tuple[str, str]) -> None:
    """Half a minute of such a file bounced 148 of 233 messages."""
    good = file_of(*some(MANY))
    pod.give(good)
    pod.give(content)
    assert pod.in_use() == good
    assert pod.problem == problem
    assert len(pod.report.users) == MANY
    pod.give(good)
    assert pod.problem is None


def test_the_secrets_file_is_gone_then_cannot_be_read(pod: Pod) -> None:
    pod.give(file_of("alice"))
    pod.source.unlink()
    assert pod.handover.look()
    assert pod.problem == ("False", "UsersMissing")
    pod.source.mkdir()
    assert pod.handover.look()
    assert pod.problem == ("Unknown", "UsersUnreadable")
    assert pod.in_use() == file_of("alice")


def test_the_last_good_file_is_in_use_in_the_next_pod_too(pod: Pod) -> None:
    pod.give(file_of(*some(MANY)))
    pod.start()
    pod.give(b"malformed\n")
    assert pod.in_use() == file_of(*some(MANY))
    pod.start()
    pod.give(file_of("alice"))
    assert pod.problem == ("False", "TooFewUsers")
    assert (pod.root / ".mailstack-users").stat().st_mode & 0o777 == 0o400


def test_without_any_good_file_dovecot_waits(pod: Pod) -> None:
    line = pod.give(b"malformed\n")
    assert "line 1 (no colon" in line
    assert not pod.target.exists()
    assert pod.report.users == {}


def test_a_removal_of_most_users_is_confirmed_by_their_number(pod: Pod) -> None:
    pod.give(file_of(*some(100)))
    pod.give(file_of("alice", "bob"))
    problem = pod.report.problem
    assert problem
    assert "`# mailstack: users=2`" in problem.message
    pod.give(b"# mailstack: users=3\n" + file_of("alice", "bob"))
    assert pod.problem == ("False", "TooFewUsers")
    pod.give(b"# mailstack: users=2\n" + file_of("alice", "bob"))
    assert pod.problem is None
    assert pod.in_use() == file_of("alice", "bob")


@pytest.mark.parametrize(("before", "after"), [(MANY, MANY // 2), (MANY - 1, 1), (2, 1)])
def test_a_removal_of_some_users_needs_no_confirmation(pod: Pod, before: int, after: int) -> None:
    pod.give(file_of(*some(before)))
    pod.give(file_of(*some(after)))
    assert pod.in_use() == file_of(*some(after))


@pytest.mark.parametrize(
    "line", ["bob@example.org {CRYPT}new", "b\u00f6b@example.org:{CRYPT}new", "bob:{CRYPT}new", ":x"]
)
def test_a_user_whose_line_was_broken_goes_on_working(pod: Pod, line: str) -> None:
    pod.give(file_of("alice", "bob"))
    pod.give(file_of("alice") + f"{line}\n".encode() + file_of("carol"))
    assert b"bob@example.org:{CRYPT}hash-of-bob::::::\n" in pod.in_use()
    assert pod.report.users == {"alice@example.org": 1, "carol@example.org": 3, "bob@example.org": 0}
    assert [note.line for note in pod.report.bad] == [2]
    pod.give(file_of("alice", "carol"))
    assert pod.in_use() == file_of("alice", "carol")


def test_a_line_that_is_clearly_somebody_elses_keeps_nobody(pod: Pod) -> None:
    pod.give(file_of("alice", "bob"))
    pod.give(file_of("alice") + b"alice+box@example.org:{CRYPT}hash\ncarol:{CRYPT}hash\n")
    assert b"bob@" not in pod.in_use()


def test_a_full_mail_volume_keeps_no_user_out(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    pod.root.rmdir()
    assert "in use" in pod.give(file_of("alice"))
    assert pod.in_use() == file_of("alice")
    assert "cannot be written" in capsys.readouterr().out


def test_no_password_is_in_the_report_or_in_the_log(pod: Pod) -> None:
    line = pod.give(
        file_of("alice") + b"bob@example.org {CRYPT}hash-of-bob\nCarol@example.org:{CRYPT}hash-of-carol:0:0\n"
    )
    for text in (line, (pod.folder / "report").read_text()):
        assert "hash-of" not in text


def test_eight_thousand_users_are_judged_in_seconds_and_little_memory(pod: Pod) -> None:
    """As many as a Secret holds."""
    users = [f"somebody.number{number}" for number in range(8000)]
    start = time.process_time()
    pod.give(file_of(*users))
    pod.give(file_of(*users[1:]) + b"broken\n")
    assert time.process_time() - start < 10
    assert len(pod.report.users) == 8000
    assert len(pod.report.to_json()) < 500_000


def test_decide_is_about_the_entries_alone() -> None:
    found = passwd.judge(file_of("alice"), Volume("/srv/mail", 5000))
    assert decide(found, {}).entries == found.entries


def test_the_program_ends_when_told(pod: Pod) -> None:
    pod.source.write_bytes(file_of("alice"))
    command = [sys.executable, "-m", "mailstack_probe.handover", *pod.options.to_arguments()]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "operator")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        assert "users file: in use; users: 1" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
