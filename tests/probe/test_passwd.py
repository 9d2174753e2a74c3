"""What becomes of each line of a users file before Dovecot reads it, and what is said of those that are wrong."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_probe import passwd
from mailstack_probe.passwd import Judgement, Note, Volume

VOLUME = Volume("/srv/mail", 5000)
ROOTLESS = Volume("/srv/mail", 7000, rootless=True)


def judged(text: str | bytes, volume: Volume = VOLUME) -> Judgement:
    return passwd.judge(text if isinstance(text, bytes) else text.encode(), volume)


def handed(text: str | bytes, volume: Volume = VOLUME) -> str:
    """What Dovecot gets."""
    return passwd.encode(judged(text, volume).entries.values()).decode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("alice@example.org:{X}h::::::", "alice@example.org:{X}h::::::"),
        ("Bob.Miller@Example.ORG:{X}h::::::", "bob.miller@example.org:{X}h::::::"),
        # The likeliest mistake of all: Dovecot says that the user "is missing userdb info".
        ("alice@example.org:{X}h", "alice@example.org:{X}h::::::"),
        ("alice@example.org:{X}h:::", "alice@example.org:{X}h::::::"),
        (" alice@example.org : {X}h ::::::", "alice@example.org:{X}h::::::"),
        ("\u00a0alice@example.org:{X}h", "alice@example.org:{X}h::::::"),
        # A password in clear may end with a blank.
        ("alice@example.org:{PLAIN}two words ", "alice@example.org:{PLAIN}two words ::::::"),
        # Dovecot escapes the name before it looks it up.
        ("o'brien@example.org:{X}h", "o\\'brien@example.org:{X}h::::::"),
        ("a&b=c@example.org:{X}h", "a&b=c@example.org:{X}h::::::"),
        ("alice@example.org:{X}h::::::userdb_quota_rule=*:bytes=1G", None),
        # As docker-mailserver writes it.
        ("alice@example.org:{X}h:5000:5000::/var/mail/example.org/alice::", "alice@example.org:{X}h:5000:5000::::"),
        ("alice@example.org:{X}h::::example.org/alice::", "alice@example.org:{X}h::::::"),
        ("alice@example.org:{X}h::::/srv/mail/../../var/mail::", "alice@example.org:{X}h::::::"),
        ("alice@example.org:{X}h::::/srv/mail/elsewhere/alice::", None),
        (
            "alice@example.org:{X}h::::::userdb_mail=maildir:/var/mail/alice userdb_home=/home/alice nologin=y",
            "alice@example.org:{X}h::::::nologin=y",
        ),
        ("alice@example.org:{X}h::::::userdb_mail=maildir:~/Mail userdb_home=/srv/mail/a", None),
        ("alice@example.org:{X}h:0:0::::", "alice@example.org:{X}h::::::"),
        ("alice@example.org:{X}h:1000:1000::::", "alice@example.org:{X}h::::::"),
        # It works: the group may write.
        ("alice@example.org:{X}h:1000:5000::::", None),
        # Only Dovecot knows its accounts; and a colon in a password looks the same.
        ("alice@example.org:{X}h:vmail:vmail::::", None),
    ],
)
def test_a_line_that_can_be_meant_in_one_way_only(line: str, expected: str | None) -> None:
    assert handed(f"{line}\n") == f"{expected or line}\n"
    assert judged(line).bad == ()


def test_a_rootless_dovecot_can_be_one_user_only() -> None:
    assert handed("alice@example.org:{X}h:1000:7000::::", ROOTLESS) == "alice@example.org:{X}h::::::\n"
    assert handed("alice@example.org:{X}h:7000:7000::::", ROOTLESS) == "alice@example.org:{X}h:7000:7000::::\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfalice@example.org:x\nbob@example.org:x\n",
        b"alice@example.org:x\r\nbob@example.org:x\r\n",
        b"alice@example.org:x\rbob@example.org:x",
        "alice@example.org:x\nbob@example.org:x".encode("utf-16"),
        b"alice@example.org:x\n\xef\xbb\xbfbob@example.org:x\n",
    ],
    ids=["byte order mark", "CR LF", "CR", "UTF-16", "two files joined"],
)
def test_what_an_editor_makes_of_a_file(content: bytes) -> None:
    assert handed(content) == "alice@example.org:x::::::\nbob@example.org:x::::::\n"
    assert judged(content).bad == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alice@example.org {X}hash", passwd.NO_COLON),
        ("hash without anything", passwd.NO_COLON),
        (":{X}hash::::::", passwd.NO_USER),
        ("m\u00fcller@example.org:{X}hash", passwd.NOT_ASCII),
        ("alice@m\u00fcller.example:{X}hash", passwd.NOT_ASCII),
        ("alice+box@example.org:{X}hash", passwd.EXTENSION),
        ("two words@example.org:{X}hash", passwd.NOT_AN_ADDRESS),
        ("a/b@example.org:{X}hash", passwd.NOT_AN_ADDRESS),
        ("a%b@example.org:{X}hash", passwd.NOT_AN_ADDRESS),
        ("a!b@example.org:{X}hash", passwd.NOT_AN_ADDRESS),
        ("alice@:{X}hash", passwd.NOT_AN_ADDRESS),
        ('{"alice@example.org": "hash"}', passwd.NOT_AN_ADDRESS),
        (f"{'a' * 255}@example.org:{{X}}hash", passwd.TOO_LONG),
        ("alice@example.org:{X}\0hash", passwd.CONTROL),
    ],
)
def test_a_line_of_nobody_is_named_and_left_out(line: str, reason: str) -> None:
    found = judged(f"# comment\n\nbob@example.org:x\n{line}\n")
    assert found.bad == (Note(4, reason),)
    assert list(found.entries) == ["bob@example.org"]


def test_a_user_without_a_domain_can_log_in_as_before_and_is_named() -> None:
    found = judged("alice:{X}hash::::::\nbob@example.org:x\n")
    assert found.bad == (Note(1, passwd.NO_DOMAIN),)
    assert list(found.entries) == ["alice", "bob@example.org"]
    assert list(found.users) == ["bob@example.org"]


def test_a_user_of_two_lines_has_the_one_that_dovecot_took_before() -> None:
    found = judged("Bob@example.org:{X}one\nbob@example.org:{X}two::::::\nbob@example.org:{X}three::::::\n")
    assert [entry.text for entry in found.entries.values()] == ["bob@example.org:{X}two::::::"]
    assert found.bad == (Note(1, passwd.AGAIN), Note(3, passwd.AGAIN))


def test_the_same_line_twice_is_no_mistake() -> None:
    assert judged("bob@example.org:x\nBob@example.org:x::::::\n").bad == ()


def test_corrections_are_told_by_line() -> None:
    found = judged("alice@example.org:x\nBob@example.org:x:0:0::/home/bob::\n")
    assert found.corrected == (Note(2, f"{passwd.CAPITALS}, {passwd.IDS}, {passwd.HOME}"),)


@pytest.mark.parametrize(
    ("comment", "number"),
    [("# mailstack: users=12", 12), ("#mailstack: users=3 ", 3), ("# users=3", None), ("# mailstack: users=", None)],
)
def test_a_comment_confirms_the_number_of_users(comment: str, number: int | None) -> None:
    assert judged(f"{comment}\nalice@example.org:x\n").confirmed == number


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff")), st.sampled_from(["", "::::::", ":a:b"]))
def test_no_line_changes_another(line: str, rest: str) -> None:
    found = judged(f"alice@example.org:x\n{line}{rest}\nbob@example.org:y\n")
    assert {"alice@example.org": "alice@example.org:x::::::", "bob@example.org": "bob@example.org:y::::::"}.items() <= {
        user: entry.text for user, entry in found.entries.items()
    }.items()


@given(st.text(string.ascii_letters + string.digits + "$./{}", min_size=12))
def test_no_message_has_a_password(secret: str) -> None:
    lines = [f"{secret}:alice@example.org", f"bob@example.org {{X}}{secret}", f"+:{secret}", f"{secret}\0:x"]
    found = judged("\n".join(lines))
    assert not [note for note in (*found.bad, *found.corrected) if secret in note.text]


@given(st.binary())
def test_every_file_is_judged_and_what_is_handed_over_is_judged_good(content: bytes) -> None:
    found = passwd.judge(content, VOLUME)
    written = passwd.encode(found.entries.values())
    assert {user: entry.text for user, entry in passwd.read(written).items()} == {
        user: entry.text for user, entry in found.entries.items()
    }


@given(st.one_of(st.binary(), st.text("aA@:#\n +").map(str.encode)))
def test_to_look_for_one_user_is_as_good_as_to_judge_all(content: bytes) -> None:
    assert passwd.names_a_user(content, VOLUME) == bool(passwd.judge(content, VOLUME).users)
