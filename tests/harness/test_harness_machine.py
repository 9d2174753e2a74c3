"""What is read off the machine: mirrors, MTU, shell variables, the lock."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness import apt, engine, lock, paths, shell
from harness.errors import HarnessError
from harness.shell import CommandError, Log

TARGETS = """\
http://mirror.example.org/debian/ bookworm main
http://mirror.example.org/debian/ bookworm-updates main
http://mirror.example.org/debian-security/ bookworm-security main
http://mirror.example.org/debian/ bookworm contrib
http://mirror.example.org/debian/ bookworm-backports main
http://vendor.example.org/ bookworm main
"""


def test_debian_13_comes_from_the_mirrors_of_the_machine() -> None:
    lines = [line.partition("] ")[2] for line in apt.lines_of(TARGETS, "bookworm")]
    assert lines == [
        "http://mirror.example.org/debian-security/ trixie-security main",
        "http://mirror.example.org/debian/ trixie main",
        "http://mirror.example.org/debian/ trixie-updates main",
    ]


def test_the_mtu_is_that_of_the_default_route(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text("Iface\tDestination\nlan0\t000200C0\nwan0\t00000000\n")
    (tmp_path / "wan0").mkdir()
    (tmp_path / "wan0" / "mtu").write_text("1400\n")
    assert engine.mtu(routes, tmp_path) == 1400
    routes.write_text("Iface\tDestination\n")
    assert engine.mtu(routes, tmp_path) == 1500


def test_a_shell_finds_the_cluster_and_its_tools_first(cache: Path) -> None:
    variables = paths.variables()
    assert variables["KUBECONFIG"] == str(cache / "kubeconfig")
    assert variables["PATH"].split(os.pathsep)[0] == str(cache / "bin")
    assert "DOCKER_CONFIG" not in variables


def test_the_docker_configuration_goes_with_the_own_client(cache: Path) -> None:
    paths.link(paths.bin_folder() / "docker", Path(sys.executable))
    assert paths.variables()["DOCKER_CONFIG"] == str(cache / "docker-config")


def test_a_link_is_replaced(tmp_path: Path) -> None:
    for target in ("old", "new", "new"):
        paths.link(tmp_path / "bin" / "tool", tmp_path / target)
    assert (tmp_path / "bin" / "tool").readlink() == tmp_path / "new"


def test_a_second_run_is_told_who_holds_the_lock(said: list[str]) -> None:
    with lock.exclusive():
        with (
            pytest.raises(HarnessError, match=f"process {os.getpid()} still holds"),
            lock.exclusive(said.append, wait=0),
        ):
            pytest.fail("two runs at the same time")
        assert f"process {os.getpid()}" in said[0]


def test_a_killed_run_leaves_no_lock(said: list[str]) -> None:
    program = "import os, harness.lock as lock\nwith lock.exclusive(): os.kill(os.getpid(), 9)"
    environment = os.environ | {"PYTHONPATH": str(paths.repository() / "e2e")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    with lock.exclusive(said.append, wait=0):
        assert not said


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="within 0 s"):
        shell.run("sleep", "60", log=Log(tmp_path / "log"), timeout=0.1)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no-such-program is not installed"):
        shell.run("no-such-program", log=Log(tmp_path / "log"))


def test_no_answer_is_none_and_demanding_one_is_an_error() -> None:
    assert shell.ask("no-such-program") is None
    assert shell.ask("false") is None
    with pytest.raises(CommandError, match="no answer from: false"):
        shell.demand("false")


def test_a_log_shows_what_was_run(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    shell.run("echo", "two words", log=log)
    assert log.tail() == [f"+ {shlex.join(['echo', 'two words'])}", "two words"]
