"""The request that writes an entry, against an API server on loopback, and the metrics page."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailstack_probe import exposition, web
from mailstack_probe.board import Board
from mailstack_probe.contract import MOST_WARNINGS, StackWarning
from mailstack_probe.exposition import Histogram, Metric, Sample
from mailstack_probe.reasons import Reason
from mailstack_probe.reports import ApiServer, Identity, Reporter, ReportError
from mailstack_probe.verdicts import bad, good
from mailstack_probe.web import Server
from tests.probe.keys import Pair
from tests.probe.servers import free_port

WHO = Identity("post", "mail", "mail-0", "11111111-2222-3333-4444-555555555555")
PARTS = {"lmtp": {"status": "True", "reason": "Reachable", "message": "it answers", "since": "2026-01-01T00:00:00Z"}}


@dataclass
class Api:
    """What was asked for, and what is answered."""

    server: ApiServer
    requests: list[tuple[str, dict[str, str], object]] = field(default_factory=list)
    code: int = 200
    # The next answers, before those of `code`.
    codes: list[int] = field(default_factory=list)


@pytest.fixture
def api(good: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append((self.path, dict(self.headers), json.loads(content)))
            body = json.dumps({"kind": "Status", "message": "no such mailstack"}).encode()
            self.send_response(found.codes.pop(0) if found.codes else found.code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Nothing."""

    (tmp_path / "ca.crt").write_bytes(good.certificate)
    (tmp_path / "token").write_text("secret-token\n")
    (tmp_path / "tls.pem").write_bytes(good.key + good.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        # The certificate is for a name that leads to loopback here alone.
        connect = socket.create_connection
        monkeypatch.setattr(
            "socket.create_connection", lambda address, *rest: connect(("127.0.0.1", address[1]), *rest)
        )
        found = Api(ApiServer("mail.example.org", server.server_address[1], tmp_path))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("pod", "uid"), [("", "1"), ("mail-0", "")])
def test_a_probe_must_know_its_pod(pod: str, uid: str) -> None:
    with pytest.raises(SystemExit, match="POD_NAME and POD_UID are required"):
        Identity.of("post/mail", pod, uid)


def test_an_entry_is_applied_server_side(api: Api) -> None:
    api.server.apply(WHO, PARTS)
    [(path, headers, body)] = api.requests
    assert path == (
        "/apis/mailstack.dev/v1alpha1/namespaces/post/mailstacks/mail/status?fieldManager=probe-mail-0&force=true"
    )
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert body == {
        "apiVersion": "mailstack.dev/v1alpha1",
        "kind": "MailStack",
        "metadata": {"name": "mail", "namespace": "post"},
        "status": {"pods": [{"name": "mail-0", "uid": WHO.uid, **PARTS}]},
    }


def test_a_refusal_is_told_in_the_servers_words(api: Api) -> None:
    api.code = 404
    with pytest.raises(ReportError, match="the API server answered 404: no such mailstack"):
        api.server.apply(WHO, PARTS)


def test_an_older_crd_gets_what_it_has_fields_for(api: Api) -> None:
    """Server-side apply fails as a whole for a field that the CRD does not declare."""
    api.code = 500
    with pytest.raises(ReportError, match="500"):
        api.server.apply(WHO, {**PARTS, "smtp": PARTS["lmtp"]})
    bodies = [json.dumps(body) for _, _, body in api.requests]
    assert ["smtp" in body for body in bodies] == [True, False]


def test_whether_all_was_written_is_told(api: Api) -> None:
    api.codes = [500]
    assert [api.server.apply(WHO, {**PARTS, "smtp": PARTS["lmtp"]}) for _ in range(2)] == [False, True]


def test_an_api_server_that_is_unavailable_or_not_trusted_is_told(api: Api, other: Pair) -> None:
    with pytest.raises(ReportError, match="no answer from the API server"):
        ApiServer("127.0.0.1", free_port(), api.server.credentials).apply(WHO, PARTS)
    (api.server.credentials / "ca.crt").write_bytes(other.certificate)
    with pytest.raises(ReportError, match="no answer from the API server"):
        api.server.apply(WHO, PARTS)
    assert api.requests == []


