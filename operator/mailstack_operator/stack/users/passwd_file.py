"""Users from a passwd-file of Dovecot, in a Secret.

Source: Dovecot's "passwd-file" in the documentation of 2.3 and 2.4.
"""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from mailstack_operator.api.strings import SecretKey, SecretName
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import containers
from mailstack_operator.stack.containers import WORLD_READABLE, mount
from mailstack_operator.stack.needs import Need
from mailstack_operator.stack.syntax import DovecotPart, Setting, block
from mailstack_operator.stack.users.source import Additions, Canaries, JudgedFile, Spec, UserSource
from mailstack_probe.contract import RUN

_NAME = "passwd"
# A volume keeps its type for good: server-side apply would merge the new type into the old one, and be refused.
_SECRET, _JUDGED, _REPORTED = "users", "users-judged", "users-report"
_MOUNTED = f"{RUN}/secrets/users"
# What Dovecot reads, and what the probe does.
_FOLDER = f"{RUN}/users"
_FILE = f"{_FOLDER}/{_NAME}"
_REPORT = f"{RUN}/users-report"
_REPORT_FILE = f"{_REPORT}/report.json"

# Dovecot's own list of characters lacks some that are in names, such as o'brien; the file says who exists.
_EVERY_NAME = Setting("auth_username_chars", "")


class PasswdFile(UserSource):
    """A passwd-file of Dovecot in a Secret."""

    tag: ClassVar[str] = "passwdFile"
    description: ClassVar[str] = (
        "A Dovecot passwd-file in a Secret, with a line for each user: user@domain:{SCHEME}hash::::::. "
        "A change is in use within 90 seconds, without a restart."
    )

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the file.")
    key: SecretKey = Field("users", description="Key of the Secret that holds the file.")

    def needs(self) -> list[Need]:
        return [Need("Secret", self.secret_name, (self.key,), "the users", passwd=True)]

    def additions(self, spec: Spec) -> Additions:
        # The pod waits for the key: without the file Dovecot would permanently refuse every recipient.
        items: list[Json] = [{"key": self.key, "path": _NAME}]
        secret: Json = {"secretName": self.secret_name, "items": items, "defaultMode": WORLD_READABLE}
        volumes: tuple[Object, ...] = (
            {"name": _SECRET, "secret": secret},
            containers.empty(_JUDGED),
            containers.empty(_REPORTED),
        )
        return Additions(volumes=volumes, mounts=(mount(_JUDGED, _FOLDER, read_only=True),), judged=_judged())

    def settings_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield _EVERY_NAME
        for database in ("passdb", "userdb"):
            yield block(database, driver="passwd-file", args=_FILE)

    def settings_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield _EVERY_NAME
        for database in ("passdb", "userdb"):
            yield block(f"{database} passwd-file", passwd_file_path=_FILE)

    def known_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield Setting("driver", "passwd-file")
        yield Setting("args", _FILE)
        yield Setting("default_fields", "nopassword=y")

    def known_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield Setting("driver", "passwd-file")
        yield Setting("passwd_file_path", _FILE)

    def canaries(self, spec: Spec) -> Canaries:
        return Canaries(file=_REPORT_FILE, mounts=(mount(_REPORTED, _REPORT, read_only=True),))


def _judged() -> JudgedFile:
    mounts = (
        mount(_SECRET, _MOUNTED, read_only=True),
        mount(_JUDGED, _FOLDER),
        mount(_REPORTED, _REPORT),
    )
    return JudgedFile(source=f"{_MOUNTED}/{_NAME}", target=_FILE, report=_REPORT_FILE, mounts=mounts)
