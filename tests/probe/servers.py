"""Mail servers that follow a script, on loopback: for what the real ones do not do on demand."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# A session: what the server says at first, and after each line that it gets; then it hangs up.
Script = Sequence[str]
# Said by a server that neither answers nor hangs up.
SILENCE = "silence"
# Before an answer: it comes after more than a second.
DELAY = "delay "
# Said by a server that goes on in TLS.
BEGIN_TLS = "220 2.0.0 Begin TLS"


@dataclass
class Server:
    """What came in so far, one list of lines for each session."""

    port: int
    heard: list[list[str]] = field(default_factory=list)


@contextmanager
def playing(*scripts: Script, context: ssl.SSLContext | None = None, path: Path | None = None) -> Iterator[Server]:
    """A server that plays one script after the other, the last one for ever; on a unix socket if it gets a path."""
    stop = threading.Event()
    sessions: list[tuple[socket.socket, threading.Thread]] = []
    with _listening(path) as listener:
        address = listener.getsockname()
        server = Server(0 if path else address[1])

        def work() -> None:
            while True:
                connection, _ = listener.accept()
                if stop.is_set():
                    connection.close()
                    return
                script = scripts[min(len(server.heard), len(scripts) - 1)]
                server.heard.append([])
                session = threading.Thread(target=_serve, args=(connection, script, server.heard[-1], context))
                session.start()
                sessions[:] = [*(each for each in sessions if each[1].is_alive()), (connection, session)]

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            with socket.socket(listener.family) as last:
                last.connect(address)
            thread.join()
            for connection, session in sessions:
                # What the client keeps open ends here, after what it has sent.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
                session.join()


def _serve(connection: socket.socket, script: Script, heard: list[str], context: ssl.SSLContext | None) -> None:
    with connection:
        connection.settimeout(10)
        _play(connection, script, heard, context)


def _listening(path: Path | None) -> socket.socket:
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)
    return listener


def _play(connection: socket.socket, script: Script, heard: list[str], context: ssl.SSLContext | None) -> None:
    late = BEGIN_TLS in script
    try:
        with _encrypted(connection, None if late else context) as stream, stream.makefile("rb") as lines:
            for number, words in enumerate(script):
                if number:
                    heard.append(lines.readline().decode().rstrip("\r\n"))
                if words == SILENCE:
                    lines.read()
                    return
                if words.startswith(DELAY):
                    time.sleep(1.3)
                    words = words.removeprefix(DELAY)  # noqa: PLW2901  # what is said after it
                if words:
                    stream.sendall(words.replace("\n", "\r\n").encode() + b"\r\n")
                if words == BEGIN_TLS and context:
                    _play(context.wrap_socket(stream, server_side=True), ["", *script[number + 1 :]], heard, None)
                    return
    except OSError:
        # The client has what it wants.
        return


def _encrypted(connection: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
    return context.wrap_socket(connection, server_side=True) if context else connection


def free_port() -> int:
    """A port without a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
