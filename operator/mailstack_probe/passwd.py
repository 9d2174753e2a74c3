"""Judges a passwd-file of Dovecot line by line, before Dovecot reads it. Pure.

A line is `user:password:uid:gid:gecos:home:shell:extra`. What Dovecot could only have taken in one way is corrected;
what it would never find is named by its line. No reason quotes a line: any part of it may be a password.

Source: Dovecot's "passwd-file" in the documentation of 2.3 and 2.4; measured with both (docs/facts/mail.md).
"""

import codecs
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

# A user whom mail reaches, in lower case. Postfix routes `%` and `!` itself, `+` begins an extension, and `/` would
# put a mailbox into another.
_LOCAL = r"[a-z0-9._'#$&*=?^`{|}~-]+"
_ADDRESS = re.compile(rf"{_LOCAL}@[a-z0-9._-]+")
_NAME = re.compile(_LOCAL)
_LONGEST_NAME = 254
_FIELDS = 8
# Ids below this are of system accounts, and Dovecot opens no mail as one.
_FIRST_ID = 500
# Those of `doveadm pw -l` in 2.3 and 2.4; a scheme may also say how its hash is encoded.
_SCHEMES = {"CLEAR", "CLEARTEXT", "CRAM-MD5", "DIGEST-MD5", "HMAC-MD5", "OTP", "PBKDF2", "PLAIN", "PLAIN-TRUNC"}
_SCHEMES |= {"ARGON2", "ARGON2I", "ARGON2ID", "BLF-CRYPT", "CRYPT", "DES-CRYPT", "SCRAM-SHA-1", "SCRAM-SHA-256"}
_SCHEMES |= {"LDAP-MD5", "MD5", "MD5-CRYPT", "PLAIN-MD4", "PLAIN-MD5", "SMD5"}
_SCHEMES |= {"SHA", "SHA1", "SHA256", "SHA256-CRYPT", "SHA512", "SHA512-CRYPT", "SSHA", "SSHA256", "SSHA512"}
_SCHEME = re.compile(r"\{(?P<name>[^}]*?)(\.(HEX|B64|BASE64))?\}", re.IGNORECASE)
# A hash as crypt(3), ARGON2 or a web application write it, without a scheme. Dovecot 2.3 takes it for CRYPT, and 2.4
# for a password in clear: whoever has the hash could log in with it, and the user could not.
_HASH = re.compile(r"\$(?P<method>[0-9a-z]{1,8})\$.|\$[\w,=-]{1,30}\$.{12}")
# The methods of crypt(3) in Debian (crypt(5)), and those of ARGON2.
_METHODS = {"1", "2", "2a", "2b", "2x", "2y", "3", "5", "6", "7", "gy", "md5", "sha1", "y"}
_METHODS |= {"argon2d", "argon2i", "argon2id"}
_METHOD = re.compile(r"\$(?P<method>\w*)")
# Digests of MD5 and SHA in hexadecimal digits, which scheme they have is not known.
_DIGEST = re.compile(r"(?i:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})")
_UNKNOWN = "UNKNOWN"
# Dovecot takes this for yes, too.
_NOT_NO_PASSWORD = re.compile(r"(?<![^ ])nopassword=(?i:no?|false|0)(?![^ ]) ?")
# What passwd(5) and shadow(5) have, also before a hash, where no password lets anybody in. To Dovecot 2.4 it is one.
_LOCK = re.compile(r"x|NP|[*!]{1,2}|[*!]+(LK|NP|LOCKED)[*!]*|[*!]+(LK[*!]*)?\$[\w,=-]+\$.+")
# The hash of no password (crypt(5)).
_LOCKED = "{CRYPT}*"
# Extra fields that say where mail, and what Dovecot notes about it, is.
_PLACE = re.compile(r"userdb_(home|mail|mail_location|mail_([a-z]+_)?path)")
# Kilobytes or bytes unless there is a unit, of which the first letter counts.
_QUOTA_RULE = re.compile(
    r"(?<![^ ])userdb_quota_rule=\*:(?P<what>storage|bytes)=(?P<size>\d+)(?P<unit>[bkmgt]?)[a-z]*(?![^ :])",
    re.IGNORECASE,
)
# Characters that Dovecot escapes in a user before it looks it up.
_ESCAPED = re.compile(r"([\\\"'])")