def test_news_is_written_once_and_a_failure_again(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    board = Board()
    reporter = Reporter(board, WHO, api.server)
    board.put("lmtp", good(Reason.REACHABLE, "it answers"))
    reporter.turn()
    api.code = 500
    board.put("lmtp", bad(Reason.NO_SOCKET, "there is no socket"))
    reporter.turn()
    api.code = 200
    while reporter.results["ok"] < 2:
        reporter.turn()
    assert len(api.requests) == 3
    assert reporter.results == {"ok": 2, "error": 1}
    said = [line for line in capsys.readouterr().out.splitlines() if "written" in line]
    assert [line.partition(":")[2].partition(";")[0].strip() for line in said] == [
        "the verdicts cannot be written",
        "the verdicts can be written again",
    ]


def test_warnings_are_in_the_entry_while_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    board = Board()
    board.put("lmtp", good(Reason.REACHABLE, "it answers"))
    board.warn("certificates", [StackWarning("CertificateExpired", "it has expired")])
    board.warn("certificates", [StackWarning("CertificateExpired", "it has expired")])
    board.warn("other", [StackWarning("LimitReached", f"limit {number}") for number in range(MOST_WARNINGS)])
    warnings = board.parts()["warnings"]
    assert isinstance(warnings, list)
    assert warnings[:2] == [
        {"reason": "CertificateExpired", "message": "it has expired"},
        {"reason": "LimitReached", "message": "limit 0"},
    ]
    assert len(warnings) == MOST_WARNINGS
    assert capsys.readouterr().out.count("mailstack: warning CertificateExpired: it has expired\n") == 1
    board.warn("certificates", [])
    board.warn("other", [])
    assert [*board.parts()] == ["lmtp"]


def test_a_page_of_metrics() -> None:
    seconds = Histogram(0.1, 1.0)
    seconds.observe(0.5)
    page = exposition.text(
        [
            Metric("mailstack_lmtp_up", "gauge", "Whether.", [Sample(1.0)]),
            Metric("mailstack_empty", "gauge", "Left out.", []),
            Metric("mailstack_files", "gauge", "Odd names.", [Sample(1795388858.0, {"file": 'a"b\\c\nd'})]),
            Metric("mailstack_lmtp_check_seconds", "histogram", "Seconds.", seconds.samples()),
        ]
    )
    assert page.splitlines() == [
        "# HELP mailstack_lmtp_up Whether.",
        "# TYPE mailstack_lmtp_up gauge",
        "mailstack_lmtp_up 1",
        "# HELP mailstack_files Odd names.",
        "# TYPE mailstack_files gauge",
        'mailstack_files{file="a\\"b\\\\c\\nd"} 1795388858',
        "# HELP mailstack_lmtp_check_seconds Seconds.",
        "# TYPE mailstack_lmtp_check_seconds histogram",
        'mailstack_lmtp_check_seconds_bucket{le="0.1"} 0',
        'mailstack_lmtp_check_seconds_bucket{le="1.0"} 1',
        'mailstack_lmtp_check_seconds_bucket{le="+Inf"} 1',
        "mailstack_lmtp_check_seconds_sum 0.5",
        "mailstack_lmtp_check_seconds_count 1",
    ]


def fetch(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("dual", "family"), [(True, socket.AF_INET6), (False, socket.AF_INET)])
def test_pages_are_served(dual: bool, family: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over both protocols by one socket, or over IPv4 alone where the kernel has no IPv6."""
    monkeypatch.setattr(web, "has_dualstack_ipv6", lambda: dual)
    server = Server(0, {"/healthz": lambda: (503, "stuck: lmtp\n"), "/metrics": lambda: (200, "mailstack_lmtp_up 1\n")})
    server.start()
    port = server.server_address[1]
    assert server.socket.family == family
    assert fetch(port, "/metrics") == (200, b"mailstack_lmtp_up 1\n")
    assert fetch(port, "/healthz") == (503, b"stuck: lmtp\n")
    assert fetch(port, "/")[0] == 404
    server.shutdown()
    server.server_close()
