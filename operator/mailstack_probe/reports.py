"""Writes this pod's entry into the status of its MailStack, server-side: it owns this entry and nothing else.

Source: Kubernetes' "Server-Side Apply"; the shape of the entry is `status.pods[]` of the MailStack's CRD.
"""

import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote

from mailstack_probe import trust
from mailstack_probe.board import Board, Parts
from mailstack_probe.contract import GROUP_VERSION, LMTP, POD_NAME, POD_UID, VERIFICATION, InetAddress
from mailstack_probe.pacing import Pacer

TIME_OUT = 5.0
# Kubernetes' limit for the name of a field manager.
_MANAGER_LENGTH = 128
# Seconds after which a turn without a write ends, to show that the loop turns.
_IDLE = 20.0
# The checks of 0.1.0.
_IN_EVERY_CRD = (LMTP, VERIFICATION)


class ReportError(Exception):
    """The entry could not be written; the message says why."""


class ServerError(ReportError):
    """The API server answered 500, as it does to server-side apply of a field that the CRD does not declare."""


@dataclass(frozen=True)
class Identity:
    """The MailStack, and the pod that the entry is for."""

    namespace: str
    stack: str
    pod: str
    uid: str

    @classmethod
    def of(cls, stack: str, pod: str, uid: str) -> "Identity":
        """`stack` is NAMESPACE/NAME. Exits if the pod's name or uid is empty."""
        if not (pod and uid):
            sys.exit(f"mailstack: the environment variables {POD_NAME} and {POD_UID} are required")
        namespace, _, name = stack.partition("/")
        return cls(namespace, name, pod, uid)

    @property
    def path(self) -> str:
        manager = quote(f"probe-{self.pod}"[:_MANAGER_LENGTH])
        stack = f"namespaces/{quote(self.namespace)}/mailstacks/{quote(self.stack)}"
        return f"/apis/{GROUP_VERSION}/{stack}/status?fieldManager={manager}&force=true"

    def body(self, parts: Parts) -> str:
        """The object to apply; JSON is YAML."""
        entry = {"name": self.pod, "uid": self.uid, **parts}
        metadata = {"name": self.stack, "namespace": self.namespace}
        return json.dumps(
            {"apiVersion": GROUP_VERSION, "kind": "MailStack", "metadata": metadata, "status": {"pods": [entry]}}
        )


@dataclass(frozen=True)
class ApiServer:
    """Its address, and the folder of `token` and `ca.crt`, which the kubelet renews."""

    host: str
    port: int
    credentials: Path

    @classmethod
    def of_cluster(cls, credentials: str) -> "ApiServer":
        """The one of this pod's cluster, by the environment variables that Kubernetes gives each container."""
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
        return cls(host, int(os.environ.get("KUBERNETES_SERVICE_PORT", "443")), Path(credentials))

    def apply(self, identity: Identity, parts: Parts) -> bool:
        """Writes the entry; with an older CRD, what that has fields for. Returns whether that was all of it.

        Raises ReportError.
        """
        oldest = {check: part for check, part in parts.items() if check in _IN_EVERY_CRD}
        try:
            self._apply(identity, parts)
        except ServerError:
            if oldest == parts:
                raise
            self._apply(identity, oldest)
            return False
        return True

    def _apply(self, identity: Identity, parts: Parts) -> None:
        try:
            self._send(identity.path, identity.body(parts))
        except (OSError, HTTPException) as error:
            place = InetAddress(self.host, self.port).place
            raise ReportError(f"no answer from the API server at {place}: {error!r}") from error

    def _send(self, path: str, body: str) -> None:
        token = (self.credentials / "token").read_text(encoding="ascii").strip()
        context = trust.as_kubectl(self.credentials / "ca.crt")
        connection = HTTPSConnection(self.host, self.port, timeout=TIME_OUT, context=context)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"}
        try:
            connection.request("PATCH", path, body, headers)
            response = connection.getresponse()
            if response.status not in (200, 201):
                error = ServerError if response.status == HTTPStatus.INTERNAL_SERVER_ERROR else ReportError
                raise error(f"the API server answered {response.status}: {_message(response.read(4096))}")
        finally:
            connection.close()


def _message(answer: bytes) -> str:
    """The message of a Status object, or the answer itself."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace")


class Reporter:
    """Writes the verdicts when they change, and counts successes and failures."""

    def __init__(self, board: Board, identity: Identity, api: ApiServer) -> None:
        self._board = board
        self._identity = identity
        self._api = api
        self._pacer = Pacer(time.monotonic())
        self._logged = ""
        self.results: Counter[str] = Counter({"ok": 0, "error": 0})

    def turn(self) -> float:
        """Writes the entry if it is due, or waits for a change. Returns 0, the seconds until the next turn."""
        parts = self._board.parts()
        due = self._pacer.due(parts, time.monotonic()) if parts else _IDLE
        if due > 0:
            # A change before the entry is due ends the wait, too: only the last state is written.
            self._board.wait(parts, min(due, _IDLE))
        else:
            self._write(parts)
        return 0.0

    def _write(self, parts: Parts) -> None:
        try:
            is_whole = self._api.apply(self._identity, parts)
        except ReportError as error:
            self._pacer.failed(time.monotonic())
            self.results["error"] += 1
            self._log(f"the verdicts cannot be written; the next try is in a few seconds: {error}")
        else:
            self._pacer.written(parts, time.monotonic(), is_whole=is_whole)
            self.results["ok"] += 1
            self._log("")

    def _log(self, line: str) -> None:
        if line != self._logged:
            print(f"mailstack: {line or 'the verdicts can be written again'}", flush=True)
        self._logged = line
