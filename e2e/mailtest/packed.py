"""The agent as one archive that another Python runs from memory: its pod has no file system to write to."""

import base64
import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
_SHARED = ("__init__.py", "wire.py")

# Python imports from a zip file, and a memfd has a path in /proc. stdin: the archive in a line, then requests.
BOOT = """\
import base64, os, runpy, sys
archive = os.memfd_create("agent")
os.write(archive, base64.b64decode(sys.stdin.readline()))
runpy.run_path(f"/proc/self/fd/{archive}", run_name="__main__")
"""


def agent() -> str:
    """The archive in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", (HERE / "agent" / "__main__.py").read_text())
        for file in [*(HERE / name for name in _SHARED), *sorted((HERE / "agent").glob("*.py"))]:
            archive.writestr(f"mailtest/{file.relative_to(HERE)}", file.read_text())
    return base64.b64encode(buffer.getvalue()).decode()
