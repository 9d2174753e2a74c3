"""Removes from an installed Kubernetes client the typed models and calls that the operator does not import.

They are most of the image: a class for each kind and each call of the API, while the operator sends plain JSON. What an
import loads stays, so a new use of the client brings back what it needs. Run by the Python that has the client.
"""

import sys
from importlib import import_module
from pathlib import Path

PROGRAMS = ("mailstack_operator.cli.main", "mailstack_operator.edge.app", "mailstack_operator.edge.watches")


def main() -> None:
    """Removes them, with their bytecode."""
    root = Path(str(import_module("kubernetes").__file__)).parent
    for program in PROGRAMS:
        import_module(program)
    loaded = {getattr(module, "__file__", None) for module in sys.modules.values()}
    for folder in (*root.rglob("models"), *root.rglob("api")):
        for source in folder.glob("*.py"):
            if str(source) not in loaded:
                _remove(source)


def _remove(source: Path) -> None:
    for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
        compiled.unlink()
    source.unlink()


main()
