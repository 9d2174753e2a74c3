"""The scripts of the Postfix containers, as far as a shell alone can tell; e2e/ runs them with Postfix."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from mailstack_operator.kube.objects import entries
from mailstack_operator.stack import script, topology
from mailstack_operator.stack.postfix import component
from tests.stacks import stack

CACHE_READABLE = script.text("postfix/scripts/cache_readable.sh")


def cache_check(folder: Path, postmap_status: int = 0) -> int:
    """The exit code of cache_readable.sh if `timeout 8 postmap -s` ends with the status."""
    stub = f"timeout() {{ return {postmap_status}; }}\n"
    command = ["/bin/sh", "-c", stub + CACHE_READABLE]
    return subprocess.run(command, env={"DATA": str(folder)}, check=False).returncode


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a cache."""
    (tmp_path / "verify_cache.lmdb").write_text("content")
    return tmp_path


@pytest.mark.parametrize("status", [1, 135, 139])
def test_a_damaged_cache_restarts_postfix(status: int, data: Path) -> None:
    assert cache_check(data, status) == 1


@pytest.mark.parametrize("status", [0, 124, 143])
def test_a_sound_or_a_slow_cache_does_not(status: int, data: Path) -> None:
    assert cache_check(data, status) == 0


def test_neither_does_a_cache_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert cache_check(tmp_path, 1) == 0


