"""Keys for DKIM: which can sign, in which form the filter gets them, and that a broken one takes no good one away."""

import base64
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstack_probe import der, dkim_key, ed25519
from mailstack_probe.contract import DKIM_READY
from mailstack_probe.dkim import Keys

Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def make() -> Make:
    """A private key as openssl prints it."""

    def run(*arguments: str) -> bytes:
        return subprocess.run(("openssl", *arguments), check=True, capture_output=True).stdout

    return run


RSA = ("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
OLD_RSA = ("genrsa", "-traditional", "1024")
ED25519 = ("genpkey", "-quiet", "-algorithm", "ed25519")


@pytest.mark.parametrize(("old", "new"), [(b"\n", b" "), (b"\n", b"\n  "), (b"\n", b"\r\n"), (b"\n", b"\n\n")])
@pytest.mark.parametrize("command", [RSA, OLD_RSA])
def test_an_rsa_key_is_handed_on_as_openssl_writes_it(
    make: Make, command: tuple[str, ...], old: bytes, new: bytes
) -> None:
    """Fault: OpenSSL reads no key on one line, nor one that is indented, and rspamd then sends mail unsigned."""
    key = make(*command)
    assert dkim_key.read(key.replace(old, new)).for_rspamd == key


@pytest.mark.parametrize("command", [RSA, OLD_RSA])
def test_an_rsa_key_is_handed_on_without_other_text(make: Make, command: tuple[str, ...]) -> None:
    key = make(*command)
    assert dkim_key.read(b"Bag Attributes\n" + key + b"\nmore\n").for_rspamd == key


def test_an_ed25519_key_becomes_its_seed(make: Make) -> None:
    """rspamd reads no such PEM; RFC 8410, 7: the seed is the end of the key."""
    key = make(*ED25519)
    decoded = base64.b64decode(b"".join(key.splitlines()[1:-1]))
    assert base64.b64decode(dkim_key.read(key).for_rspamd) == decoded[-32:]


@pytest.mark.parametrize("command", [RSA, OLD_RSA, ED25519])
def test_the_record_has_the_public_half(make: Make, tmp_path: Path, command: tuple[str, ...]) -> None:
    """As openssl knows it: RFC 6376 has the whole of an RSA key there, RFC 8463 the end of the other."""
    file = tmp_path / "key"
    file.write_bytes(make(*command))
    public = make("pkey", "-in", str(file), "-pubout", "-outform", "DER")
    kind, shown = ("ed25519", public[-32:]) if command == ED25519 else ("rsa", public)
    assert dkim_key.read(file.read_bytes()).record == f"v=DKIM1; k={kind}; p={base64.b64encode(shown).decode()}"


def test_the_public_half_of_ed25519_is_that_of_the_rfc() -> None:
    """RFC 8032, 7.1, tests 1 and 3."""
    vectors = {
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60": (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        ),
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7": (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        ),
    }
    for seed, public in vectors.items():
        assert ed25519.public(bytes.fromhex(seed)).hex() == public


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("genrsa", "-traditional", "512"), "has 512 bits"),
        (("ecparam", "-name", "prime256v1", "-genkey", "-noout"), "neither RSA nor Ed25519"),
        (("genpkey", "-quiet", "-algorithm", "ed448"), "neither RSA nor Ed25519"),
        ((*RSA, "-aes128", "-pass", "pass:secret"), "is encrypted: store it without a passphrase"),
    ],
)
def test_a_key_that_cannot_sign_is_told(make: Make, command: tuple[str, ...], words: str) -> None:
    assert words in str(dkim_key.problem(make(*command)))


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        (b"", ""),
        (b"hello\n", ""),
        (b"\xff", ""),
        (b"-----BEGIN PUBLIC KEY-----\n", ", but PUBLIC KEY"),
        (b"-----BEGIN CERTIFICATE-----\n", ", but CERTIFICATE"),
    ],
)
def test_what_is_no_key_is_told(content: bytes, holds: str) -> None:
    assert str(dkim_key.problem(content)).startswith("it holds no private key as PEM")
    assert str(dkim_key.problem(content)).endswith(f"-----BEGIN PRIVATE KEY-----{holds}")


