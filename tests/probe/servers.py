"""Mail servers that follow a script, on loopback: for what the real ones do not do on demand."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

# A session: what the server says at first, and after each line that it gets; then it hangs up.
Script = Sequence[str]
# Said by a server that neither answers nor hangs up.
SILENCE = "silence"


@dataclass
class Server:
    """What came in so far, one list of lines for each session."""

    port: int
    heard: list[list[str]] = field(default_factory=list)


@contextmanager
def playing(*scripts: Script, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that plays one script after the other, the last one for ever."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def work() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if stop.is_set():
                        return
                    connection.settimeout(10)
                    script = scripts[min(len(server.heard), len(scripts) - 1)]
                    server.heard.append([])
                    _play(connection, script, server.heard[-1], context)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            socket.create_connection(("127.0.0.1", server.port)).close()
            thread.join()


def _play(connection: socket.socket, script: Script, heard: list[str], context: ssl.SSLContext | None) -> None:
    try:
        stream = context.wrap_socket(connection, server_side=True) if context else connection
        with stream, stream.makefile("rb") as lines:
            for number, words in enumerate(script):
                if number:
                    heard.append(lines.readline().decode().rstrip("\r\n"))
                if words == SILENCE:
                    lines.read()
                    return
                stream.sendall(words.replace("\n", "\r\n").encode() + b"\r\n")
    except OSError:
        # The client has what it wants.
        return


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
