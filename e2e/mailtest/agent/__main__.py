"""Reads requests from stdin, one line of JSON each; answers each with a line on stdout.

The answer is {"answer": what the verb gives} or {"error": a traceback}. Bytes travel as base64.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mailtest.agent import certificate, imap, lmtp, sieve, smtp
from mailtest.wire import Endpoint

VERBS: dict[str, Callable[..., Any]] = {
    "ask": smtp.ask,
    "send": smtp.send,
    "authenticate": smtp.authenticate,
    "extensions": smtp.extensions,
    "say": smtp.say,
    "deliver": lmtp.deliver,
    "fetch": imap.fetch,
    "folders": imap.folders,
    "crowd": imap.crowd,
    "quota": imap.quota,
    "hold": certificate.hold,
    "certificate": certificate.fingerprint,
    "put_script": sieve.put_script,
    "check_script": sieve.check_script,
}


def main() -> None:
    """Until stdin ends. Each request has a process of its own: whatever it leaves open is closed with it."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            say(outcome(json.loads(line)))
            os._exit(0)
        if status := os.waitpid(child, 0)[1]:
            say({"error": f"the request's process ended with status {status}"})


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    if not request:  # asked whether anybody is there
        return {"answer": None}
    try:
        return {"answer": VERBS[request.pop("verb")](Endpoint(**request.pop("endpoint")), **request)}
    except Exception:
        return {"error": traceback.format_exc()}


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, default=asdict), flush=True)


main()
