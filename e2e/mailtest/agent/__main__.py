"""Reads one request as JSON from stdin, writes one answer as JSON to stdout. Bytes travel as base64."""

import json
import sys
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
    "deliver": lmtp.deliver,
    "fetch": imap.fetch,
    "quota": imap.quota,
    "hold": certificate.hold,
    "certificate": certificate.fingerprint,
    "put_script": sieve.put_script,
    "check_script": sieve.check_script,
}

request = json.load(sys.stdin)
answer = VERBS[request.pop("verb")](Endpoint(**request.pop("endpoint")), **request)
json.dump(answer, sys.stdout, default=asdict)
