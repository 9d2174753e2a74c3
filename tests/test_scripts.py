"""The scripts of all containers: part of the package, and with every variable that they read."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mailstack_operator.kube.objects import Json, entries, section, text
from mailstack_operator.loop import pod_state
from mailstack_operator.stack import children, script, topology
from tests.stacks import stack

PACKAGE = Path(__file__).parents[1] / "operator" / "mailstack_operator"
LMTP_TLS: Json = {"type": "Inet", "inet": {"tls": {"secretName": "lmtp"}}}
STACKS: dict[str, dict[str, Json]] = {
    "unix": {"spec.tls": {"secretName": "tls"}},
    "rootless": {"spec.dovecot": {"rootless": {"runAsUser": 2525}}},
    "inet": {"spec.delivery": {"listener": LMTP_TLS}},
}
READ = re.compile(r"\$\{?([A-Z][A-Z_]*)")
# A variable that a script can do without is looked at like this first.
OPTIONAL = re.compile(r"\$\{([A-Z][A-Z_]*):-")


def pods(changes: dict[str, Json]) -> Iterator[Mapping[str, Json]]:
    plan = topology.decide(stack(changes))
    for child in children.children(plan):
        if child["kind"] == "StatefulSet":
            yield section(child, "spec", "template", "spec")
    yield section(children.rehearsal(plan, "digest"), "spec")


def needed(container: Mapping[str, Json]) -> set[str]:
    """The variables that its scripts cannot do without: its own, those of its probes and of its preStop."""
    where = (("startupProbe", "exec"), ("livenessProbe", "exec"), ("lifecycle", "preStop", "exec"))
    commands = [container, *(section(container, *path) for path in where)]
    whole = " ".join(str(each.get("command")) for each in commands)
    return set(READ.findall(whole)) - set(OPTIONAL.findall(whole))


@pytest.mark.parametrize("case", STACKS)
def test_a_container_has_every_variable_that_its_scripts_read(case: str) -> None:
    containers = [each for pod in pods(STACKS[case]) for kind in pod for each in entries(pod, kind)]
    assert any(map(needed, containers))
    for container in containers:
        given = {text(variable, "name") for variable in entries(container, "env")}
        assert needed(container) <= given, text(container, "name")


def test_every_script_is_part_of_the_package() -> None:
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())
    globs = project["tool"]["setuptools"]["package-data"]["mailstack_operator"]
    shipped = {path for glob in globs for path in PACKAGE.glob(glob)}
    scripts = set(PACKAGE.rglob("*.sh"))
    assert scripts
    assert scripts <= shipped


def test_comments_are_for_readers_of_the_files_only() -> None:
    assert "#" in (PACKAGE / "stack" / "scripts" / "logged.sh").read_text()
    assert "#" not in script.text("scripts/logged.sh")


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", "-c", program, "sh", *arguments], capture_output=True, text=True, check=False)


def test_a_reload_that_fails_is_tried_again_and_one_that_succeeds_is_not(tmp_path: Path) -> None:
    """`sleep` counts the rounds, and ends the loop after three."""
    stubs = "round=0\nsleep() { round=$((round + 1)); [ $round -le 3 ]; }\nrenew() { echo $round; [ $round -ge 2 ]; }\n"
    (tmp_path / "tls.pem").write_text("renewed")
    loop = 'reload_on_change "$(content "$1.old")" renew "$1"\n'
    result = run(script.text("scripts/reload.sh") + stubs + loop, str(tmp_path / "tls.pem"))
    assert (result.stdout, result.stderr) == ("1\n2\n", "")


def test_a_logged_server_ends_as_it_does_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run(script.text("scripts/logged.sh"), str(log), "/bin/sh", "-c", "echo out; echo error >&2; exit 7")
    assert (result.returncode, result.stdout) == (7, log.read_text())
    assert sorted(log.read_text().split()) == ["error", "out"]


def test_a_file_that_is_empty_does_not_exist_yet(tmp_path: Path) -> None:
    program = script.text("scripts/files_exist.sh")
    (tmp_path / "full").write_text("content")
    (tmp_path / "empty").touch()
    assert run(program, str(tmp_path / "full")).returncode == 0
    assert run(program, str(tmp_path / "full"), str(tmp_path / "empty")).returncode == 1


def test_a_script_has_the_id_of_its_own_shell() -> None:
    """Fault: Kubernetes makes `$` of `$$` in a command, and the filter was never reloaded."""
    (_, _, command) = script.command("rspamd/scripts/start.sh")
    assert "kill -HUP $$$$\n" in str(command)
    assert "kill -HUP $$\n" in script.text("rspamd/scripts/start.sh")


WAITS = script.text("scripts/volume.sh").replace("sleep 1", "sleep 0.01")
FAIL = script.text("scripts/fail.sh")
OWNER = "pod mail-0 on node one"


def hold(volume: Path, *, flock: bool = True) -> subprocess.Popen[str]:
    """Another pod that writes to the volume, until its stdin is closed."""
    text = FAIL + script.text("scripts/hold.sh") + 'hold_volume mail "$1"\necho holds\nread -r _\n'
    environment = {"POD_NAME": "mail-0", "NODE_NAME": "one", "PATH": os.environ["PATH"] if flock else "/nonexistent"}
    command = ["/bin/sh", "-c", text, "sh", str(volume)]
    pipe = subprocess.PIPE
    holder = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    return holder


def test_a_pod_waits_for_a_volume_that_another_pod_writes_to(tmp_path: Path) -> None:
    """First it ends with who that is, so that its status says so; from then on it waits, and goes on at once."""
    waits = FAIL + WAITS + 'await_volume mail "$1" "$1/mark"\necho goes on\n'
    with hold(tmp_path) as other:
        first = run(waits, str(tmp_path))
        assert first.returncode == pod_state.VOLUME_IN_USE
        assert first.stderr.startswith(f"mailstack: the mail volume is still in use by {OWNER}: ")
        second = subprocess.Popen(["/bin/sh", "-c", waits, "sh", str(tmp_path)], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.3)
        other.communicate("\n")
    assert second.communicate(timeout=60)[0] == "goes on\n"
    assert second.returncode == 0


def test_two_pods_never_have_a_volume(tmp_path: Path) -> None:
    with hold(tmp_path) as other:
        text = FAIL + script.text("scripts/hold.sh").replace("sleep 1", ":") + 'hold_volume mail "$1"\n'
        assert run(text, str(tmp_path)).returncode == pod_state.VOLUME_IN_USE
        other.communicate("\n")
    assert (tmp_path / ".mailstack-owner").read_text() == f"{OWNER}\n"


def test_an_image_without_flock_runs_as_before(tmp_path: Path) -> None:
    with hold(tmp_path, flock=False) as one, hold(tmp_path, flock=False) as two:
        words = [each.communicate("\n")[1] for each in (one, two)]
    assert all("is used without a lock: this image has no flock" in each for each in words)


def test_a_volume_that_cannot_be_written_does_not_keep_a_pod_from_starting(tmp_path: Path) -> None:
    """A full one must start: the server says what is wrong with it, and takes no mail."""
    (tmp_path / ".mailstack-owner").mkdir()
    waits = FAIL + WAITS + 'await_volume mail "$1" "$1/mark"\necho goes on\n'
    assert run(waits, str(tmp_path)).stdout == "goes on\n"