NO_COLON = "no colon: write user@domain:{SCHEME}hash::::::"
NO_USER = "no user before the first colon"
NO_DOMAIN = "the user has no domain, so mail never reaches it: write user@domain"
NOT_ASCII = "the user has characters other than ASCII: Dovecot cannot look it up; write a domain in its xn-- form"
EXTENSION = "the user has a plus sign: its mail goes to the user named before the plus"
NOT_AN_ADDRESS = "the user is not an address that mail can be sent to"
TOO_LONG = f"the user is longer than {_LONGEST_NAME} characters"
CONTROL = "a control character"
NO_SCHEME = "a hash without its scheme, so the user cannot log in: write the scheme before it, such as {PLAIN-MD5}"
AGAIN = "the user of another line again, which is used: remove one of them"
SCHEME = "a password scheme that Dovecot does not know, so the user cannot log in: see doveadm pw -l"

# Reasons that leave open whose line it is.
_UNCLEAR = {NO_COLON, NO_USER, NOT_ASCII, NOT_AN_ADDRESS, TOO_LONG, CONTROL}

CAPITALS = "capital letters in the user"
BLANKS = "blanks around the user"
IDS = "a uid or gid that cannot write to the mail volume"
HOME = "a home outside the mail volume"
BYTES = "UTF-16"


@dataclass(frozen=True)
class Volume:
    """Where mail is, and whose it is: `root` is its folder, `owner` its user and group id; where `rootless`, Dovecot
    can be no other user."""

    root: str
    owner: int
    rootless: bool = False

    def holds(self, path: str) -> bool:
        """Whether the absolute path is in it."""
        return f"{posixpath.normpath(path)}/".startswith(f"{self.root}/")

    def admits(self, uid: str, gid: str) -> bool:
        """Whether mail can be written as this user and group; names are left to Dovecot."""
        if (uid and not uid.isdecimal()) or (gid and not gid.isdecimal()):
            return True
        owner = str(self.owner)
        fits = uid in ("", owner) if self.rootless else not uid or int(uid) >= _FIRST_ID
        return fits and gid in ("", owner)


@dataclass(frozen=True)
class Entry:
    """A user as Dovecot looks it up, the number of its line, and the line for Dovecot. `corrections` say how it
    differs from the file; `flaw` says why no mail reaches a user who can log in."""

    user: str
    line: int
    text: str
    corrections: tuple[str, ...] = ()
    flaw: str = ""