def test_a_key_of_openssh_is_told() -> None:
    content = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n"
    assert "make one with openssl" in str(dkim_key.problem(content))


@pytest.mark.parametrize("command", [RSA, OLD_RSA, ED25519])
def test_a_damaged_key_is_told_and_no_part_of_it(make: Make, command: tuple[str, ...]) -> None:
    """Whichever line of it is lost or doubled."""
    first, *lines, last = make(*command).splitlines(keepends=True)
    for place in range(len(lines)):
        for changed in (lines[:place] + lines[place + 1 :], [*lines[:place], *lines[place:], lines[place]]):
            found = dkim_key.problem(b"".join((first, *changed, last)))
            # Where it is the kind that is damaged, it is another kind.
            assert str(found).startswith(
                ("the private key in it is damaged", "the private key in it is neither RSA nor Ed25519")
            )


def _rsa(*elements: bytes) -> bytes:
    body = base64.b64encode(der.element(0x30, *elements))
    return b"-----BEGIN RSA PRIVATE KEY-----\n" + body + b"\n-----END RSA PRIVATE KEY-----\n"


def _huge(*bits: int) -> bytes:
    return _rsa(*(der.element(0x02, b"\0" + b"\xff" * (size // 8)) for size in bits))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"-----BEGIN PRIVATE KEY-----\n" * 10_000, "it holds no private key"),
        (b"-----BEGIN " + b"A" * 50_000 + b"-----", "it holds no private key"),
        (_rsa(b"\x30\0" * 200_000), "the private key in it is damaged"),
        (_huge(0, 2048, 24, *[800_000] * 6), "the private key in it is damaged"),
        (_huge(0, 1_600_000, 24, *[800_000] * 6), "the RSA key in it has 1600000 bits"),
    ],
    ids=["beginnings", "kind", "elements", "numbers", "modulus"],
)
def test_a_key_that_is_made_to_be_slow_is_judged_at_once(content: bytes, says: str) -> None:
    """Fault: anybody's Secret of a megabyte stops the operator for minutes, for all MailStacks."""
    start = time.process_time()
    problem = str(dkim_key.problem(content))
    assert problem.startswith(says)
    assert len(problem) < 200
    assert time.process_time() - start < 3


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    secrets, target = tmp_path / "secrets", tmp_path / "target"
    (secrets / "mail-dkim").mkdir(parents=True)
    target.mkdir()
    return secrets, target


def test_each_key_of_each_secret_is_copied(make: Make, folders: tuple[Path, Path]) -> None:
    secrets, target = folders
    key = make(*OLD_RSA)
    (secrets / "mail-dkim" / "a.pem").write_bytes(key)
    (secrets / "mail-dkim" / "..data").mkdir()
    kept = Keys(secrets, target)
    assert kept.look() == "mail-dkim/a.pem: can be used"
    assert (target / "mail-dkim" / "a.pem").read_bytes() == key
    assert (target / DKIM_READY).exists()
    assert kept.look() is None


def test_a_broken_key_leaves_the_last_good_one(make: Make, folders: tuple[Path, Path]) -> None:
    secrets, target = folders
    source, good = secrets / "mail-dkim" / "a.pem", make(*OLD_RSA)
    kept = Keys(secrets, target)
    source.write_bytes(b"broken")
    assert str(kept.look()).endswith("; it is not used")
    source.write_bytes(good)
    kept.look()
    source.write_bytes(b"broken")
    assert str(kept.look()).endswith("; the last good one stays in use")
    assert (target / "mail-dkim" / "a.pem").read_bytes() == good


def test_a_renewed_key_takes_the_place_of_the_old_one(make: Make, folders: tuple[Path, Path]) -> None:
    secrets, target = folders
    source = secrets / "mail-dkim" / "a.pem"
    kept = Keys(secrets, target)
    for key in (make(*OLD_RSA), make(*OLD_RSA)):
        source.write_bytes(key)
        kept.look()
        assert (target / "mail-dkim" / "a.pem").read_bytes() == key
