"""Every command of a page is typed by an end-to-end test, or the page says why not."""

import re
from pathlib import Path

import pytest

from mailtest import page
from mailtest.page import Block

ROOT = Path(__file__).parents[1]
BLOCKS = [block for name in page.pages() for block in page.blocks(name)]
TESTS = {file: file.read_text(encoding="utf-8") for file in (ROOT / "e2e").rglob("test_*.py")}
NAMED = re.compile(r"(?:e2e|tests)/[\w/]+(?:\.py)?")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_is_typed_by_a_test_or_says_why_not(block: Block) -> None:
    """A test names the page and the block's section, where it is not the part above the first heading."""
    is_typed = [text for text in TESTS.values() if f'"{block.page}"' in text and f'"{block.section}"' in text]
    assert is_typed or block.reason


def test_a_reason_names_what_exists() -> None:
    named = [path for block in BLOCKS for path in NAMED.findall(block.reason)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_prompt_stands_in_a_block_of_the_language_console() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "docs").glob("*.md"))
    assert re.findall(r"^```\n\$ .*", text, re.MULTILINE) == []


def test_commands_are_read_as_a_reader_types_them() -> None:
    """Behind prompts, with the lines that quotes need, without what they print; `sh` as it is."""
    found = {block.place.partition(":")[0]: block.commands for block in page.blocks("docs/bypassing-lmtp.md")}
    assert found["docs/bypassing-lmtp.md"].startswith(
        "kubectl port-forward service/bypassing-lmtp 2525:25 &\npython3 -c "
    )
    assert found["docs/bypassing-lmtp.md"].endswith("print(server.rcpt('nobody@example.org'))\"\n")
