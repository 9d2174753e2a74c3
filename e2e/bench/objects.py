"""The objects that floor and operator make: those of `examples/mailstack.yaml`, under as many names as it takes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness import paths
from mailstack_operator.api.conditions import UNKNOWN, Condition, Reason, always_shown
from mailstack_operator.cli.manifests import mail_stacks
from mailstack_operator.kube.kinds import MAIL_STACK, url_path
from mailstack_operator.kube.metadata import ref_of
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.stack_state import Status
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse

# Both namespaces' names are equally long: so are the bytes.
FLOOR, LOOP = "bench-a", "bench-b"
NOW = "2026-01-01T00:00:00Z"
USERS = "alice@example.org:{PLAIN}sample\n"
APPLY = "?fieldManager=bench&force=true"

Request = tuple[str, str]


def name(number: int) -> str:
    return f"mail-{number:05}"


def users(number: int) -> str:
    return f"{name(number)}-users"


def mail_stack(namespace: str, number: int, domains: Sequence[str] = ("example.org",)) -> Object:
    body = mail_stacks(paths.repository() / "examples" / "mailstack.yaml")[0]
    spec = body["spec"]
    assert isinstance(spec, dict)
    spec |= {"domains": [*domains], "users": {"passwdFile": {"secretName": users(number)}}}
    return {**body, "metadata": {"name": name(number), "namespace": namespace}, "spec": spec}


def secret(namespace: str, number: int) -> Object:
    metadata: Object = {"name": users(number), "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"users": USERS}}


@dataclass(frozen=True)
class Change:
    """What a change of the spec writes before its rehearsal, in which pod, and after it."""

    spec: Request
    before: Sequence[Request]
    pod: Request
    after: Request


def requests(namespace: str, number: int, uid: str) -> list[Request]:
    """The path and the body of each apply: the children, then the status."""
    found = children.children(_topology(namespace, number, uid))
    stack = MAIL_STACK.ref(namespace, name(number))
    body: Object = {"apiVersion": stack.api_version, "kind": stack.kind, "metadata": {"name": stack.name}}
    found_out = [Condition(kind, UNKNOWN, Reason.NO_POD, "there is no mail pod yet", 1, NOW) for kind in always_shown()]
    status = {**body, "status": Status(1, (*found_out,), "mail:25", applied_digest="0" * 16).to_json()}
    return [*map(_request, found), (f"{url_path(stack)}/status{APPLY}", json.dumps(status))]


def change(namespace: str, number: int, uid: str, domain: str) -> Change:
    """`domain` is added to the spec."""
    decided = _topology(namespace, number, uid, ("example.org", domain))
    config = next(child for child in children.children(decided) if domain in str(child.get("data")))
    spec = json.dumps({"spec": {"domains": ["example.org", domain]}})
    return Change(
        spec=(url_path(MAIL_STACK.ref(namespace, name(number))), spec),
        before=[*map(_request, children.rehearsal_config(decided))],
        pod=_request(children.rehearsal(decided, "0" * 16)),
        after=_request(config),
    )


def _topology(namespace: str, number: int, uid: str, domains: Sequence[str] = ("example.org",)) -> topology.Topology:
    body = mail_stack(namespace, number, domains)
    return topology.decide(parse({**body, "metadata": {"name": name(number), "namespace": namespace, "uid": uid}}))


def _request(manifest: Object) -> Request:
    return f"{url_path(ref_of(manifest))}{APPLY}", json.dumps(manifest)
