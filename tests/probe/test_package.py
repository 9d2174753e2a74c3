"""What the package may import: it runs in every mail pod, and must start at once and stay small."""

import re
import sys
from pathlib import Path

import mailstack_probe

PACKAGE = Path(mailstack_probe.__file__).parent
IMPORT = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)


def test_it_imports_the_standard_library_only() -> None:
    imported = {name for file in PACKAGE.rglob("*.py") for name in IMPORT.findall(file.read_text(encoding="utf-8"))}
    assert imported - sys.stdlib_module_names == {"mailstack_probe"}
