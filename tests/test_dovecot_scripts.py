"""The scripts of the Dovecot containers, as far as a shell alone can run them; e2e runs them in the images."""

import os
import subprocess
from pathlib import Path

import pytest

from mailstack_operator.kube.objects import section
from mailstack_operator.stack import script, topology
from mailstack_operator.stack.dovecot import component, dovecot_conf
from tests.stacks import stack

PROGRAMS = ["dovecot", "doveconf", "doveadm", "cksum", "find", "grep", "install", "stat"]

NAMES = script.text("dovecot/scripts/names.sh")


def run(text: str, programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script in an image that holds the programs of one folder and nothing else."""
    command = ["/bin/sh", "-c", text]
    return subprocess.run(
        command, env={"PATH": str(programs), **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Programs that do nothing, and a Dovecot 2.4."""
    for program in PROGRAMS:
        (tmp_path / program).write_text("#!/bin/sh\necho '2.4.1-4 (7d8c0e5759)'\n")
        (tmp_path / program).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_image_without_a_program_says_so_in_one_line(image: Path, program: str) -> None:
    (image / program).unlink()
    names = run(NAMES, image, DOVECOT_VERSION="2.4")
    words = f"mailstack: this image has no {program}: set spec.dovecot.image to one that holds Dovecot 2.4\n"
    assert (names.returncode, names.stderr) == (1, words)


def test_another_version_than_the_specs_says_so_in_one_line(image: Path) -> None:
    names = run(NAMES, image, DOVECOT_VERSION="2.3")
    words = (
        "mailstack: this image holds Dovecot 2.4.1-4, and spec.dovecot.version says 2.3: set the version or the image\n"
    )
    assert (names.returncode, names.stderr) == (1, words)


CHECK = f"set -eu\n{script.text('scripts/fail.sh')}{script.text('dovecot/scripts/check.sh')}check_files\n"
WARNING = "doveconf: Warning: service auth { client_limit=1000 } is lower than required under max. load (1600)."


@pytest.mark.parametrize(("code", "words"), [(0, ""), (0, WARNING), (89, "doveconf: Fatal: Unknown setting: x")])
def test_only_an_error_of_doveconf_stops_the_pod(tmp_path: Path, code: int, words: str) -> None:
    """Fault: `default_process_limit = 400` was refused, because doveconf warned of it."""
    doveconf, warnings = tmp_path / "doveconf", tmp_path / "warnings"
    doveconf.write_text(f"#!/bin/sh\nprintf '%s' '{words}' >&2\nexit {code}\n")
    doveconf.chmod(0o755)
    check = run(CHECK, tmp_path, CONFIG="x", WARNINGS=str(warnings), SIEVE_BEFORE="x", SIEVE_AFTER="x")
    assert (check.returncode, check.stderr.strip()) == (1 if code else 0, words)
    assert warnings.exists() is (code == 0)
    assert code or warnings.read_text().strip() == words


# A Dovecot whose protocol imap has the plugins of the file `plugins`.
DOVECONF = """#!/bin/sh
case "$*" in
  *mail_plugin_dir) echo "$MODULES" ;;
  *=imap*mail_plugins) cat "$MODULES/plugins" ;;
esac
"""


@pytest.mark.parametrize(
    ("plugins", "missing"),
    [
        ("quota imap_quota", ""),
        ("quota = yes\nimap_quota = yes\nimap_acl = no", ""),
        # As in every dovecot.conf of 2.3; to 2.4 it is a name.
        ("$mail_plugins imap_quota", "$mail_plugins"),
        ("quota imap_qouta", "imap_qouta"),
        ("quota = yes\nimap_acl = yes", "imap_acl"),
    ],
)
def test_a_plugin_that_the_image_lacks_is_named(tmp_path: Path, plugins: str, missing: str) -> None:
    """Fault: doveconf takes any name, and the rehearsal passed, and no mail program could open a mailbox."""
    doveconf = tmp_path / "doveconf"
    doveconf.write_text(DOVECONF)
    doveconf.chmod(0o755)
    for name in ("lib10_quota_plugin.so", "lib11_imap_quota_plugin.so", "extra.conf"):
        (tmp_path / name).touch()
    (tmp_path / "plugins").write_text(f"{plugins}\n")
    files = {name: str(tmp_path / name) for name in ("WARNINGS", "SIEVE_BEFORE", "SIEVE_AFTER")}
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    check = run(CHECK, tmp_path, CONFIG=f"{tmp_path}/dovecot.conf", MODULES=str(tmp_path), **{**files, **path})
    words = f"this image has no plugin {missing}, which mail_plugins of the protocol imap names"
    assert (check.returncode, words in check.stderr) == ((1, True) if missing else (0, False))
    assert (tmp_path / "WARNINGS").exists() is not bool(missing)


DRAIN = script.text("dovecot/scripts/drain.sh")
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
LISTENS = (
    "   0: 00000000:0018 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0"
)
PROBES = (
    "   1: 0100007F:0018 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1"
)
POSTFIXS = (
    "  12: 0800F40A:0018 0700F40A:D2F1 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1"
)
IMAPS = "  13: 0800F40A:008F 0700F40A:D2F1 01 00000000:00000000 00:00000000 00000000     0        0 6 1 0 20 4 30 10 -1"
ENDED = "  14: 0800F40A:0018 0700F40A:D2F2 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0"


@pytest.mark.parametrize(
    ("sockets", "waits"),
    [
        ([LISTENS], 0),
        ([LISTENS, PROBES, IMAPS, ENDED], 0),
        ([LISTENS, POSTFIXS], 1),
        ([PROBES, POSTFIXS, POSTFIXS], 1),
    ],
)
def test_dovecot_is_not_stopped_before_postfixs_sessions_have_ended(sockets: list[str], waits: int) -> None:
    """They end at the first wait."""
    table = "\n".join([HEAD, *sockets])
    stub = (
        f"open='{table}'\ntimeout() {{ shift; \"$@\"; }}\ndoveadm() {{ echo $*; }}\n"
        'cat() { echo "$open"; }\nsleep() { echo $1; open=; }\n'
    )
    command = ["/bin/sh", "-c", stub + DRAIN]
    environment = {"PATH": os.environ["PATH"], "CONFIG": "c", "LMTP_PORT": "24"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["-c c service stop lmtp", *["0.2"] * waits]


def test_a_dovecot_that_does_not_answer_is_stopped_at_once() -> None:
    environment = {"PATH": os.environ["PATH"], "CONFIG": "c", "LMTP_PORT": "24"}
    stub = "timeout() { return 124; }\nsleep() { exit 9; }\n"
    assert subprocess.run(["/bin/sh", "-c", stub + DRAIN], env=environment, check=False).returncode == 0


@pytest.mark.parametrize(("listener", "drained"), [("Unix", False), ("Inet", True)])
def test_dovecot_is_drained_where_it_does_not_outlive_postfix(listener: str, drained: bool) -> None:
    server = component.build(topology.decide(stack({"spec.delivery": {"listener": {"type": listener}}}))).main or {}
    assert ("preStop" in section(server, "lifecycle")) is drained


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_neither_a_reload_nor_the_drain_cuts_a_delivery_short(version: str) -> None:
    plan = topology.decide(stack({"spec.dovecot": {"version": version}}))
    assert "\nshutdown_clients = no\n" in dovecot_conf.render(plan)


START = script.text("dovecot/scripts/start.sh")


def start(folder: Path, text: str, doveconf: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the script that starts Dovecot, with programs that do nothing but those in `folder`."""
    for program, does in (("dovecot", "echo starts"), ("doveconf", doveconf)):
        (folder / program).write_text(f"#!/bin/sh\n{does}\n")
        (folder / program).chmod(0o755)
    everything = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CONFIG": "c",
        "WARNINGS": str(folder / "warnings"),
        "SIEVE_BEFORE": "/nonexistent",
        "SIEVE_AFTER": "/nonexistent",
        "FILES": "1000",
        "STORE": str(folder),
        "POD_NAME": "mail-0",
        "NODE_NAME": "node",
        "SIEVE_BINARIES": str(folder / "sieve"),
        "MAIL_OWNER": "5000",
        "TLS": "/nonexistent",
        "KERNEL_CONFIG": str(folder / "kernel.conf"),
        **environment,
    }
    stub = "ulimit() { echo unlimited; }\nchown() { :; }\n"
    command = ["/bin/sh", "-c", stub + text]
    return subprocess.run(command, env=everything, capture_output=True, text=True, check=False)


def test_dovecot_does_not_start_with_files_that_it_refuses(tmp_path: Path) -> None:
    """It is tried again and again, as a container is that ends with an error, and tells why each time."""
    refuses = "echo doveconf: Fatal: Unknown setting: x >&2\nexit 89"
    for _ in range(2):
        done = start(tmp_path, START, refuses)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "doveconf: Fatal: Unknown setting: x\n"


def test_a_dovecot_that_comes_back_does_not_check_its_files_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    first, second = (start(tmp_path, START, f"echo called >> {calls}").stdout for _ in range(2))
    assert first == second == "starts\n"
    # The files as a whole, and where the plugins of IMAP are.
    assert calls.read_text().split() == ["called"] * 2


@pytest.mark.parametrize("has_ipv6", [True, False])
def test_dovecot_listens_over_ipv4_alone_where_the_kernel_has_no_ipv6(has_ipv6: bool, tmp_path: Path) -> None:
    """Fault: `listen(::, 143) failed: Address family not supported by protocol`, and Dovecot did not start."""
    table, config = tmp_path / "if_inet6", tmp_path / "kernel.conf"
    if has_ipv6:
        table.touch()
    start(tmp_path, START.replace("/proc/net/if_inet6", str(table)))
    assert (config.read_text() if config.exists() else None) == (None if has_ipv6 else "listen = *\n")


@pytest.mark.parametrize(
    ("answers", "asked"), [("0 0", "user user"), ("67 0", "user user"), ("75 0", "user reload user")]
)
def test_dovecot_connects_again_to_a_source_that_is_away(answers: str, asked: str, tmp_path: Path) -> None:
    """Fault: after an outage of minutes it waited for up to half an hour, and nobody got mail meanwhile."""
    calls = tmp_path / "calls"
    # $3 is the command; the second question is the last.
    (tmp_path / "doveadm").write_text(
        f"""#!/bin/sh
echo "$3" >> {calls}
[ "$3" = user ] || exit 0
set -- {answers}
[ "$(grep -c user {calls})" = 1 ] || shift
exit "$1"
"""
    )
    (tmp_path / "doveadm").chmod(0o755)
    sleep = f'sleep() {{ [ "$(grep -cs user {calls})" != 2 ]; }}\nid() {{ echo 0; }}\n'
    text = START.replace("exec dovecot", "wait; exec dovecot")
    start(tmp_path, sleep + text, SOURCE_ANSWERS="answers@probe.invalid")
    assert calls.read_text().split() == asked.split()
