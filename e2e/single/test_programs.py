"""What mail users have: swaks, msmtp, mbsync and sieve-connect work, and testssl.sh has nothing against the ports."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch

import pytest

from harness import paths
from mailtest import inbox, manifests
from mailtest.client import Client
from mailtest.command import CommandError
from mailtest.programs import CA, Programs
from mailtest.stack import Stack
from mailtest.wire import Endpoint
from single.conftest import TLS_SECRET

HOST = "mail.example.org"
ALICE, BOB, CAROL, DAVE = map(manifests.address, manifests.USERS)
LOGIN = ("--auth-user", ALICE, "--auth-password", manifests.PASSWORD)
TRUST = ("--tls-verify", "--tls-ca-path", CA)
# swaks' port and TLS: submission by STARTTLS, and TLS from the first byte.
SUBMISSION = {"587": "--tls", "465": "--tls-on-connect"}

MSMTP = f"""\
account default
host {HOST}
port 587
tls on
tls_trust_file {CA}
auth on
user {ALICE}
password {manifests.PASSWORD}
from {ALICE}
"""
MBSYNC = f"""\
IMAPAccount mail
Host {HOST}
User {CAROL}
Pass {manifests.PASSWORD}
AuthMechs LOGIN
TLSType IMAPS
CertificateFile {CA}

IMAPStore there
Account mail

MaildirStore here
Path ~/mail/
Inbox ~/mail/INBOX

