"""The floor: a process that sends what the operator must send, and nothing else.

    python -m bench.floor URL CERTIFICATE < UIDS

Reads the uids of the MailStacks, a line each, and prints the seconds that the requests took, and those of the
processor.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from bench import client, objects
from bench.client import Client

WARM = 3


async def main(url: str, certificate: Path, uids: list[str]) -> None:
    """Eight objects at once; the requests of one come one after the other, as in the operator."""
    work = [objects.requests(objects.FLOOR, number, uid) for number, uid in enumerate(uids)]
    async with client.connect(url, certificate) as server:
        # The API server reads the schema of a kind with its first apply.
        await client.all_of(_one(server, requests) for requests in work[:WARM])
        wall, cpu = time.monotonic(), time.process_time()
        await client.all_of(_one(server, requests) for requests in work)
        print(json.dumps([time.monotonic() - wall, time.process_time() - cpu]))


async def _one(server: Client, requests: list[objects.Request]) -> None:
    for path, body in requests:
        await server.send("PATCH", path, body, client.APPLY, client.METADATA_ONLY)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.stdin.read().split()))
