"""What is said of a certificate and a key, by what is wrong with them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from mailstack_probe import der, pem
from tests.probe import keys
from tests.probe.keys import Pair


def test_a_pair_that_fits_is_good(good: Pair) -> None:
    assert pem.problem(good.certificate, good.key) is None


def test_a_chain_and_words_around_the_blocks_are_good(good: Pair, other: Pair) -> None:
    chain = "subject=Überall\r\n".encode() + good.certificate + b"issuer=x\n" + other.certificate
    assert pem.problem(chain, b"Bag Attributes\n" + good.key) is None


def test_an_rsa_key_is_good() -> None:
    rsa = keys.pair(kind=("rsa:2048",))
    assert pem.problem(rsa.certificate, rsa.key) is None


def test_a_key_of_another_certificate_is_named(good: Pair, other: Pair) -> None:
    assert pem.problem(good.certificate, other.key) == "the key does not belong to the certificate"


def test_a_chain_in_the_wrong_order_is_told_from_a_foreign_key(good: Pair, other: Pair) -> None:
    """As other servers' tools write it: the issuers first."""
    assert pem.problem(other.certificate + good.certificate, good.key) == (
        "the key does not belong to the certificate, the first one of tls.crt, but to number 2: put that first, and "
        "its issuers behind it"
    )


def test_a_key_of_another_kind_is_named(good: Pair) -> None:
    assert pem.problem(good.certificate, keys.pair(kind=("rsa:2048",)).key) == (
        "the key does not belong to the certificate"
    )


@pytest.mark.parametrize(
    "words", [("ec", "-aes128"), ("pkcs8", "-topk8", "-v2", "aes128")], ids=["traditional", "pkcs8"]
)
def test_an_encrypted_key_is_named_and_nobody_is_asked(good: Pair, words: tuple[str, ...]) -> None:
    problem = pem.problem(good.certificate, keys.encrypted(good.key, *words))
    assert problem == "the key in tls.key is encrypted: store it without a passphrase"


def test_a_weak_key_is_named_in_openssls_words() -> None:
    weak = keys.pair(kind=("rsa:1024",))
    assert pem.problem(weak.certificate, weak.key) == (
        "OpenSSL does not take the key and the certificate (ee key too small)"
    )


@pytest.mark.parametrize("curve", ["secp256k1", "brainpoolP256r1", "secp224r1"])
def test_a_key_that_no_client_can_use_is_named(curve: str) -> None:
    """Fault: OpenSSL loads it, so it took the place of a good one, and every handshake failed."""
    odd = keys.pair(kind=("ec", "-pkeyopt", f"ec_paramgen_curve:{curve}"))
    assert pem.problem(odd.certificate, odd.key) == (
        "no client can use a key of this kind: make one of RSA with 2048 bits or more, or of P-256"
    )


@pytest.mark.parametrize(
    "kind", [("ec", "-pkeyopt", "ec_paramgen_curve:P-521"), ("ed25519",)], ids=["P-521", "Ed25519"]
)
def test_a_key_of_another_common_kind_is_good(kind: tuple[str, ...]) -> None:
    found = keys.pair(kind=kind)
    assert pem.problem(found.certificate, found.key) is None


def test_an_expired_certificate_can_be_used_and_is_named() -> None:
    old = keys.pair(start=timedelta(days=-2), end=timedelta(days=-1))
    expiry = pem.expiry(old.certificate)
    assert expiry is not None
    assert pem.problem(old.certificate, old.key) is None
    assert pem.out_of_date(old.certificate) == f"the certificate expired on {expiry:%Y-%m-%d at %H:%M:%S} UTC"


def test_a_certificate_of_the_future_can_be_used_and_is_named() -> None:
    early = keys.pair(start=timedelta(days=2))
    assert pem.problem(early.certificate, early.key) is None
    assert (pem.out_of_date(early.certificate) or "").startswith("the certificate is valid only from ")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["mail.example.org"], None),
        (["other.example.org", "MAIL.Example.org"], None),
        (["*.example.org"], None),
        (["*.mail.example.org", "example.org"], "the certificate is for *.mail.example.org, example.org, and not for "),
        (["*.org"], "the certificate is for *.org, and not for "),
        ([f"n{number}.example.org" for number in range(7)], "n3.example.org, n4.example.org and 2 more, and not for "),
        ([], "the certificate names no host (subjectAltName), and so not "),
    ],
    ids=str,
)
def test_names_of_a_certificate_are_compared_as_clients_do(names: list[str], says: str | None) -> None:
    wrong = pem.other_names(keys.pair(names=names).certificate, "mail.example.org")
    assert wrong is None if says is None else (wrong or "").endswith(f"{says}mail.example.org")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_dates_and_names_that_cannot_be_read_are_no_reason(content: bytes) -> None:
    assert (pem.out_of_date(content), pem.other_names(content, "mail.example.org")) == (None, None)


@pytest.mark.parametrize("text", [b"", b"\0\xff", b"-----BEGIN CERTIFICATE-----\n"], ids=["empty", "binary", "begun"])
def test_what_is_no_certificate_is_named(good: Pair, text: bytes) -> None:
    assert pem.problem(text, good.key) == "tls.crt holds no certificate in PEM form"