@dataclass(frozen=True)
class Note:
    """What to know of a line; lines count from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class Judgement:
    """`entries` are what Dovecot gets, by user and in the order of the file; `bad` are the lines of users whom no mail
    reaches or who cannot log in, `corrected` those that were changed. `confirmed` is the number of users in a comment
    of the file `# mailstack: users=NUMBER`."""

    entries: Mapping[str, Entry]
    bad: tuple[Note, ...] = ()
    corrected: tuple[Note, ...] = ()
    confirmed: int | None = None

    @property
    def users(self) -> dict[str, Entry]:
        """Those whom mail reaches."""
        return {user: entry for user, entry in self.entries.items() if not entry.flaw}

    def may_mean(self, user: str) -> bool:
        """Whether a bad line may be that of this user."""
        return user.partition("@")[0] in self.entries or self._is_open

    @cached_property
    def _is_open(self) -> bool:
        """Whether it is open whose a bad line is. Found once: there may be as many bad lines as users."""
        return any(note.text in _UNCLEAR for note in self.bad)


_CONFIRMATION = re.compile(r"#\s*mailstack:\s*users=(\d+)\s*")


def judge(content: bytes, volume: Volume) -> Judgement:
    """Judges the whole file."""
    lines = list(enumerate(_lines(content), 1))
    found = [judged for number, line in lines if (judged := _judge_line(number, line, volume))]
    entries = [judged for judged in found if isinstance(judged, Entry)]
    chosen = _choose(entries)
    bad = [judged for judged in found if isinstance(judged, Note)]
    bad += [Note(entry.line, wrong) for entry in chosen.values() if (wrong := entry.flaw or _login_problem(entry))]
    bad += [Note(entry.line, AGAIN) for entry in entries if _differs(entry, chosen[entry.user])]
    confirmed = [int(match[1]) for _, line in lines if (match := _CONFIRMATION.fullmatch(line))]
    return Judgement(
        entries=chosen,
        bad=tuple(sorted(bad, key=lambda note: note.line)),
        corrected=tuple(_corrections(content, chosen.values())),
        confirmed=confirmed[0] if confirmed else None,
    )


def names_a_user(content: bytes, volume: Volume) -> bool:
    """Whether mail reaches any user of the file; reads no further than the first."""
    judged = (_judge_line(number, line, volume) for number, line in enumerate(_lines(content), 1))
    return any(isinstance(each, Entry) and not each.flaw for each in judged)


def _lines(content: bytes) -> list[str]:
    """The lines without their ends; bytes that are not UTF-8 stay as they are."""
    # A byte order mark is also in the middle, where two files were joined.
    return re.split(r"\r\n|\n|\r", _decode(content).replace("\ufeff", ""))


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "surrogateescape")


def encode(entries: Iterable[Entry]) -> bytes:
    """The file for Dovecot."""
    return "".join(f"{entry.text}\n" for entry in entries).encode("utf-8", "surrogateescape")


def _judge_line(number: int, line: str, volume: Volume) -> Entry | Note | None:
    """None for a comment."""
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    given, colon, _ = line.partition(":")
    user = given.strip().lower()
    if problem := (_line_problem(line, colon) or _user_problem(user)):
        return Note(number, problem)
    return _entry(number, line, user, volume)


def _line_problem(line: str, colon: str) -> str | None:
    if not colon:
        return NO_COLON
    return CONTROL if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line) else None


def problem_of_user(user: str) -> str:
    """Why mail can never reach a user of this name, in whatever letters; empty if it can."""
    return _user_problem(user.strip().lower()) or ("" if "@" in user else NO_DOMAIN)


def _user_problem(user: str) -> str | None:
    if not user:
        return NO_USER
    if not user.isascii():
        return NOT_ASCII
    if "+" in user:
        return EXTENSION
    if len(user) > _LONGEST_NAME:
        return TOO_LONG
    return None if _ADDRESS.fullmatch(user) or _NAME.fullmatch(user) else NOT_AN_ADDRESS


def _entry(number: int, line: str, user: str, volume: Volume) -> Entry:
    given, *rest = line.split(":", _FIELDS - 1)
    password, uid, gid, gecos, home, shell, extra = [*rest, *[""] * (_FIELDS - 1 - len(rest))]
    extra = _NOT_NO_PASSWORD.sub("", extra)
    ids = (uid, gid) if volume.admits(uid, gid) else ("", "")
    new_home = home if volume.holds(home) else ""
    new_extra = " ".join(kept for word in extra.split(" ") if (kept := _within(word, volume)) is not None)
    quota = _quota_24(extra)
    corrections = {
        BLANKS: given != given.strip(),
        CAPITALS: given.strip() != user,
        IDS: ids != (uid, gid),
        HOME: (new_home, new_extra) != (home, extra),
    }
    fields = (escape(user), _password(password, extra), *ids, gecos, new_home, shell, new_extra + quota)
    flaw = "" if "@" in user else NO_DOMAIN
    return Entry(user, number, ":".join(fields), tuple(what for what, is_so in corrections.items() if is_so), flaw)


def _login_problem(entry: Entry) -> str:
    """Why no password fits; empty where one may."""
    password = entry.text.split(":")[1]
    scheme = _SCHEME.match(password)
    if not scheme:
        return ""
    name = scheme["name"].upper()
    if name == _UNKNOWN:
        return NO_SCHEME
    method = _METHOD.match(password, scheme.end()) if name == "CRYPT" else None
    return "" if name in _SCHEMES and (not method or method["method"] in _METHODS) else SCHEME


def _password(password: str, extra: str) -> str:
    """Blanks belong to no hash; at the end of a password in clear they may be meant. A hash gets its scheme. Without a
    password, Dovecot 2.4 lets in whoever gives none; 2.3 lets nobody in."""
    stripped = password.strip()
    if not stripped:
        return "" if any(word.startswith("nopassword") for word in extra.split(" ")) else _LOCKED
    if password.upper().startswith(("{PLAIN", "{CLEAR")):
        return password
    return _LOCKED if _LOCK.fullmatch(stripped) else f"{_scheme(stripped)}{stripped}"


def _scheme(password: str) -> str:
    """The scheme to write before it, if it is a hash without one."""
    if _DIGEST.fullmatch(password):
        return f"{{{_UNKNOWN}}}"
    if not (found := _HASH.match(password)):
        return ""
    method = found["method"] or ""
    return f"{{{method.upper()}}}" if method.startswith("argon2") else "{CRYPT}"


def _within(word: str, volume: Volume) -> str | None:
    """The extra field without what would put mail outside the mail volume, where nobody can write; None if nothing is
    left."""
    name, _, value = word.partition("=")
    if not _PLACE.fullmatch(name):
        return word
    driver = found[0] if (found := re.match(r"[a-z]+:", value)) else ""
    place, *parts = value.removeprefix(driver).split(":")
    # Such as INDEX=/var/index.
    kept = [part for part in parts if not _is_outside(part.partition("=")[2], volume)]
    return None if _is_outside(place, volume) else f"{name}={driver}{':'.join([place, *kept])}"


def _quota_24(extra: str) -> str:
    """The extra field for a user's own quota in Dovecot 2.4, if it is there as 2.3 has it; each ignores the other's."""
    rule = _QUOTA_RULE.search(extra)
    if not rule or "userdb_quota_storage_size=" in extra:
        return ""
    unit = rule["unit"].upper() or ("K" if rule["what"] == "storage" else "B")
    return f" userdb_quota_storage_size={rule['size'] + unit if int(rule['size']) else 'unlimited'}"


def _is_outside(path: str, volume: Volume) -> bool:
    return path.startswith("/") and not volume.holds(path)


def escape(user: str) -> str:
    """As Dovecot looks it up in the file."""
    return _ESCAPED.sub(r"\\\1", user)


def _choose(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The entry of each user: the first one that Dovecot itself would find, else the first."""
    chosen: dict[str, Entry] = {}
    for entry in entries:
        before = chosen.setdefault(entry.user, entry)
        if _is_renamed(before) and not _is_renamed(entry):
            chosen[entry.user] = entry
    return chosen


def _is_renamed(entry: Entry) -> bool:
    return CAPITALS in entry.corrections or BLANKS in entry.corrections


def _differs(entry: Entry, chosen: Entry) -> bool:
    """Whether another line about the user says something else."""
    return entry.text != chosen.text


def _corrections(content: bytes, entries: Iterable[Entry]) -> Iterator[Note]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield Note(1, BYTES)
    yield from (Note(entry.line, ", ".join(entry.corrections)) for entry in entries if entry.corrections)


def read(content: bytes) -> dict[str, Entry]:
    """The entries of a file that `encode` wrote, by user."""
    lines = enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1)
    found = [Entry(re.sub(r"\\(.)", r"\1", line.partition(":")[0]), number, line) for number, line in lines if line]
    return {entry.user: replace(entry, flaw="" if "@" in entry.user else NO_DOMAIN) for entry in found}
