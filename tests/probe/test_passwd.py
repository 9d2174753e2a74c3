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
        ("alice@example.org:{CRYPT}h::::::", "alice@example.org:{CRYPT}h::::::"),
        ("Bob.Miller@Example.ORG:{CRYPT}h::::::", "bob.miller@example.org:{CRYPT}h::::::"),
        # The likeliest mistake of all: Dovecot says that the user "is missing userdb info".
        ("alice@example.org:{CRYPT}h", "alice@example.org:{CRYPT}h::::::"),
        ("alice@example.org:{CRYPT}h:::", "alice@example.org:{CRYPT}h::::::"),
        (" alice@example.org : {CRYPT}h ::::::", "alice@example.org:{CRYPT}h::::::"),
        ("\u00a0alice@example.org:{CRYPT}h", "alice@example.org:{CRYPT}h::::::"),
        # A password in clear may end with a blank.
        ("alice@example.org:{PLAIN}two words ", "alice@example.org:{PLAIN}two words ::::::"),
        # Dovecot 2.4 would take it for a password in clear.
        ("alice@example.org:$6$salt$hash", "alice@example.org:{CRYPT}$6$salt$hash::::::"),
        ("alice@example.org: $2y$05$hash ", "alice@example.org:{CRYPT}$2y$05$hash::::::"),
        ("alice@example.org:$argon2id$v=19$hash", "alice@example.org:{ARGON2ID}$argon2id$v=19$hash::::::"),
        ("alice@example.org:$ecret$::::::", None),
        ("alice@example.org:{PLAIN}$6$x$y::::::", None),
        # Dovecot escapes the name before it looks it up.
        ("o'brien@example.org:{CRYPT}h", "o\\'brien@example.org:{CRYPT}h::::::"),
        ("a&b=c@example.org:{CRYPT}h", "a&b=c@example.org:{CRYPT}h::::::"),
        # Fault: Dovecot 2.4 has another name for it, and refused mail above the size for everybody.
        *(
            (
                f"alice@example.org:{{CRYPT}}h::::::userdb_quota_rule=*:{rule}",
                f"alice@example.org:{{CRYPT}}h::::::userdb_quota_rule=*:{rule} userdb_quota_storage_size={size}",
            )
            for rule, size in {
                "bytes=1G": "1G",
                "bytes=1073741824": "1073741824B",
                "storage=1048576": "1048576K",
                "storage=5gb": "5G",
                "storage=0": "unlimited",
                "storage=1G:messages=100": "1G",
            }.items()
        ),
        ("alice@example.org:{CRYPT}h::::::userdb_quota_rule=*:storage=5G userdb_quota_storage_size=4G", None),
        ("alice@example.org:{CRYPT}h::::::userdb_quota_rule=*:storage=+10%", None),
        ("alice@example.org:{CRYPT}h::::::userdb_quota_rule=Trash:storage=+1G", None),
        # As docker-mailserver writes it.
        (
            "alice@example.org:{CRYPT}h:5000:5000::/var/mail/example.org/alice::",
            "alice@example.org:{CRYPT}h:5000:5000::::",
        ),
        ("alice@example.org:{CRYPT}h::::example.org/alice::", "alice@example.org:{CRYPT}h::::::"),
        ("alice@example.org:{CRYPT}h::::/srv/mail/../../var/mail::", "alice@example.org:{CRYPT}h::::::"),
        ("alice@example.org:{CRYPT}h::::/srv/mail/elsewhere/alice::", None),
        (
            "alice@example.org:{CRYPT}h::::::userdb_mail=maildir:/var/mail/alice userdb_home=/home/alice nologin=y",
            "alice@example.org:{CRYPT}h::::::nologin=y",
        ),
        ("alice@example.org:{CRYPT}h::::::userdb_mail=maildir:~/Mail userdb_home=/srv/mail/a", None),
        # Fault: Dovecot 2.4 let in whoever gave no password.
        ("alice@example.org:::::::", "alice@example.org:{CRYPT}*::::::"),
        ("alice@example.org: ::::::", "alice@example.org:{CRYPT}*::::::"),
        ("alice@example.org:::::::nopassword=y", None),
        # Fault: Dovecot 2.4 took it for yes.
        ("alice@example.org:::::::nopassword=no", "alice@example.org:{CRYPT}*::::::"),
        ("alice@example.org:{CRYPT}h::::::nopassword=N nologin=y", "alice@example.org:{CRYPT}h::::::nologin=y"),
        # Fault: to Dovecot 2.4 what locks an account of passwd(5) or shadow(5) was the password.
        ("alice@example.org:x:1000:1000::/home/alice:/bin/bash", "alice@example.org:{CRYPT}*:::::/bin/bash:"),
        *((f"alice@example.org:{lock}", "alice@example.org:{CRYPT}*::::::") for lock in ("*", "!", "!!", "*LK*", "NP")),
        ("alice@example.org:!$6$salt$hash", "alice@example.org:{CRYPT}*::::::"),
        ("alice@example.org:*LK*$6$salt$hash", "alice@example.org:{CRYPT}*::::::"),
        ("alice@example.org:!secret::::::", None),
        ("alice@example.org:xX::::::", None),
        # Fault: Dovecot accepted the recipient, and could not store the mail.
        (
            "alice@example.org:{CRYPT}h::::::userdb_mail=maildir:~/Mail:INDEX=/var/index/%u:LAYOUT=fs",
            "alice@example.org:{CRYPT}h::::::userdb_mail=maildir:~/Mail:LAYOUT=fs",
        ),
        (
            "alice@example.org:{CRYPT}h::::::userdb_mail_index_path=/var/index userdb_mail_control_path=/srv/mail/c",
            "alice@example.org:{CRYPT}h::::::userdb_mail_control_path=/srv/mail/c",
        ),
        ("alice@example.org:{CRYPT}h::::::userdb_mail=mbox:~/mail:INBOX=~/inbox:INDEX=MEMORY", None),
        ("alice@example.org:{CRYPT}h:0:0::::", "alice@example.org:{CRYPT}h::::::"),
        ("alice@example.org:{CRYPT}h:1000:1000::::", "alice@example.org:{CRYPT}h::::::"),
        # It works: the group may write.
        ("alice@example.org:{CRYPT}h:1000:5000::::", None),
        # Only Dovecot knows its accounts; and a colon in a password looks the same.
        ("alice@example.org:{CRYPT}h:vmail:vmail::::", None),
    ],
)
def test_a_line_that_can_be_meant_in_one_way_only(line: str, expected: str | None) -> None:
    assert handed(f"{line}\n") == f"{expected or line}\n"
    assert judged(line).bad == ()


