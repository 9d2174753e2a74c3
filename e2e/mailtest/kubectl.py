"""kubectl, with the harness's cluster, and always with a time limit."""

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from mailtest import api
from mailtest.command import SECONDS, run

# An object as the API server sends it. Tests read it as a user would: by path, asserting what they find.
Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace; "" for objects that have none."""

    namespace: str = ""

    def __call__(self, *words: str, stdin: str = "", seconds: float = SECONDS) -> str:
        where = [f"--namespace={self.namespace}"] if self.namespace else []
        return run("kubectl", *where, *words, stdin=stdin, seconds=seconds)

    def apply(self, *objects: Object) -> str:
        """`kubectl apply` as a user types it: client-side, with strict validation."""
        return self("apply", "-f", "-", stdin=as_list(*objects))

    def create(self, *objects: Object) -> str:
        return self("create", "-f", "-", stdin=as_list(*objects))

    def get(self, kind: str, name: str) -> Object | None:
        """The object; None if there is none."""
        if api.reads(kind):
            return api.get(self.namespace, kind, name)
        out = self("get", kind, name, "--ignore-not-found", "-o", "json")
        found: Object | None = json.loads(out) if out.strip() else None
        return found

    def must_get(self, kind: str, name: str) -> Object:
        found = self.get(kind, name)
        assert found is not None, f"{kind} {self.namespace}/{name} does not exist"
        return found

    def list(self, kinds: str, selector: str = "") -> list[Object]:
        """All objects of the comma-separated `kinds` that carry the labels of `selector`."""
        if api.reads(kinds):
            return api.list_of(self.namespace, kinds, selector)
        found: Object = json.loads(self("get", kinds, f"--selector={selector}", "-o", "json"))
        return list(found["items"])

    def patch(self, kind: str, name: str, change: Object) -> None:
        """Merge `change` into the object; null removes a key."""
        self("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def delete(self, kind: str, name: str, *flags: str, seconds: float = SECONDS) -> None:
        """Delete and, as kubectl does by itself, wait until it is gone."""
        self("delete", kind, name, f"--timeout={seconds:.0f}s", *flags, seconds=seconds + 10)

    def execute(self, pod: str, container: str, *command: str, stdin: str = "", seconds: float = SECONDS) -> str:
        """The stdout of a command in a container."""
        return self("exec", "-i", pod, f"--container={container}", "--", *command, stdin=stdin, seconds=seconds)

    def logs(self, pod: str, container: str, *flags: str) -> str:
        return self("logs", pod, f"--container={container}", *flags)


def as_list(*objects: Object) -> str:
    """The objects as one manifest."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
