"""kubectl, run as the user would run it: kubeconfig, rights and plugins for login count as they do there."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from mailstack_operator.kube.objects import Object, entries

# Seconds for kubectl; for its first answer it may have to let the user log in.
_PATIENCE = 40.0
_LOGIN = 300.0


class Refused(Exception):
    """kubectl failed: its exit code, and what it wrote to stderr; no words where the user has seen them already."""

    def __init__(self, words: str, code: int = 1) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the user's options, such as `--namespace=post`."""

    options: tuple[str, ...] = ()

    def items(self, *arguments: str) -> list[Object]:
        """`kubectl get` of a list. Raises Refused."""
        found: Object = json.loads(self._get(*arguments))
        return [dict(item) for item in entries(found, "items")]

    def item(self, kind: str, name: str) -> Object:
        """`kubectl get` of one object. Raises Refused, also if there is none."""
        found: Object = json.loads(self._get(kind, "--", name))
        return found

    def exec(self, pod: str, container: str, *command: str, given: str = "") -> str:
        """What the command prints in the container; `given` is its input. Raises Refused."""
        stdin = ["--stdin"] if given else []
        return self._of(pod, container, ["exec", *stdin], [pod, "--", *command], given)

    def logs(self, pod: str, container: str, since: str) -> str:
        """Raises Refused."""
        return self._of(pod, container, ["logs", f"--since={since}", "--timestamps"], [pod], "")

    def _get(self, *arguments: str) -> str:
        # What kubectl and its plugins write to stderr goes to the user, and what they ask, too: how to log in.
        return self._run("get", "--output=json", *arguments, seconds=_LOGIN)

    def _of(self, pod: str, container: str, verb: Sequence[str], place: Sequence[str], given: str) -> str:
        try:
            return self._run(*verb, f"--container={container}", *place, seconds=_PATIENCE, given=given)
        except Refused as refused:
            raise Refused(f"pod {pod}, container {container}: {refused}", refused.code) from refused

    def _run(self, verb: str, *arguments: str, seconds: float, given: str | None = None) -> str:
        """With `given` None, the streams but stdout are the user's own."""
        command = ["kubectl", verb, *self.options, *arguments]
        stderr = None if given is None else subprocess.PIPE
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command,
                input=given,
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
                timeout=seconds,
                check=False,
            )
        except OSError as error:
            raise Refused(f"kubectl cannot be run ({error.strerror}): install it, and put it on PATH") from error
        except subprocess.TimeoutExpired as error:
            raise Refused(f"kubectl {verb} took more than {seconds:.0f} s: is the cluster there?") from error
        if done.returncode:
            raise Refused((done.stderr or "").strip(), done.returncode)
        return done.stdout