@pytest.mark.parametrize("text", [b"", b"\0\xff", b"-----BEGIN PRIVATE KEY-----\n"], ids=["empty", "binary", "begun"])
def test_what_is_no_key_is_named(good: Pair, text: bytes) -> None:
    assert pem.problem(good.certificate, text) == "tls.key holds no private key in PEM form"


def test_a_certificate_in_the_keys_place_is_named(good: Pair) -> None:
    assert pem.problem(good.certificate, good.certificate) == "tls.key holds no private key in PEM form"


def test_a_chain_that_is_cut_off_is_named(good: Pair, other: Pair) -> None:
    assert pem.problem(good.certificate + other.certificate[:200], good.key) == (
        "tls.crt ends in the middle of a certificate"
    )


@pytest.mark.parametrize("junk", ["!", "\u00fc"], ids=["no base64", "no ASCII"])
def test_a_damaged_certificate_of_the_chain_is_named(good: Pair, other: Pair, junk: str) -> None:
    damaged = other.certificate.replace(b"\n-----END", junk.encode() + b"\n-----END")
    problem = pem.problem(good.certificate + damaged, good.key)
    assert (problem or "").startswith("tls.crt holds a certificate that cannot be read (")


def test_a_damaged_key_is_named(good: Pair) -> None:
    damaged = good.key.replace(b"\n-----END", b"!\n-----END")
    problem = pem.problem(good.certificate, damaged)
    assert (problem or "").startswith("OpenSSL does not take the key and the certificate (")


def test_the_bundle_holds_the_key_first_and_nothing_but_blocks(good: Pair, other: Pair) -> None:
    chain = b"words\n" + good.certificate + other.certificate.rstrip() + other.key
    assert pem.bundle(chain, b"words\n" + good.key) == good.key + good.certificate + other.certificate


def test_a_ca_file_is_good_with_one_certificate_or_more(good: Pair, other: Pair) -> None:
    assert pem.authority_problem(good.certificate + other.certificate) is None


def test_a_ca_file_without_certificates_is_named(good: Pair) -> None:
    assert pem.authority_problem(good.key) == "it holds no certificate in PEM form"


PUBLISHED = "authorityInfoAccess=caIssuers;URI:http://ca.example.org/ca.cer"


def test_a_certificate_without_that_of_its_issuer_is_named() -> None:
    """Fault: with cert.pem in place of fullchain.pem mail programs refused it, and nothing said so."""
    pair, issuer = keys.issued(PUBLISHED)
    assert pem.missing_issuer(pair.certificate) == "the certificate of its issuer is not behind the server's own"
    assert pem.missing_issuer(pair.certificate + pair.certificate) is not None
    assert pem.missing_issuer(pair.certificate + issuer) is None


def test_of_an_authority_of_ones_own_no_chain_is_asked_for(good: Pair) -> None:
    """Whose clients know it; it says nothing about where it is published."""
    assert pem.missing_issuer(keys.issued()[0].certificate) is None
    assert pem.missing_issuer(good.certificate) is None


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_chain_that_cannot_be_read_is_no_reason(content: bytes) -> None:
    assert pem.missing_issuer(content) is None


def test_expiry_is_what_the_certificate_says() -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    expiry = pem.expiry(keys.pair(end=timedelta(days=30)).certificate)
    assert expiry is not None
    assert abs(expiry - end) < timedelta(minutes=1)


def test_expiry_is_that_of_the_first_certificate(good: Pair) -> None:
    short = keys.pair(end=timedelta(days=1))
    assert pem.expiry(short.certificate + good.certificate) == pem.expiry(short.certificate)


def test_expiry_reaches_beyond_2049() -> None:
    expiry = pem.expiry(keys.pair(end=timedelta(days=36500)).certificate)
    assert expiry is not None
    assert expiry - datetime.now(UTC) > timedelta(days=36490)


def test_expiry_of_nonsense_is_none() -> None:
    assert pem.expiry(b"nonsense") is None


def test_years_of_two_digits_are_those_of_rfc_5280() -> None:
    def sequence(content: bytes) -> bytes:
        return bytes([0x30, len(content)]) + content

    period = sequence(b"\x17\x0d500101000000Z" + b"\x17\x0d491231235959Z")
    certificate = sequence(sequence(b"\x02\x01\x01" + sequence(b"") + sequence(b"") + period + sequence(b"")))
    first, last = der.validity(certificate)
    assert (first.year, last.year) == (1950, 2049)


@pytest.mark.parametrize("kind", [b"CERTIFICATE", b"PRIVATE KEY"])
def test_a_file_of_nothing_but_beginnings_is_judged_at_once(kind: bytes, good: Pair) -> None:
    """Fault: anybody's Secret of a megabyte stops the operator for minutes, for all MailStacks."""
    start = time.process_time()
    beginnings = b"-----BEGIN %b-----\n" % kind * 10_000
    assert pem.problem(good.certificate + beginnings, beginnings) is not None
    assert time.process_time() - start < 3
