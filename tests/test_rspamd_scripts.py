"""The script of the filter's container, as far as a shell alone can run it; e2e runs it in the image."""

import re
import subprocess
from pathlib import Path

import pytest

from mailstack_operator.stack import script
from mailstack_probe import milter

START = script.text("rspamd/scripts/start.sh")
FUNCTIONS = START[: START.index("keys_exist ||")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a file that names two keys, one of which is there, and the socket of a filter that was killed."""
    for name in ("files", "keys"):
        (tmp_path / name).mkdir()
    paths = [f'"path": "{tmp_path}/keys/mail-dkim/{name}.pem"' for name in ("old", "new")]
    (tmp_path / "files" / "rspamd.override.conf").write_text("dkim_signing {\n" + ", ".join(paths) + "\n}\n")
    (tmp_path / "files" / "rspamd.conf").write_text(".include x\n")
    (tmp_path / "keys" / "mail-dkim").mkdir()
    put(tmp_path, "old")
    (tmp_path / "socket").touch()
    return tmp_path


def put(folder: Path, name: str) -> None:
    (folder / "keys" / "mail-dkim" / f"{name}.pem").write_text("key")


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "FILES": f"{folder}/files",
        "MAIN": f"{folder}/files/rspamd.conf",
        "SOCKET": f"{folder}/socket",
        "KEYS": f"{folder}/keys",
    }
    command = ("/bin/sh", "-c", text)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def renewed(folder: Path, *, valid: bool = True) -> bool:
    """Whether rspamd is told to read its files again."""
    stubs = f'kill() {{ echo "$1"; }}\nrspamadm() {{ return {int(not valid)}; }}\n'
    return run(folder, f"{stubs}{FUNCTIONS}renew").stdout == "-HUP\n"


def test_the_filter_reloads_what_it_can_sign_with(folder: Path) -> None:
    """With a key that is not there it would send mail unsigned."""
    assert not renewed(folder)
    put(folder, "new")
    assert renewed(folder)


def test_the_filter_keeps_its_files_if_the_new_ones_are_broken(folder: Path) -> None:
    put(folder, "new")
    assert not renewed(folder, valid=False)


def test_files_without_keys_are_reloaded(folder: Path) -> None:
    (folder / "files" / "rspamd.override.conf").write_text("options {\n}\n")
    assert renewed(folder)


def test_the_filter_does_not_start_before_its_keys_are_there(folder: Path) -> None:
    (folder / "rspamd").write_text('#!/bin/sh\necho "rspamd $*"\n')
    (folder / "rspamd").chmod(0o755)
    # A second later they are.
    put_new = f'sleep() {{ [ "$1" = 1 ] || exit; echo "waited"; echo key > "{folder}/keys/mail-dkim/new.pem"; }}\n'
    done = run(folder, put_new + START)
    assert done.stdout == f"waited\nrspamd -f -c {folder}/files/rspamd.conf\n"
    assert done.stderr == "mailstack: waiting for keys that can sign\n"
    assert not (folder / "socket").exists()


@pytest.mark.parametrize(("status", "judged"), [(0, 0), (3, 1), (1, 0), (127, 0)])
def test_only_silence_is_held_against_the_filter(folder: Path, status: int, judged: int) -> None:
    """Fault: an rspamadm of another version, which cannot ask, would have the kubelet restart the filter for ever."""
    stub = f"rspamadm() {{ cat > {folder}/asked; return {status}; }}\n"
    assert run(folder, stub + script.text("rspamd/scripts/answers.sh")).returncode == judged
    assert (folder / "asked").read_text().count("finish(3, ") == 1


def test_the_kubelet_asks_what_the_probe_asks() -> None:
    (written,) = re.findall('data = "(.*)"', script.text("rspamd/scripts/answers.sh"))
    question = re.sub(r"\\([0-9]+)", lambda found: chr(int(found[1])), written)
    assert question.encode("latin-1") == milter.OFFER
