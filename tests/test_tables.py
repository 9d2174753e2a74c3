"""The tables that the spec's own parameters name: which are looked for, and what is said of one that is not there."""

import os
import subprocess
from pathlib import Path

import pytest

from mailstack_operator.stack import script
from mailstack_operator.stack.postfix import component, tables
from mailstack_operator.stack.topology import decide
from tests.stacks import stack


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"header_checks": "regexp:/etc/postfix/header_checks"}, "header_checks regexp /etc/postfix/header_checks\n"),
        (
            {"smtpd_sender_restrictions": "check_sender_access proxy:hash:/a, check_sender_access {pcre:/b}"},
            "smtpd_sender_restrictions hash /a\nsmtpd_sender_restrictions pcre /b\n",
        ),
        ({"sender_bcc_maps": "pipemap:{hash:/a, lmdb:/b}"}, "sender_bcc_maps hash /a\nsender_bcc_maps lmdb /b\n"),
        ({"smtp_tls_policy_maps": "hash:$config_directory/tls"}, "smtp_tls_policy_maps hash /etc/postfix/tls\n"),
        ({"smtp_tls_policy_maps": "hash:${config_directory}/tls"}, "smtp_tls_policy_maps hash /etc/postfix/tls\n"),
        (
            {"my_tables": "texthash:$(config_directory)", "smtp_generic_maps": "$my_tables/generic"},
            "my_tables texthash /etc/postfix\nsmtp_generic_maps texthash /etc/postfix/generic\n",
        ),
        # As Debian's main.cf has it: tlsmgr(8) makes the file.
        (
            {"smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache"},
            "smtp_tls_session_cache_database btree -\n",
        ),
        # On a volume, which a rehearsal has empty.
        ({"smtp_generic_maps": "lmdb:$data_directory/generic"}, ""),
        ({"header_checks": "regexp:{{/^X-Spam: yes/ DISCARD}}", "smtp_generic_maps": "inline:{a=b}"}, ""),
        ({"smtpd_milters": "unix:/run/filter", "smtpd_client_restrictions": "check_policy_service inet:a:1"}, ""),
        ({"loop_a": "$loop_b", "loop_b": "$loop_a"}, ""),
    ],
)
def test_the_tables_of_parameters(parameters: dict[str, str], expected: str) -> None:
    assert tables.render(parameters) == expected


def test_the_list_is_there_only_with_a_table() -> None:
    assert "tables" not in component.files(decide(stack()))
    named = stack({"spec.postfix": {"parameters": {"header_checks": "pcre:/x"}}})
    assert component.files(decide(named))["tables"]() == "header_checks pcre /x\n"


# Programs of an image without pcre, and with tables in FOLDER.
PROGRAMS = """
postconf() { printf 'btree\\nhash\\nmysql\\nregexp\\n'; }
postmap() {
  [ ! -e "${3#*:}" ] || return 1
  echo "postmap: fatal: open ${3#*:}: No such file or directory" >&2
  return 1
}
"""


def problem(folder: Path, lines: str) -> str:
    (folder / "tables").write_text(lines)
    command = ["/bin/sh", "-euc", f'{PROGRAMS}{script.text("postfix/scripts/files.sh")}\ntables_problem "{folder}"']
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("regexp FOLDER/none", "open FOLDER/none: No such file or directory"),
        ("pcre FOLDER/there", "this image has no tables of the type pcre"),
        ("pcre -", "this image has no tables of the type pcre"),
        ("mysql FOLDER/none", "there is no file FOLDER/none"),
    ],
)
def test_a_table_that_postfix_cannot_open_is_told_with_its_parameter(line: str, words: str, tmp_path: Path) -> None:
    """Fault: Postfix started, the rehearsal passed, and each message got 451 while Ready was True."""
    (tmp_path / "there").touch()
    found = problem(tmp_path, f"header_checks {line}\n".replace("FOLDER", str(tmp_path)))
    assert found.startswith(f"mailstack: header_checks: {words}: ".replace("FOLDER", str(tmp_path)))
    assert "write the table into the value" in found


def test_tables_that_are_there_are_used(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    lines = [f"a {kind} {tmp_path}/there" for kind in ("regexp", "hash", "mysql")]
    assert problem(tmp_path, "\n".join([*lines, "smtp_tls_session_cache_database btree -\n"])) == ""
