"""Which user the probe becomes. The system's calls are replaced: they cannot be undone."""

import os
from pathlib import Path

import pytest

from mailstack_probe import identity

Calls = list[tuple[object, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made: Calls = []
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *words, name=name: made.append((name, *words)))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    return made


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    file = tmp_path / "postfix"
    file.write_text("uid=100\ngid=101\n")
    return file


@pytest.mark.parametrize(("group", "groups"), [(5000, [5000]), (None, [])])
def test_root_becomes_postfix_for_good_and_keeps_no_group(
    calls: Calls, ids: Path, group: int | None, groups: list[int]
) -> None:
    identity.become(ids, group)
    assert calls == [("setgroups", groups), ("setresgid", 101, 101, 101), ("setresuid", 100, 100, 100)]


def test_root_must_be_told_which_user_to_become(calls: Calls) -> None:
    with pytest.raises(SystemExit, match="--ids is required"):
        identity.become(None, None)
    assert calls == []


def test_others_stay_who_they_are(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 5000)
    identity.become(tmp_path / "gone", None)
    assert calls == []


@pytest.mark.parametrize("content", [None, "", "uid=100\n", "uid=postfix\ngid=101\n"])
def test_root_does_not_stay_root_by_mistake(calls: Calls, ids: Path, content: str | None) -> None:
    ids.unlink()
    if content is not None:
        ids.write_text(content)
    with pytest.raises(SystemExit, match="must hold the lines uid=N and gid=N of postfix"):
        identity.become(ids, None)
    assert calls == []
