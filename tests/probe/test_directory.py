"""Who the users of an external source are, and what Dovecot says of each, by its auth protocol."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mailstack_probe import directory, directory_verdicts, users_list
from mailstack_probe.contract import PAGE, SOURCE_ANSWERS, UnixAddress, UsersListOptions
from mailstack_probe.directory import Accounts, Directory
from mailstack_probe.directory_verdicts import CAPITALS, FAILED, FOREIGN, NO_LOGIN, NOT_CHECKED, NOT_FOUND, QUOTA, TWICE
from mailstack_probe.passwd import Note
from mailstack_probe.sessions import Problem
from mailstack_probe.users_report import Report
from tests.probe.servers import playing
from tests.probe.test_roster import END, HELLO, NOBODY, OK

HERE = ("example.org",)
CANARY = "dave@example.org"
ROLES = directory.role_addresses(HERE, CANARY, CANARY)
FIRST = [f"user{number:02}@example.org" for number in range(PAGE)]


def page(*users: str, end: str = "DONE\t1\t") -> list[str]:
    """A session with a list: what the server says first, after VERSION, and after LIST."""
    tail = ("abuse@example.org", "postmaster@example.org", SOURCE_ANSWERS)
    return ["VERSION\t1\t3", "SPID\t7", "\n".join([*(f"LIST\t1\t{user}" for user in (*users, *tail)), end])]


def answers(*words: str) -> list[str]:
    """A session with answers: for each user that of USER and that of PASS."""
    return ["VERSION\t1\t3", "SPID\t7", *(f"{word}\t1" for word in words)]


@pytest.fixture
def source(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "users", ROLES, CANARY)


def test_a_database_is_listed_page_by_page_and_without_role_addresses(source: Directory, tmp_path: Path) -> None:
    """Dovecot's auth process dies of a long list. A user may have the name of a role."""
    users = [*FIRST, "postmaster@example.org"]
    with playing(page(*users[:PAGE]), page(*users[PAGE:]), page(), path=tmp_path / "users") as server:
        assert list(source.users()) == users
    asked = [heard[1].rpartition("session=")[2] for heard in server.heard]
    assert asked == [f"mailstack-after:{last}" for last in ("", users[PAGE - 1], users[PAGE])]


@pytest.mark.parametrize("users", [FIRST[:2], [*FIRST, *FIRST]], ids=["few", "many"])
def test_a_directory_which_has_no_pages_is_listed_once(source: Directory, tmp_path: Path, users: list[str]) -> None:
    with playing(page(*users), path=tmp_path / "users"):
        assert list(source.users()) == users


def test_of_a_large_directory_the_first_users_are_kept(tmp_path: Path) -> None:
    source = Directory(tmp_path / "users", ROLES, CANARY, PAGE + 1)
    with playing(page(*FIRST, *FIRST), path=tmp_path / "users"):
        assert list(source.users()) == [*FIRST, FIRST[0]]


def test_a_list_that_fails_is_told(source: Directory, tmp_path: Path) -> None:
    with (
        playing(page("a@example.org", end="DONE\t1\tfail"), path=tmp_path / "users"),
        pytest.raises(Problem, match="log"),
    ):
        list(source.users())


@pytest.mark.parametrize(
    ("user", "words", "problem"),
    [
        ("alice@example.org", ["USER", "PASS"], ""),
        ("Alice@Example.org", ["USER", "PASS"], ""),
        ("Alice@Example.org", ["NOTFOUND", "NOTFOUND"], CAPITALS),
        ("alice@example.org", ["NOTFOUND", "PASS"], NOT_FOUND),
        ("alice@example.org", ["USER", "NOTFOUND"], NO_LOGIN),
        ("alice@example.org", ["USER", "FAIL", "USER"], NOT_CHECKED),
        ("alice@example.org", ["FAIL", "PASS", "USER"], FAILED),
        ("alice@example.net", ["USER", "PASS"], FOREIGN),
        ("alice+x@example.org", ["USER", "PASS"], "plus sign"),
        ("alice", ["USER", "PASS"], "no domain"),
        ("al ice@example.org", ["USER", "PASS"], "not an address"),
    ],
)
def test_what_is_wrong_with_a_user_is_told(
    source: Directory, tmp_path: Path, user: str, words: Sequence[str], problem: str
) -> None:
    with playing(answers(*words), path=tmp_path / "users"):
        accounts = list(source.accounts([user]))
    [judged] = directory_verdicts.judge(accounts, HERE)
    assert judged.user == user
    assert problem in judged.problem
    assert bool(problem) == bool(judged.problem)