def test_a_rootless_dovecot_can_be_one_user_only() -> None:
    assert handed("alice@example.org:{CRYPT}h:1000:7000::::", ROOTLESS) == "alice@example.org:{CRYPT}h::::::\n"
    assert handed("alice@example.org:{CRYPT}h:7000:7000::::", ROOTLESS) == "alice@example.org:{CRYPT}h:7000:7000::::\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfalice@example.org:pw\nbob@example.org:pw\n",
        b"alice@example.org:pw\r\nbob@example.org:pw\r\n",
        b"alice@example.org:pw\rbob@example.org:pw",
        "alice@example.org:pw\nbob@example.org:pw".encode("utf-16"),
        b"alice@example.org:pw\n\xef\xbb\xbfbob@example.org:pw\n",
    ],
    ids=["byte order mark", "CR LF", "CR", "UTF-16", "two files joined"],
)
def test_what_an_editor_makes_of_a_file(content: bytes) -> None:
    assert handed(content) == "alice@example.org:pw::::::\nbob@example.org:pw::::::\n"
    assert judged(content).bad == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alice@example.org {CRYPT}hash", passwd.NO_COLON),
        ("hash without anything", passwd.NO_COLON),
        (":{CRYPT}hash::::::", passwd.NO_USER),
        ("m\u00fcller@example.org:{CRYPT}hash", passwd.NOT_ASCII),
        ("alice@m\u00fcller.example:{CRYPT}hash", passwd.NOT_ASCII),
        ("alice+box@example.org:{CRYPT}hash", passwd.EXTENSION),
        ("two words@example.org:{CRYPT}hash", passwd.NOT_AN_ADDRESS),
        ("a/b@example.org:{CRYPT}hash", passwd.NOT_AN_ADDRESS),
        ("a%b@example.org:{CRYPT}hash", passwd.NOT_AN_ADDRESS),
        ("a!b@example.org:{CRYPT}hash", passwd.NOT_AN_ADDRESS),
        ("alice@:{CRYPT}hash", passwd.NOT_AN_ADDRESS),
        ('{"alice@example.org": "hash"}', passwd.NOT_AN_ADDRESS),
        (f"{'a' * 255}@example.org:{{CRYPT}}hash", passwd.TOO_LONG),
        ("alice@example.org:{CRYPT}\0hash", passwd.CONTROL),
    ],
)
def test_a_line_of_nobody_is_named_and_left_out(line: str, reason: str) -> None:
    found = judged(f"# comment\n\nbob@example.org:pw\n{line}\n")
    assert found.bad == (Note(4, reason),)
    assert list(found.entries) == ["bob@example.org"]


