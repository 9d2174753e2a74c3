"""Runs a program of mailstack_probe in a pod from SOURCES: the pod's own probe may be of another version.

python3 - --smtp=25 ... < this file, with the sources filled in
"""

import runpy
import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

PACKAGE = "mailstack_probe"
PROGRAM = "recipient"
# Texts by the names of the modules; recipient_reader fills them in.
SOURCES: dict[str, str] = {}


class _Importer(MetaPathFinder, InspectLoader):
    """Imports from SOURCES."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in SOURCES:
            return None
        return spec_from_loader(fullname, self, is_package=fullname == PACKAGE)

    def get_source(self, fullname: str) -> str:
        return SOURCES[fullname]


if __name__ == "__main__":
    sys.meta_path.insert(0, _Importer())
    runpy.run_module(f"{PACKAGE}.{PROGRAM}", run_name="__main__")
