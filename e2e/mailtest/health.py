"""What GitOps tools make of an object: kstatus (Flux, Helm 4) and Argo CD, asked with their own means."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence

import yaml
from lupa.lua51 import LuaRuntime  # type: ignore[import-untyped]  # it has no stubs

from harness import golang, paths

DOCS = paths.repository() / "docs" / "health-checks.md"
_KEY = "resource.customizations.health.mailstack.dev_MailStack"


def kstatus(objects: Sequence[Mapping[str, object]]) -> list[str]:
    """InProgress, Current, Failed or Terminating, of each object."""
    given = "\n".join(map(json.dumps, objects))
    done = subprocess.run(
        [golang.path("kstatus")], input=given, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def argo_cd(found: Mapping[str, object]) -> tuple[str, str]:
    """The health (Healthy, Progressing, Degraded) and its message, by the script in docs/health-checks.md."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    # Argo CD runs the script as a function body too, with the object as the global `obj`.
    lua.globals().obj = lua.table_from(found, recursive=True)
    health = lua.execute(script())
    return health.status, health.message


def script() -> str:
    """The Lua in the ConfigMap of the docs."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    config_maps = [found for found in map(yaml.safe_load, blocks) if found["kind"] == "ConfigMap"]
    lua: str = config_maps[0]["data"][_KEY]
    return lua
