"""The API server's refusals, as errors. Pure."""

import json

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, section, text
from mailstack_operator.loop.errors import ClusterError


class NotFound(ClusterError):
    """404."""


class Conflict(ClusterError):
    """409: the object is there already, or is not what it was."""


class Invalid(ClusterError):
    """422: the object would not be valid, or a test of a patch failed."""


_NOT_SERVED = f"{names.API_VERSION} is not served: install the CRD (kubectl apply -f crds/mailstacks.yaml)"


def decode(status: int, body: bytes) -> Object:
    """The answer's JSON; a refusal may have none, such as that of a path that is not served.

    Raises ValueError where a success has none.
    """
    try:
        answer: Json = json.loads(body)
    except ValueError:
        if status < 400:
            raise
        return {}
    return answer if isinstance(answer, dict) else {}


def refusal_of(status: int, answer: Object, request: str) -> ClusterError:
    """The error for an answer of 400 or above, a Status object where the server's own handlers gave it; `request` is
    its method and path.

    A 404 of an object names it in the details; one of a path that is not served cannot.
    """
    message = text(answer, "message") or f"{request}: {status}"
    if status == 404 and names.API_VERSION in request and not text(section(answer, "details"), "name"):
        message = _NOT_SERVED
    return {404: NotFound, 409: Conflict, 422: Invalid}.get(status, ClusterError)(status, message)
