"""kubectl, run as the user would run it: with the user's kubeconfig, permissions and login plugins."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from mailstack_operator.cli.plugin.reading.program import run_program
from mailstack_operator.kube.objects import Object, entries

# Seconds for kubectl; its first call may have to wait for the user to log in.
_TIMEOUT = 40.0
_LOGIN_TIMEOUT = 300.0


class KubectlError(Exception):
    """kubectl failed: its exit code and its stderr; no message where the user has seen stderr already."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the user's options, such as `--namespace=post`."""

    options: tuple[str, ...] = ()

    def get_list(self, *arguments: str) -> list[Object]:
        """`kubectl get` of a list. Raises KubectlError."""
        found: Object = json.loads(self._get(*arguments))
        return [dict(item) for item in entries(found, "items")]

    def get(self, kind: str, name: str) -> Object:
        """`kubectl get` of one object. Raises KubectlError, also if there is none."""
        found: Object = json.loads(self._get(kind, "--", name))
        return found

    def execute(self, pod: str, container: str, *command: str, stdin: str = "", seconds: float = _TIMEOUT) -> str:
        """The standard output of the command in the container. Raises KubectlError."""
        options = ["--stdin"] if stdin else []
        return self._run_in(pod, container, ["exec", *options], [pod, "--", *command], stdin, seconds)

    def get_log(self, pod: str, container: str, since: str) -> str:
        """Raises KubectlError."""
        return self._run_in(pod, container, ["logs", f"--since={since}", "--timestamps"], [pod], "", _TIMEOUT)

    def add_to_secret(self, name: str, key: str, value: str, manager: str) -> None:
        """Adds a key to the Secret, which is made if there is none; `manager` owns it. Raises KubectlError, also if
        another manager has a key of this name with another value."""
        data: Object = {key: base64.b64encode(value.encode()).decode()}
        secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        options = ("--server-side", f"--field-manager={manager}", "--filename=-")
        self._run("apply", *options, seconds=_TIMEOUT, stdin=json.dumps(secret))

    def _get(self, *arguments: str) -> str:
        # The user sees the stderr of kubectl and its plugins, and answers them: they may ask for a login.
        return self._run("get", "--output=json", *arguments, seconds=_LOGIN_TIMEOUT)

    def _run_in(
        self, pod: str, container: str, verb: Sequence[str], rest: Sequence[str], stdin: str, seconds: float
    ) -> str:
        try:
            return self._run(*verb, f"--container={container}", *rest, seconds=seconds, stdin=stdin)
        except KubectlError as error:
            raise KubectlError(f"pod {pod}, container {container}: {error}", error.code) from error

    def _run(self, verb: str, *arguments: str, seconds: float, stdin: str | None = None) -> str:
        """With `stdin` None, the streams except stdout are the user's own."""
        try:
            done = run_program(["kubectl", verb, *self.options, *arguments], seconds, stdin)
        except TimeoutError as error:
            raise KubectlError(f"kubectl {verb} timed out after {seconds:.0f} s: is the cluster reachable?") from error
        except OSError as error:
            raise KubectlError(f"cannot run kubectl ({error.strerror}): install it and add it to PATH") from error
        if done.code:
            raise KubectlError(done.stderr.strip(), done.code)
        return done.stdout
