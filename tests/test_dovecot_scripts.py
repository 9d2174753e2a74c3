"""The scripts of the Dovecot containers, as far as a shell alone can run them; e2e runs them in the images."""

import subprocess
from pathlib import Path

import pytest

from mailstack_operator.stack import script

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


CHECK = script.text("dovecot/scripts/check.sh")
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