# Of an attribute of a directory, as both versions pass it on, and whether they accepted mail for its user over LMTP.
TAKEN = {
    "quota_storage_size": ("0B", "007B", "204800B", "5 B", "5KB", "5kB", "10MiB", "1TB", f"{(1 << 64) - 1}B"),
    "quota_rule": ("*:bytes=0", "*:bytes=204800", "*:bytes=5K", "*:bytes=5kB", "*:bytes=10Mi", "*:bytes=5%"),
}
REFUSED = {
    "quota_storage_size": ("-1B", " 5B", "1.5B", "1e3B", "+5B", "5kBB", "abcB", "٣B", f"{1 << 64}B", f"{10**18}KB"),
    "quota_rule": ("*:bytes=-1", "*:bytes=1.5", "*:bytes=5 ", "*:bytes=5:x", "*:bytes=abc", f"*:bytes={1 << 63}"),
}


def _quotas(cases: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"{name}={value}" for name, values in cases.items() for value in values]


@pytest.mark.parametrize(
    ("quota", "problem"), [*((each, "") for each in _quotas(TAKEN)), *((each, QUOTA) for each in _quotas(REFUSED))]
)
def test_a_quota_that_keeps_its_user_from_mail_is_told(
    source: Directory, tmp_path: Path, quota: str, problem: str
) -> None:
    """Fault: an attribute with -1 or a fraction, whose user gets 451 and no session."""
    found = f"USER\t1\tbob@example.org\t{quota}"
    with playing(answers(found, "PASS"), path=tmp_path / "users"):
        accounts = list(source.accounts(["bob@example.org"]))
    assert [judged.problem for judged in directory_verdicts.judge(accounts, HERE)] == [problem]


def test_a_user_of_two_entries_is_told_once(source: Directory, tmp_path: Path) -> None:
    with playing(answers(*["USER", "PASS"] * 3), path=tmp_path / "users"):
        accounts = list(source.accounts(["bob@example.org"] * 3))
    assert [judged.problem for judged in directory_verdicts.judge(accounts, HERE)] == ["", TWICE]


def test_a_source_that_is_lost_meanwhile_is_no_fault_of_its_users(source: Directory, tmp_path: Path) -> None:
    lost = answers("FAIL", "FAIL", "FAIL")
    with playing(lost, page("alice@example.org"), path=tmp_path / "users"), pytest.raises(Problem, match=CANARY):
        list(source.accounts(source.users()))


def test_the_status_names_the_first_few_and_asks_seldom(source: Directory, tmp_path: Path) -> None:
    """No more pages than it needs; sooner again while there is something to correct."""
    accounts = Accounts(source, HERE)
    wrong = [answers(*["NOTFOUND"] * 2 * PAGE), page(*FIRST)]
    corrected = [answers("USER", "PASS"), page(FIRST[0]), page()]
    with playing(*wrong, *corrected, path=tmp_path / "users"):
        [warning] = accounts.ask(1.0) or []
        assert accounts.ask(directory.SOONER) is None
        assert accounts.ask(1.0 + directory.SOONER) == []
        assert accounts.ask(directory.AGAIN) is None
    assert warning.reason == "ListedUsersUnusable"
    assert FIRST[4] in warning.message
    assert FIRST[5] not in warning.message
    assert "users NAME --check" in warning.message


def test_without_dovecot_nothing_is_said_and_it_is_asked_again(source: Directory, tmp_path: Path) -> None:
    accounts = Accounts(source, HERE)
    assert accounts.ask(1.0) is None
    with playing(answers("USER", "PASS"), page("alice@example.org"), page(), path=tmp_path / "users"):
        assert accounts.ask(2.0) is None
        assert accounts.ask(2.0 + directory.SOONER) == []


def options(tmp_path: Path, check: int) -> UsersListOptions:
    return UsersListOptions(lmtp=UnixAddress(str(tmp_path / "lmtp")), domain=HERE, check=check)


def test_the_plugin_lists_users_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    found = replace(options(tmp_path, 1), user_list=str(tmp_path / "users"), canary=CANARY)
    words = ["USER", "PASS", "NOTFOUND", "NOTFOUND"]
    with playing(answers(*words), page("alice@example.org", "bob@example.org"), page(), path=tmp_path / "users"):
        assert list(users_list.found(found)) == [("alice@example.org", ""), ("bob@example.org", NOT_FOUND)]


def test_the_plugin_lists_the_users_of_a_file(tmp_path: Path) -> None:
    """Those that the helper reports; its notes name lines."""
    users = {"alice@example.org": 1, "gone@example.org": 3, "eve@example.net": 4}
    report = Report(users, bad=(Note(2, "no colon"),))
    (tmp_path / "report").write_text(report.to_json())
    with playing([*HELLO, OK, NOBODY, OK, *END], path=tmp_path / "lmtp"):
        checked = list(users_list.found(replace(options(tmp_path, 1), users=str(tmp_path / "report"))))
    listed = list(users_list.found(replace(options(tmp_path, 0), users=str(tmp_path / "report"))))
    assert [user for user, problem in listed if not problem] == list(users)
    wrong = {"": "line 2: no colon", "gone@example.org": users_list.REFUSED, "eve@example.net": FOREIGN}
    assert dict(checked) == {"alice@example.org": "", **wrong}


def test_a_pod_of_an_earlier_operator_cannot_list_users(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="earlier"):
        users_list.found(options(tmp_path, 0))
