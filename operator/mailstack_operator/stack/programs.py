"""The options of the programs of mailstack_probe, by what is in their pod."""

from mailstack_operator.stack.needs import CA_KEY
from mailstack_operator.stack.paths import (
    LMTP_CA_FILE,
    LMTP_CA_PUBLIC_FILE,
    LMTP_CA_SECRET,
    LMTP_PUBLIC_FILE,
    LMTP_SECRET,
    LMTP_TLS_FILE,
    LOGS_FOLDER,
    MAIL_ROOT,
    POSTFIX_SPOOL,
    TLS_FILE,
    TLS_PUBLIC_FILE,
    TLS_SECRET,
    VERIFY_CACHE_FILE,
)
from mailstack_operator.stack.topology import Topology
from mailstack_probe import contract
from mailstack_probe.contract import CertificatesOptions, Copy, ProbeOptions, RehearsalOptions

# As many domains are asked for in a rehearsal: each takes a second.
_REHEARSED_DOMAINS = 3


def probe(topology: Topology, *, postfix: bool, dovecot: bool) -> ProbeOptions:
    """What the probe checks beside these servers."""
    authority = topology.lmtp.tls and postfix
    return ProbeOptions(
        lmtp=topology.lmtp.address if postfix else topology.lmtp.address_in_pod,
        lmtp_ca=LMTP_CA_PUBLIC_FILE if authority else None,
        domain=tuple(topology.spec.domains),
        stack=str(topology.stack.key),
        port=contract.PROBE_PORT,
        smtp=contract.SMTP_PORT if postfix else None,
        expect=_expected(topology) if postfix else None,
        verify_map=VERIFY_CACHE_FILE if postfix else None,
        ids=contract.IDS_FILE if postfix else None,
        queue=POSTFIX_SPOOL if postfix else None,
        certificate=_public_files(topology, dovecot=dovecot),
        users=topology.spec.users.source.canaries(topology.spec).file if dovecot else None,
        store=MAIL_ROOT if dovecot else None,
        group=topology.mail_owner if dovecot else None,
    )


def certificates(topology: Topology, *, postfix: bool, dovecot: bool) -> CertificatesOptions:
    """What these servers need of the Secrets."""
    pairs = [Copy(TLS_SECRET, TLS_FILE)] if topology.spec.tls else []
    pairs += [Copy(LMTP_SECRET, LMTP_TLS_FILE)] if topology.lmtp.tls and dovecot else []
    authorities = [Copy(f"{LMTP_CA_SECRET}/{CA_KEY}", LMTP_CA_FILE)] if topology.lmtp.tls and postfix else []
    return CertificatesOptions(pair=tuple(pairs), ca=tuple(authorities))


def rehearsal(topology: Topology) -> RehearsalOptions:
    """What a rehearsal checks: every port, and unknown recipients of some domains."""
    domains = topology.spec.domains[:_REHEARSED_DOMAINS]
    ports = {port.name: port.container for port in (*topology.postfix_ports, *topology.mail_ports)}
    return RehearsalOptions(
        expect=_expected(topology),
        unknown=tuple(f"{contract.REHEARSAL_USER}@{domain}" for domain in domains),
        log=tuple(map(log_file, ("dovecot", "postfix"))),
        **ports,
    )


def log_file(server: str) -> str:
    """Where the rehearsal reads the server's log."""
    return f"{LOGS_FOLDER}/{server}.log"


def _expected(topology: Topology) -> int:
    """Postfix's reply code for an unknown recipient."""
    verification = topology.spec.verification
    return verification.reject_code if verification.enabled else 250


def _public_files(topology: Topology, *, dovecot: bool) -> tuple[str, ...]:
    """The certificates of these servers, without their keys."""
    files = [TLS_PUBLIC_FILE] if topology.spec.tls else []
    files += [LMTP_PUBLIC_FILE] if topology.lmtp.tls and dovecot else []
    return tuple(files)