Channel inbox
Far :there:
Near :here:
Create Near
Sync Pull
SyncState *
"""
SIEVE = """\
require ["fileinto", "mailbox"];
if header :contains "Subject" "by-sieve-connect" { fileinto :create "Filed"; }
"""


@pytest.fixture(scope="module")
def programs(stack: Stack) -> Programs:
    stack.wait_ready()
    found = Programs(stack.kubectl)
    found.start(stack.name, HOST, TLS_SECRET)
    return found


def swaks(
    programs: Programs,
    port: str,
    *words: str,
    subject: str = "swaks",
    sender: str = "sender@example.net",
    to: str = BOB,
) -> None:
    """Send a message. Raises CommandError unless it is accepted."""
    envelope = ("--from", sender, "--to", to, "--header", f"Subject: {subject}")
    programs.run("swaks", "--server", HOST, "--port", port, *envelope, "--timeout", "60s", *words)


def wait_for(client: Client, stack: Stack, user: str, subject: str, folder: str = "INBOX") -> None:
    inbox.wait_for(client, Endpoint(stack.host, security="starttls"), user, subject, folder=folder)


@pytest.mark.parametrize("tls", [(), ("--tls", *TRUST)], ids=["plain", "starttls"])
def test_swaks_sends_to_port_25(programs: Programs, stack: Stack, client: Client, tls: tuple[str, ...]) -> None:
    """Promise: another server sends, with and without TLS."""
    subject = f"port-25-{len(tls)}"
    swaks(programs, "25", *tls, subject=subject)
    wait_for(client, stack, BOB, subject)


def test_swaks_cannot_log_in_on_port_25(programs: Programs) -> None:
    """Fault: a password that is tried where servers speak."""
    with pytest.raises(CommandError, match="ended with 28"):  # swaks(1): an error of AUTH
        swaks(programs, "25", "--tls", "--auth", *LOGIN)


@pytest.mark.parametrize("port", SUBMISSION)
def test_swaks_submits_with_a_login(programs: Programs, stack: Stack, client: Client, port: str) -> None:
    subject = f"port-{port}"
    for mechanism in ("PLAIN", "LOGIN"):
        words = (SUBMISSION[port], *TRUST, "--auth", mechanism, *LOGIN)
        swaks(programs, port, *words, subject=f"{subject}-{mechanism}", sender=ALICE)
        wait_for(client, stack, BOB, f"{subject}-{mechanism}")


@pytest.mark.parametrize("port", SUBMISSION)
def test_swaks_submits_nothing_without_a_login(programs: Programs, port: str) -> None:
    """Fault: an open relay, or a sender that is somebody else."""
    for sender in (ALICE, "sender@example.net"):
        with pytest.raises(CommandError, match=r"ended with 2[346]"):  # swaks(1): MAIL, RCPT or DATA was refused
            swaks(programs, port, SUBMISSION[port], *TRUST, sender=sender)


def test_msmtp_submits(programs: Programs, stack: Stack, client: Client) -> None:
    programs.write("msmtprc", MSMTP)
    message = f"From: {ALICE}\nTo: {DAVE}\nSubject: by-msmtp\n\nHello.\n"
    programs.run("msmtp", "--file=msmtprc", DAVE, stdin=message)
    wait_for(client, stack, DAVE, "by-msmtp")


def test_mbsync_gets_each_message_once(programs: Programs, stack: Stack, client: Client) -> None:
    """Promise: a mailbox is complete after the first run, and the next adds what is new."""
    programs.write("mbsyncrc", MBSYNC)
    programs.run("mkdir", "-p", "mail")
    for count in (1, 2):
        subject = f"by-mbsync-{count}"
        swaks(programs, "25", subject=subject, to=CAROL)
        wait_for(client, stack, CAROL, subject)
        programs.run("mbsync", "--config=mbsyncrc", "inbox")
        found = programs.run("sh", "-c", "cat mail/INBOX/*/* 2> /dev/null | grep '^Subject: by-mbsync'")
        assert sorted(found.split()[1::2]) == [f"by-mbsync-{number + 1}" for number in range(count)]


def test_sieve_connect_puts_a_script_in_use(programs: Programs, stack: Stack, client: Client) -> None:
    """Promise: over port 4190 with STARTTLS; mail is filed by it."""
    programs.write("main.sieve", SIEVE)
    connect = ("sieve-connect", "--nosrv", "--server", HOST, "--port", "4190", "--tlscafile", CA, "--user", DAVE)

    def run(*words: str) -> str:
        return programs.run(*connect, "--passwordfd", "0", *words, stdin=f"{manifests.PASSWORD}\n")

    run("--localsieve", "main.sieve", "--remotesieve", "main", "--upload")
    run("--remotesieve", "main", "--activate")
    assert '"main" ACTIVE' in run("--list")
    swaks(programs, "25", subject="by-sieve-connect", to=DAVE)
    wait_for(client, stack, DAVE, "by-sieve-connect", "Filed")


# The port, and the protocol in which testssl.sh asks for TLS.
SCANNED = {"25": "smtp", "465": "", "587": "smtp", "143": "imap", "993": "", "4190": "sieve"}
# Protocols, categories of ciphers and vulnerabilities.
CHECKS = ("--protocols", "--std", "--vulnerable")
# The order of ciphers, forward secrecy and the certificate, at 14 s of a processor: of one port.
MORE, IN_FULL = ("--server-preference", "--fs", "--server-defaults"), "587"
FORBIDDEN = ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "cipherlist_NULL", "cipherlist_aNULL")
# Some of the vulnerabilities, to know that it has looked.
ASKED = ("heartbleed", "ROBOT", "secure_renego", "SWEET32", "LOGJAM")
# Where it can try to send a command before TLS that counts after it.
INJECTED = ("smtp", "imap")
HARMLESS = {"OK", "INFO", "LOW", "WARN"}
Findings = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def findings(programs: Programs, stack: Stack) -> dict[str, Findings]:
    """What testssl.sh says of each port, by the ids of its findings."""
    address: str = stack.kubectl.must_get("service", stack.name)["spec"]["clusterIP"]
    with ThreadPoolExecutor(len(SCANNED)) as pool:
        return dict(zip(SCANNED, pool.map(lambda port: scanned(programs, address, port), SCANNED), strict=True))


def scanned(programs: Programs, address: str, port: str) -> Findings:
    """Of one port; it is slow."""
    quiet = ("--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--ip", address)
    file = f"testssl-{port}.json"
    starttls = ("--starttls", SCANNED[port]) if SCANNED[port] else ()
    # It ends with the number of findings that it minds.
    command = 'testssl "$@" > /dev/null || true; cat "$0"'
    checks = (*CHECKS, *(MORE if port == IN_FULL else ()))
    words = (*quiet, *checks, "--jsonfile", file, *starttls, f"{HOST}:{port}")
    found = json.loads(programs.run("sh", "-c", command, file, *words, seconds=600))
    return {each["id"]: each for each in found}


@pytest.mark.parametrize("port", [port for port in SCANNED if port != "25"])
def test_mail_programs_find_no_old_protocol_and_no_cipher_without_encryption_or_certificate(
    findings: dict[str, Findings], port: str
) -> None:
    """Fault: what only people use accepts TLS 1.0, or a cipher by which anybody reads along."""
    found = {name: each["finding"] for name, each in findings[port].items()}
    assert "offered" in found["TLS1_2"]
    assert "not offered" not in found["TLS1_2"]
    assert {name: found[name] for name in FORBIDDEN} == dict.fromkeys(FORBIDDEN, "not offered")


@pytest.mark.parametrize("port", SCANNED)
def test_testssl_finds_nothing_that_the_page_does_not_explain(findings: dict[str, Findings], port: str) -> None:
    """Promise: what is worse than LOW is in the table of docs/tls.md, with its port."""
    found = findings[port]
    asked = (*ASKED, *(["starttls_injection"] if SCANNED[port] in INJECTED else []))
    assert {name: found[name]["severity"] for name in asked} == dict.fromkeys(asked, "OK")
    expected = explained(port)
    worse = {name: each["finding"] for name, each in found.items() if each["severity"] not in HARMLESS}
    assert {name: words for name, words in worse.items() if not any(fnmatch(name, each) for each in expected)} == {}


def test_a_recorded_session_stays_secret(findings: dict[str, Findings]) -> None:
    """Promise: forward secrecy, so that a key that leaks later opens no session of today."""
    assert findings[IN_FULL]["FS"]["severity"] == "OK"
    assert {"cipher_order", "cert_keySize"} <= findings[IN_FULL].keys()


def explained(port: str) -> list[str]:
    """The patterns of ids in the page's table."""
    page = (paths.repository() / "docs" / "tls.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+`) \| ([\d, ]+|all) \|", page, re.MULTILINE)
    assert rows
    return [
        name
        for names, ports in rows
        if ports == "all" or port in ports.split(", ")
        for name in names[1:-1].split("`, `")
    ]
