"""Port 25 as another server finds it, asked for its greeting ten times a second."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness import paths
from mailtest.client import Speaker
from mailtest.wait import until

# Runs where the client is, until its input ends; prints how long each greeting took, and `-` for none.
_SCRIPT = """\
import select, socket, sys, time

host, patience = socket.gethostbyname(sys.argv[1]), float(sys.argv[2])
while not select.select([sys.stdin], [], [], 0.1)[0]:
    asked = time.monotonic()
    try:
        with socket.create_connection((host, 25), timeout=patience) as connection:
            greeted = connection.recv(3) == b"220"
    except OSError:
        greeted = False
    print(round(time.monotonic() - asked, 2) if greeted else "-", flush=True)
"""
NONE = "-"


@contextmanager
def watched(client: Speaker, host: str, patience: float) -> Iterator[list[str]]:
    """Asks during the block, from its beginning on; yields what was seen so far: seconds, or NONE where no greeting
    came within `patience` seconds."""
    command, pipe = [*client.python, "-c", _SCRIPT, host, str(patience)], subprocess.PIPE
    seen: list[str] = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=paths.environment()) as process:
        reader = threading.Thread(target=_read, args=(process, seen), daemon=True)
        reader.start()
        try:
            until("port 25 is asked", lambda: seen, 30)
            yield seen
            assert process.poll() is None, "port 25 is no longer asked"
        finally:
            _end(process)
            reader.join()


def _read(process: "subprocess.Popen[str]", seen: list[str]) -> None:
    assert process.stdout
    seen.extend(line.strip() for line in process.stdout)


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