def test_a_user_without_a_domain_can_log_in_as_before_and_is_named() -> None:
    found = judged("alice:{CRYPT}hash::::::\nbob@example.org:pw\n")
    assert found.bad == (Note(1, passwd.NO_DOMAIN),)
    assert list(found.entries) == ["alice", "bob@example.org"]
    assert list(found.users) == ["bob@example.org"]


@pytest.mark.parametrize("password", ["{BCRYPT}$2y$05$x", "{sha512crypt}$6$x$y", "{SHA512.GZIP}x", "{}x"])
def test_an_unknown_password_scheme_is_named_and_mail_still_comes(password: str) -> None:
    """Dovecot refuses each login of that user: `Unknown scheme`."""
    found = judged(f"alice@example.org:{password}::::::")
    assert found.bad == (Note(1, passwd.SCHEME),)
    assert [*found.users] == ["alice@example.org"]


@pytest.mark.parametrize(
    "password", ["{sha512-crypt}$6$x$y", "{SSHA.b64}eA==", "{PLAIN}x{y}", "$2y$05$x", "", "x{BCRYPT}"]
)
def test_a_known_scheme_or_the_default_one_is_left_to_dovecot(password: str) -> None:
    assert judged(f"alice@example.org:{password}::::::").bad == ()


@pytest.mark.parametrize(
    "password",
    [
        "$P$BVbptZxEcZV2yeLyYeN.O4ZeG8225d.",
        "$S$E5abcdefghijklmnopq",
        "$pbkdf2-sha256$29000$abc$def",
        "{CRYPT}$apr1$x$y",
    ],
)
def test_a_hash_of_another_program_lets_nobody_in_and_is_named(password: str) -> None:
    """Fault: Dovecot 2.4 took it for a password in clear, so whoever had the hash could log in."""
    assert judged(f"alice@example.org:{password}").bad == (Note(1, passwd.SCHEME),)
    text = f"{{CRYPT}}{password.removeprefix('{CRYPT}')}"
    assert handed(f"alice@example.org:{password}") == f"alice@example.org:{text}::::::\n"


@pytest.mark.parametrize("length", [32, 40, 64, 128])
def test_a_digest_without_its_scheme_lets_nobody_in_and_is_named(length: int) -> None:
    digest = "8fe4C114" * (length // 8)
    assert judged(f"alice@example.org:{digest}").bad == (Note(1, passwd.NO_SCHEME),)
    assert handed(f"alice@example.org:{digest}") == f"alice@example.org:{{UNKNOWN}}{digest}::::::\n"


def test_a_user_of_two_lines_has_the_one_that_dovecot_took_before() -> None:
    found = judged("Bob@example.org:{CRYPT}one\nbob@example.org:{CRYPT}two::::::\nbob@example.org:{CRYPT}three::::::\n")
    assert [entry.text for entry in found.entries.values()] == ["bob@example.org:{CRYPT}two::::::"]
    assert found.bad == (Note(1, passwd.AGAIN), Note(3, passwd.AGAIN))


def test_the_same_line_twice_is_no_mistake() -> None:
    assert judged("bob@example.org:pw\nBob@example.org:pw::::::\n").bad == ()


def test_corrections_are_told_by_line() -> None:
    found = judged("alice@example.org:pw\nBob@example.org:pw:0:0::/home/bob::\n")
    assert found.corrected == (Note(2, f"{passwd.CAPITALS}, {passwd.IDS}, {passwd.HOME}"),)


@pytest.mark.parametrize(
    ("comment", "number"),
    [("# mailstack: users=12", 12), ("#mailstack: users=3 ", 3), ("# users=3", None), ("# mailstack: users=", None)],
)
def test_a_comment_confirms_the_number_of_users(comment: str, number: int | None) -> None:
    assert judged(f"{comment}\nalice@example.org:pw\n").confirmed == number


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff")), st.sampled_from(["", "::::::", ":a:b"]))
def test_no_line_changes_another(line: str, rest: str) -> None:
    found = judged(f"alice@example.org:pw\n{line}{rest}\nbob@example.org:y\n")
    assert {
        "alice@example.org": "alice@example.org:pw::::::",
        "bob@example.org": "bob@example.org:y::::::",
    }.items() <= {user: entry.text for user, entry in found.entries.items()}.items()


@given(st.text(string.ascii_letters + string.digits + "$./{}", min_size=12))
def test_no_message_has_a_password(secret: str) -> None:
    lines = [f"{secret}:alice@example.org", f"bob@example.org {{CRYPT}}{secret}", f"+:{secret}", f"{secret}\0:x"]
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
