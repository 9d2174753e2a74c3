"""The shell scripts of the containers: files of this package, for dash and busybox.

Nothing of a spec is ever part of a script: what differs comes by environment variables or arguments.
"""

import re
from functools import cache
from importlib import resources
from posixpath import dirname, join, normpath

from mailstack_operator.kube.objects import Json

# `. ./file.sh`: the file, relative to that of the script, takes the place of the line.
_INCLUDE = re.compile(r"^\. (\.\S+)\n", re.MULTILINE)
# Comments are for readers of the files: a change of one does not roll the pods.
_COMMENT = re.compile(r"^ *#.*\n", re.MULTILINE)


def command(path: str, *arguments: str) -> list[Json]:
    """Runs the script at `path`, relative to this package.

    Kubernetes makes `$` of `$$` in a command (Container v1 core, command).
    """
    return [
        "/bin/sh",
        "-c",
        text(path).replace("$$", "$$$$"),
        *([path.rpartition("/")[2], *arguments] if arguments else []),
    ]


@cache
def text(path: str) -> str:
    """The script with the files that it includes, without comments."""
    source = resources.files(__package__).joinpath(path).read_text(encoding="utf-8")
    whole = _INCLUDE.sub(lambda line: text(normpath(join(dirname(path), line[1]))), source)
    return _COMMENT.sub("", whole)
