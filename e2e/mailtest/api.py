"""Reads objects over a connection that stays open: kubectl would start a process and shake hands for every look.

The standard library only: the demo runs before there is a virtual environment.
"""

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from mailtest.command import CommandError, run

# The kinds that the tests look at again and again, as kubectl names them; any other is kubectl's.
_FOLDERS = {
    "configmap": "api/v1",
    "persistentvolumeclaim": "api/v1",
    "pod": "api/v1",
    "secret": "api/v1",
    "service": "api/v1",
    "statefulset": "apis/apps/v1",
    "mailstack": "apis/mailstack.dev/v1alpha1",
}
_SECONDS = 30.0
# Those that nobody uses now. One of a thread would stay open when its thread ends.
_idle: list[http.client.HTTPSConnection] = []


def reads(kinds: str) -> bool:
    """Whether `get` and `list_of` know all of the comma-separated kinds."""
    return all(_singular(kind) in _FOLDERS for kind in kinds.split(","))


def get(namespace: str, kind: str, name: str) -> dict[str, Any] | None:
    """The object; None if there is none. Raises CommandError."""
    return cast(dict[str, Any] | None, _ask(f"{_folder(namespace, kind)}/{name}"))


def list_of(namespace: str, kinds: str, selector: str) -> list[Any]:
    """All objects of the kinds that carry the labels of the selector. Raises CommandError."""
    query = urlencode({"labelSelector": selector})
    lists = (_ask(f"{_folder(namespace, kind)}?{query}") for kind in kinds.split(","))
    return [item for found in lists for item in _items(found)]


def ask_as(
    user: str, method: str, path: str, body: object = None, kind: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the answer to a request in the name of another user, or of no other where `user` is empty.

    Raises CommandError.
    """
    headers = {"Accept": "application/json", "Content-Type": kind, **({"Impersonate-User": user} if user else {})}
    content = None if body is None else json.dumps(body)
    status, answer = _asked(method, path, content, headers)
    return status, json.loads(answer)


def _items(found: Any) -> list[Any]:
    """With what kubectl adds to each: a list says the kind only once."""
    kind = found["kind"].removesuffix("List")
    return [{"apiVersion": found["apiVersion"], "kind": kind, **item} for item in found["items"]]


def _singular(kind: str) -> str:
    return kind.removesuffix("s")


def _folder(namespace: str, kind: str) -> str:
    singular = _singular(kind)
    within = f"namespaces/{namespace}/" if namespace else ""
    return f"/{_FOLDERS[singular]}/{within}{singular}s"


def _ask(path: str) -> Any:
    status, body = _asked("GET", path, None, {"Accept": "application/json"})
    if status == http.client.NOT_FOUND:
        return None
    if status != http.client.OK:
        raise CommandError(["GET", path], status, body.decode(errors="replace"))
    return json.loads(body)


def _asked(method: str, path: str, content: str | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body. A connection that the server has closed meanwhile is made anew, once."""
    try:
        return _answer(_idle_or_new(), method, path, content, headers)
    except (OSError, http.client.HTTPException):
        pass
    try:
        return _answer(_connect(), method, path, content, headers)
    except (OSError, http.client.HTTPException) as error:
        raise CommandError([method, path], repr(error), "") from error


def _answer(
    connection: http.client.HTTPSConnection, method: str, path: str, content: str | None, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    try:
        connection.request(method, path, content, dict(headers))
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        raise
    _idle.append(connection)
    return status, body


def _idle_or_new() -> http.client.HTTPSConnection:
    try:
        return _idle.pop()
    except IndexError:
        return _connect()


def _connect() -> http.client.HTTPSConnection:
    """As the only user of the harness's KUBECONFIG, who has a client certificate."""
    config = json.loads(run("kubectl", "config", "view", "--raw", "--minify", "-o", "json"))
    cluster = config["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    context = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority-data"))
    _show(context, config["users"][0]["user"])
    return http.client.HTTPSConnection(server.hostname or "", server.port, timeout=_SECONDS, context=context)


def _show(context: ssl.SSLContext, user: Mapping[str, str]) -> None:
    """The ssl module reads a client's certificate from a file only."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "client.pem"
        file.touch(mode=0o600)
        file.write_text(_pem(user, "client-certificate-data") + _pem(user, "client-key-data"))
        context.load_cert_chain(file)


def _pem(holder: Mapping[str, str], key: str) -> str:
    return base64.b64decode(holder[key]).decode()
