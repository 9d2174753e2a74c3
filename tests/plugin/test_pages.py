"""docs/kubectl-plugin.md and its picture show what the commands print."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mailstack_operator.api.conditions import CHECKS, always_shown
from mailstack_operator.cli.plugin.parsing.log_line import parse_log
from mailstack_operator.cli.plugin.parsing.private_files import parse_listing
from mailstack_operator.cli.plugin.parsing.refusals import find_refusals
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.kube.objects import entries, section, text
from mailstack_operator.loop.stack_state import stack_state_of
from tests.conftest import Golden
from tests.plugin.terminal_picture import draw
from tests.test_project import ROOT

DATA = ROOT / "tests" / "data" / "plugin"
SCREENS = ROOT / "tests" / "golden" / "plugin"
PAGE = (ROOT / "docs" / "kubectl-plugin.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n\$ (kubectl mailstack [^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def data(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def test_the_picture_is_what_status_prints_of_a_healthy_stack(golden: Golden) -> None:
    found = Findings(
        stack=stack_state_of(yaml.safe_load(data("healthy-mailstack.yaml"))),
        pods=[yaml.safe_load(data("healthy-pod.yaml"))],
        messages=[],
        private=parse_listing(data("private.txt")),
        refusals=find_refusals(parse_log("mail-0", "postfix", data("healthy-postfix.log"))),
        problems=[],
        now=datetime(2026, 11, 22, 23, 28, 5, tzinfo=UTC),
    )
    picture = draw("kubectl mailstack status mail -n post", render_status(found, 118))
    golden(ROOT / "docs" / "pictures" / "status.svg", picture)


@pytest.mark.parametrize("name", ["mailstack.yaml", "healthy-mailstack.yaml"])
def test_the_samples_have_every_condition_that_a_mailstack_has(name: str) -> None:
    """A new one has to be seen in the page and in its picture, too."""
    status = section(yaml.safe_load(data(name)), "status")
    assert tuple(text(each, "type") for each in entries(status, "conditions")) == always_shown()
    assert {check.name for check in CHECKS if not check.optional} <= entries(status, "pods")[0].keys()


@pytest.mark.parametrize(("command", "screen"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_screen_of_the_page_is_one_that_the_command_prints(command: str, screen: str) -> None:
    """Those that a command prints are in tests/golden/plugin."""
    name = command.split()[2]
    assert screen in [path.read_text(encoding="utf-8") for path in SCREENS.glob(f"{name}*.txt")]


def test_the_page_has_a_screen_of_each_command() -> None:
    assert [command.split()[2] for command, _ in BLOCKS] == ["status", "verify", "users", "queue", "logs", "dns", "dns"]


def test_all_of_a_picture_is_text(tmp_path: Path) -> None:
    """What a sender wrote cannot become an element of the picture."""
    picture = draw("command", "<script>x</script> & more\n")
    assert "&lt;script&gt;x&lt;/script&gt; &amp; more" in picture
