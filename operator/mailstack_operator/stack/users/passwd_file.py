"""Users from a passwd-file of Dovecot, in a Secret.

Source: Dovecot's "passwd-file" in the documentation of 2.3 and 2.4.
"""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from mailstack_operator.api.strings import SecretKey, SecretName
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack.needs import Need
from mailstack_operator.stack.syntax import DovecotPart, block
from mailstack_operator.stack.users.source import Canaries, Spec, UserSource

_FOLDER = "/run/mailstack/users"
_NAME = "passwd"
_FILE = f"{_FOLDER}/{_NAME}"
# Dovecot's auth process and the probe read the file without root.
_MODE = 0o444


class PasswdFile(UserSource):
    """A passwd-file of Dovecot in a Secret."""

    field: ClassVar[str] = "passwdFile"
    description: ClassVar[str] = (
        "A Dovecot passwd-file in a Secret, one user a line: user@domain:{SCHEME}hash::::::. "
        "A change is in use within 90 seconds, without a restart."
    )

    secret_name: SecretName = Field(description="Secret in the same namespace that holds the file.")
    key: SecretKey = Field("users", description="Key of the Secret that holds the file.")

    def needs(self) -> list[Need]:
        return [Need("Secret", self.secret_name, (self.key,), "the users")]

    def volumes(self) -> list[Object]:
        # The pod waits for the key: without the file Dovecot would refuse everybody for good.
        items: list[Json] = [{"key": self.key, "path": _NAME}]
        return [{"name": "users", "secret": {"secretName": self.secret_name, "items": items, "defaultMode": _MODE}}]

    def mounts(self) -> list[Object]:
        return [{"name": "users", "mountPath": _FOLDER, "readOnly": True}]

    def probe_mounts(self) -> list[Object]:
        return self.mounts()

    def settings_23(self, spec: Spec) -> Iterator[DovecotPart]:
        for database in ("passdb", "userdb"):
            yield block(database, driver="passwd-file", args=_FILE)

    def settings_24(self, spec: Spec) -> Iterator[DovecotPart]:
        for database in ("passdb", "userdb"):
            yield block(f"{database} passwd-file", passwd_file_path=_FILE)

    def canaries(self, spec: Spec) -> Canaries:
        return Canaries(file=_FILE)
