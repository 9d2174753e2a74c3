"""A small provider of OAuth 2.0, which knows tokens: introspection (RFC 7662) for one client (HTTP Basic), over TLS.

It runs in a pod of its own, with the standard library alone (mailtest.provider).
"""

import base64
import http.server
import json
import ssl
import sys
import urllib.parse
from pathlib import Path

# What it says of a token that it does not know.
UNKNOWN = {"active": False}


def main(folder: Path, port: int) -> None:
    """Serves until it is killed. The folder holds tls.crt, tls.key, `client` (name:secret) and tokens.json."""
    tokens = json.loads((folder / "tokens.json").read_text())
    user, _, password = (folder / "client").read_text().partition(":")
    # As RFC 6749 (2.3.1) says; Dovecot decodes the URL, and sends both as they are.
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if self.headers["Authorization"] == wanted:
                self.answer(200, tokens.get(form["token"][0], UNKNOWN))
            else:
                self.answer(401, {"error": "invalid_client"})

        def answer(self, status: int, said: dict[str, object]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    # A client that says nothing holds up nobody else: the handshake is in the request's own thread.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
