"""The metrics of a probe, collected at each request."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mailstack_probe import pem, queues, reasons, verify_cache, volumes
from mailstack_probe.board import Board
from mailstack_probe.contract import CLIENTS, LMTP, SMTP, VERIFICATION, ProbeOptions
from mailstack_probe.exposition import Metric, Sample
from mailstack_probe.probe import Probe
from mailstack_probe.reports import Reporter
from mailstack_probe.volumes import Found


def collect(options: ProbeOptions, probe: Probe, reporter: Reporter) -> Iterator[Metric]:
    """Every metric of this pod; those whose files cannot be read are left out."""
    yield from _lmtp(probe)
    if options.smtp:
        yield from _smtp(probe)
    yield from _clients(probe)
    if options.connections:
        yield from _sessions(probe, options.connections)
    if options.verification:
        yield from _verification(probe)
    if options.verify_map:
        yield from _cache(Path(options.verify_map))
    if options.queue:
        yield from _queues(Path(options.queue))
    if options.store:
        yield from _store(Path(options.store))
    yield from _volumes(probe.volumes.found)
    yield from _certificates(options.certificate)
    results = [Sample(count, {"result": result}) for result, count in sorted(reporter.results.items())]
    yield Metric("mailstack_probe_reports_total", "counter", "Writes to the MailStack's status, by result.", results)


def _lmtp(probe: Probe) -> Iterator[Metric]:
    verdict = probe.board.verdict(LMTP)
    up = [Sample(float(verdict.good))] if verdict else []
    yield Metric("mailstack_lmtp_up", "gauge", "Whether Dovecot accepts mail over LMTP: 1 or 0.", up)
    states = _states(probe.board, LMTP)
    yield Metric("mailstack_lmtp_state", "gauge", "1 for the reason of the verdict on LMTP, 0 for the others.", states)
    seconds = probe.lmtp.seconds.samples()
    yield Metric("mailstack_lmtp_check_seconds", "histogram", "Seconds that a check of LMTP took.", seconds)


def _smtp(probe: Probe) -> Iterator[Metric]:
    verdict = probe.board.verdict(SMTP)
    up = [Sample(float(verdict.good))] if verdict else []
    yield Metric("mailstack_smtp_up", "gauge", "Whether Postfix accepts mail on port 25: 1 or 0.", up)
    help_ = "1 for the reason of the verdict on port 25, 0 for the others."
    yield Metric("mailstack_smtp_state", "gauge", help_, _states(probe.board, SMTP))


def _clients(probe: Probe) -> Iterator[Metric]:
    verdict = probe.board.verdict(CLIENTS)
    up = [Sample(float(verdict.good))] if verdict else []
    yield Metric("mailstack_clients_up", "gauge", "Whether the ports for mail programs answer: 1 or 0.", up)
    help_ = "1 for the reason of the verdict on the ports for mail programs, 0 for the others."
    yield Metric("mailstack_clients_state", "gauge", help_, _states(probe.board, CLIENTS))


def _sessions(probe: Probe, most: int) -> Iterator[Metric]:
    yield Metric(
        "mailstack_imap_sessions", "gauge", "Open connections to IMAP.", [Sample(probe.clients.occupied().imap)]
    )
    yield Metric("mailstack_imap_sessions_limit", "gauge", "Most sessions of IMAP at once.", [Sample(most)])


def _verification(probe: Probe) -> Iterator[Metric]:
    domains = [Sample(float(verdict.good), {"domain": name}) for name, verdict in sorted(probe.pod.domains.items())]
    help_ = "Whether Postfix refuses recipients of the domain that do not exist: 1 or 0."
    yield Metric("mailstack_verification_enforced", "gauge", help_, domains)
    states = _states(probe.board, VERIFICATION)
    help_ = "1 for the reason of the verdict on address verification, 0 for the others."
    yield Metric("mailstack_verification_state", "gauge", help_, states)


def _states(board: Board, check: str) -> list[Sample]:
    verdict = board.verdict(check)
    if verdict is None:
        return []
    return [Sample(float(verdict.reason is reason), {"reason": reason}) for reason in reasons.BY_CHECK[check]]


def _cache(file: Path) -> Iterator[Metric]:
    try:
        size, entries = file.stat().st_size, verify_cache.entries(file)
    except OSError:
        return
    yield Metric("mailstack_verify_cache_bytes", "gauge", "Size of Postfix's verify cache.", [Sample(size)])
    found = [Sample(entries)] if entries is not None else []
    yield Metric("mailstack_verify_cache_entries", "gauge", "Entries of Postfix's verify cache.", found)


def _queues(spool: Path) -> Iterator[Metric]:
    try:
        found = queues.look(spool)
    except OSError:
        return
    messages = [Sample(queue.messages, {"queue": queue.name}) for queue in found]
    yield Metric("mailstack_queue_messages", "gauge", "Messages in Postfix's queue.", messages)
    oldest = [Sample(queue.oldest, {"queue": queue.name}) for queue in found]
    help_ = "Seconds since the oldest message in Postfix's queue came; of the first 1000 in it."
    yield Metric("mailstack_queue_oldest_seconds", "gauge", help_, oldest)


def _store(folder: Path) -> Iterator[Metric]:
    try:
        free = volumes.look(folder).free
    except OSError:
        return
    yield Metric("mailstack_store_free_bytes", "gauge", "Bytes that can be written to the mail volume.", [Sample(free)])


def _volumes(found: Sequence[Found]) -> Iterator[Metric]:
    """Where a file system has no limit of inodes, there is no series of them."""
    free = [Sample(each.room.free, {"volume": each.volume.name}) for each in found]
    yield Metric("mailstack_volume_free_bytes", "gauge", "Bytes that can be written to the volume.", free)
    inodes = [Sample(each.room.free_inodes, {"volume": each.volume.name}) for each in found if each.room.inodes]
    yield Metric("mailstack_volume_free_inodes", "gauge", "Files that can be made on the volume.", inodes)
    nearly = [Sample(float(each.nearly_full), {"volume": each.volume.name}) for each in found]
    yield Metric("mailstack_volume_nearly_full", "gauge", "Whether the volume has little room left: 1 or 0.", nearly)


def _certificates(files: Sequence[str]) -> Iterator[Metric]:
    samples = [Sample(expiry, {"file": file}) for file in files if (expiry := _expiry(Path(file))) is not None]
    help_ = "When the certificate expires, in seconds since 1970."
    yield Metric("mailstack_certificate_expiry_timestamp_seconds", "gauge", help_, samples)


def _expiry(file: Path) -> float | None:
    try:
        found = pem.expiry(file.read_bytes())
    except OSError:
        return None
    return found.timestamp() if found else None
