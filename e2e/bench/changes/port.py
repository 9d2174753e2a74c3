"""Asks port 25 for its greeting all the time. Runs in the client's pod; prints a time in seconds since 1970 for each
question, and whether it was answered."""

from collections.abc import Iterable
from itertools import pairwise

SCRIPT = """
import socket, sys, time

while True:
    asked = time.time()
    try:
        with socket.create_connection((sys.argv[1], 25), timeout=1.0) as connection:
            good = connection.recv(3) == b"220"
    except OSError:
        good = False
    print(asked, int(good), flush=True)
    time.sleep(0.1)
"""


def command(namespace: str, host: str) -> list[str]:
    words = ["kubectl", f"--namespace={namespace}", "exec", "client", "--container=client", "--"]
    return [*words, "python3", "-c", SCRIPT, host]


def read(line: str) -> tuple[float, bool]:
    time, good = line.split()
    return float(time), good == "1"


def away(seen: Iterable[tuple[float, bool]], since: float) -> float:
    """Seconds without an answer, each time from the last good one to the next."""
    recent = [(time, good) for time, good in seen if time >= since]
    good = [time for time, answered in recent if answered]
    bad = [time for time, answered in recent if not answered]
    return sum(later - earlier for earlier, later in pairwise(good) if any(earlier < each < later for each in bad))
