"""Serves /metrics and /healthz."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, has_dualstack_ipv6, socket
from socketserver import TCPServer
from typing import Any

from mailstack_probe.exposition import CONTENT_TYPE

# Connections at once; more are closed, so that no client can exhaust the probe.
_CONNECTIONS = 16

# Status code and text.
Answer = tuple[int, str]


class Server(ThreadingHTTPServer):
    """Answers each path by a function, over IPv4 and, where the kernel has it, IPv6."""

    daemon_threads = True

    def __init__(self, port: int, answers: dict[str, Callable[[], Answer]]) -> None:
        self.address_family = AF_INET6 if has_dualstack_ipv6() else AF_INET
        super().__init__(("", port), _Handler)
        self.answers = answers
        self._free = threading.Semaphore(_CONNECTIONS)

    def server_bind(self) -> None:
        if self.address_family == AF_INET6:
            self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
        # Not HTTPServer's own, which asks the DNS for a name that nobody uses.
        TCPServer.server_bind(self)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:  # typeshed's type
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Ignored: the client closed the connection."""

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, name="web", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    # Seconds for each wait on the client.
    timeout = 2
    server: Server

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path)
        code, text = answer() if answer else (404, "there are /metrics and /healthz\n")
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Not logged: there is a request every few seconds."""