def drained(spool: Path, serve_seconds: int = 0) -> str:
    """What drain.sh sleeps for; it ends early, as `sleep` finishes the delivery of every message."""
    stub = "sleep() { echo $1; [ $1 != 0.2 ] || rm -f active/*; }\n"
    command = ["/bin/sh", "-c", stub + script.text("postfix/scripts/drain.sh")]
    environment = {"PATH": os.environ["PATH"], "SPOOL": str(spool), "SERVE_SECONDS": str(serve_seconds)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for folder in ("incoming", "active"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_postfix_is_not_stopped_before_its_messages_are_delivered(spool: Path) -> None:
    (spool / "active" / "4bR7Kz0vN1z1").touch(0o700)
    assert drained(spool).split() == ["0", "0.2"]


def test_a_message_that_was_never_completed_does_not_delay_the_stop(spool: Path) -> None:
    """cleanup(8) makes a file executable when it is complete; one of a killed cleanup stays as it is."""
    (spool / "incoming" / "4bR7Kz0vN1z1").touch(0o600)
    assert drained(spool).split() == ["0"]


def test_postfix_serves_while_nodes_learn_that_it_is_going(spool: Path) -> None:
    assert drained(spool, serve_seconds=5).split() == ["5"]


@pytest.mark.parametrize(("listener", "seconds"), [("Unix", "0"), ("Inet", "5")])
def test_postfix_serves_longer_only_where_others_can_take_over(listener: str, seconds: str) -> None:
    plan = topology.decide(stack({"spec.delivery": {"listener": {"type": listener}}}))
    server = component.build(plan).main or {}
    assert {"name": "SERVE_SECONDS", "value": seconds} in entries(server, "env")


def test_nothing_is_copied_into_the_queues_volume_at_a_start() -> None:
    """On a full volume Debian's `postfix check` could not update its copies of /etc, and Postfix would not start."""
    built = component.build(topology.decide(stack()))
    assert built.files["defaults"]() == "SYNC_CHROOT=\n"
    for container in (*built.init, built.main or {}):
        mounts = {each["mountPath"]: each.get("subPath") for each in entries(container, "volumeMounts")}
        assert mounts["/etc/default/postfix"] == "defaults"
        assert "/etc/postfix/defaults" not in mounts


# `quietly` alone of spool.sh, and programs that say that they ran.
CHECK = """
quietly() { "$@"; }
postconf() { echo "${VERSION:-3.10.13}"; }
postfix() { echo postfix "$@"; mkdir -p "$SPOOL/active" $FOLDERS; }
postsuper() { echo postsuper; }
"""
FOLDERS = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold"),
    *("incoming", "maildrop", "pid", "public", "saved", "trace"),
)


def check_spool(spool: Path, version: str = "3.10.13", uid: str = "100") -> str:
    """What spool.sh runs to check the spool."""
    folders = " ".join(str(spool / name) for name in FOLDERS)
    environment = {"PATH": os.environ["PATH"], "SPOOL": str(spool), "FOLDERS": folders, "VERSION": version}
    command = ["/bin/sh", "-euc", CHECK + script.text("postfix/scripts/check.sh") + f"check_spool {uid}:101\n"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_spool_that_postfix_checked_is_not_checked_at_each_start(tmp_path: Path) -> None:
    """But for the names of queue files: those of a restored volume would be wrong."""
    assert [check_spool(tmp_path) for _ in range(2)] == ["postfix check", "postsuper"]


@pytest.mark.parametrize("change", [{"version": "3.11.0"}, {"uid": "2525"}])
def test_another_image_checks_the_spool_anew(change: dict[str, str], tmp_path: Path) -> None:
    check_spool(tmp_path)
    assert [check_spool(tmp_path, **change) for _ in range(2)] == ["postfix check", "postsuper"]


def test_a_folder_that_is_missing_is_made_again(tmp_path: Path) -> None:
    check_spool(tmp_path)
    (tmp_path / "hold").rmdir()
    assert check_spool(tmp_path) == "postfix check"


CHANGE = script.text("postfix/scripts/files.sh") + script.text("postfix/scripts/change.sh")
# A round of the loop; `postconf` warns of a line with BAD, and `reload_files` fails while there is a file `down`.
ROUNDS = """
postconf() {
  [ "$3" != -n ] || ! grep BAD "$2/main.cf" >&2
}
reload_files() {
  [ ! -e "$DATA/down" ] && echo reloaded
}
sleep() {
  round=$((${round:-0} + 1))
  [ $round -le $ROUNDS ]
}
change_files reload_files
"""


class Files:
    """The ConfigMap as the kubelet keeps it, and what Postfix reads."""

    def __init__(self, folder: Path) -> None:
        self.config, self.etc, self.data = (folder / name for name in ("config", "etc", "data"))
        for each in (self.config, self.etc, self.data):
            each.mkdir()
        (self.etc / "dynamicmaps.cf").write_text("lmdb\n")
        for each in (self.config, self.etc):
            self.write("old", folder=each)

    def write(self, digest: str, *, main_cf: str = "", pod: str = "mine", folder: Path | None = None) -> None:
        texts = {"main.cf": main_cf or f"of = {digest}\n", "master.cf": "", "digest": f"{digest}\n", "pod": f"{pod}\n"}
        for name, content in texts.items():
            ((folder or self.config) / name).write_text(content)

    def run(self, rounds: int = 1) -> subprocess.CompletedProcess[str]:
        folders = {"CONFIG": self.config, "ETC": self.etc, "DATA": self.data}
        environment = {name: str(folder) for name, folder in folders.items()}
        environment |= {"PATH": os.environ["PATH"], "POD_DIGEST": "mine", "ROUNDS": str(rounds)}
        command = ["/bin/sh", "-euc", CHANGE + ROUNDS]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @property
    def in_use(self) -> tuple[str, str]:
        """The digest, and main.cf."""
        return (self.etc / "digest").read_text().strip(), (self.etc / "main.cf").read_text().strip()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_running_postfix_takes_changed_files_once(files: Files) -> None:
    files.write("new")
    assert files.run(rounds=3).stdout.split("\n")[:-1] == ["reloaded", "mailstack: the changed configuration is in use"]
    assert files.in_use == ("new", "of = new")
    assert (files.etc / "dynamicmaps.cf").exists()


def test_postfix_reads_new_files_at_once(files: Files) -> None:
    """Fault: a pause of two seconds at each start, rehearsal and change: Postfix waits while a file is younger."""
    files.write("new")
    files.run()
    assert all(time.time() - (files.etc / each.name).stat().st_mtime > 2 for each in files.config.iterdir())


def test_the_files_of_a_start_are_settled_before_postfix_reads_them() -> None:
    spool = script.text("postfix/scripts/spool.sh")
    assert spool.index('match_kernel "$ETC"') < spool.index('settle "$ETC"') < spool.index("postconf -n")


def test_without_a_change_nothing_is_reloaded(files: Files) -> None:
    assert files.run(rounds=3).stdout == ""


def test_files_that_postfix_refuses_are_not_used_and_why_is_told_once(files: Files) -> None:
    files.write("new", main_cf="x = BAD\n")
    result = files.run(rounds=3)
    assert result.stdout == ""
    assert result.stderr == "mailstack: the changed configuration is not used: x = BAD\n"
    assert files.in_use == ("old", "of = old")
    assert (files.etc / "refused").read_text() == "x = BAD\n"


def test_a_correction_is_used_after_a_refusal(files: Files) -> None:
    files.write("new", main_cf="x = BAD\n")
    files.run()
    files.write("newer")
    files.run()
    assert files.in_use == ("newer", "of = newer")
    assert not (files.etc / "refused").exists()


def test_files_for_another_pod_wait_for_that_pod(files: Files) -> None:
    """Its certificates or ports are not here: the change replaces the pod."""
    files.write("new", pod="another")
    files.run(rounds=2)
    assert files.in_use == ("old", "of = old")


def test_a_reload_that_fails_is_tried_again_and_not_confirmed(files: Files) -> None:
    (files.data / "down").touch()
    files.write("new")
    files.run(rounds=2)
    assert files.in_use[0] == "old"
    (files.data / "down").unlink()
    assert files.run().stdout.startswith("reloaded\n")
    assert files.in_use[0] == "new"


@pytest.mark.parametrize(("has_ipv6", "asked"), [(True, ""), (False, "-c next -e inet_protocols = ipv4\n")])
def test_postfix_has_no_ipv6_where_the_kernel_has_none(has_ipv6: bool, asked: str, tmp_path: Path) -> None:
    """Fault: with `all` each of its processes warned, and the rehearsal refused every configuration."""
    table = tmp_path / "if_inet6"
    if has_ipv6:
        table.touch()
    text = script.text("postfix/scripts/files.sh").replace("/proc/net/if_inet6", str(table))
    command = ["/bin/sh", "-c", f"postconf() {{ echo $*; }}\nset -eu\n{text}\nmatch_kernel next\n"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == asked
