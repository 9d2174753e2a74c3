"""Dovecot is asked about the mailboxes that aliases lead to, and those that it does not know are named."""

from pathlib import Path

import pytest

from mailstack_probe import alias_targets
from mailstack_probe.alias_targets import AliasTargets
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.listeners import UnixListener
from mailstack_probe.replies import Reply
from tests.probe.servers import playing
from tests.probe.test_roster import END, HELLO, LATER, NOBODY, OK


@pytest.fixture
def targets(tmp_path: Path) -> AliasTargets:
    return AliasTargets(tmp_path / "targets", UnixListener(tmp_path / "lmtp"))


def test_each_mailbox_is_asked_for_and_an_unknown_one_is_named(targets: AliasTargets, tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("alice@example.org sales@example.org\ngone@example.org team@example.org\n")
    with playing([*HELLO, OK, NOBODY, *END], path=tmp_path / "lmtp") as server:
        [warning] = targets.ask(1.0) or []
    assert server.heard[0][2:4] == ["RCPT TO:<alice@example.org>", "RCPT TO:<gone@example.org>"]
    assert warning.reason == "AliasTargetUnknown"
    assert "no users: gone@example.org (of team@example.org); mail" in warning.message


def test_a_corrected_file_is_asked_for_at_once(targets: AliasTargets, tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("gone@example.org team@example.org\n")
    with playing([*HELLO, NOBODY, *END], [*HELLO, OK, *END], path=tmp_path / "lmtp") as server:
        assert targets.ask(1.0)
        file.write_text("alice@example.org team@example.org\n")
        assert targets.ask(2.0) == []
    assert server.heard[1][2] == "RCPT TO:<alice@example.org>"


def test_a_user_who_goes_later_is_noticed_without_a_change(targets: AliasTargets, tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("bob@example.org team@example.org\n")
    with playing([*HELLO, OK, *END], [*HELLO, NOBODY, *END], path=tmp_path / "lmtp"):
        assert targets.ask(1.0) == []
        assert targets.ask(alias_targets.AGAIN) == []
        assert targets.ask(alias_targets.AGAIN + 2)


def test_without_aliases_nobody_is_asked_for(targets: AliasTargets, tmp_path: Path) -> None:
    (tmp_path / "targets").touch()
    assert targets.ask(1.0) == []


def test_without_dovecot_nothing_new_is_said(targets: AliasTargets, tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("bob@example.org team@example.org\n")
    assert targets.ask(1.0) is None


def test_a_temporary_answer_names_nobody() -> None:
    refused = {"bob@example.org": Answer(Stage.RCPT, Reply(451, LATER[4:]))}
    assert list(alias_targets.of_answers({"bob@example.org": "team@example.org"}, refused)) == []


def test_a_message_names_the_first_few() -> None:
    names = {f"u{number:03}@example.org": "team@example.org" for number in range(200)}
    refused = {name: Answer(Stage.RCPT, Reply(550, NOBODY[4:])) for name in names}
    [warning] = alias_targets.of_answers(names, refused)
    assert "u009@example.org (of team@example.org) and 190 more; mail" in warning.message
    assert len(warning.message) < 1024
