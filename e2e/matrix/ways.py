"""Every way in which the how-to joins the servers, and the feature that the tests of each way's MailStack need."""

import itertools
from dataclasses import dataclass

from mailtest import configs, manifests
from mailtest.kubectl import Object
from mailtest.stack import Stack

ALICE, BOB, CAROL, DAVE = map(manifests.address, manifests.USERS)
ALICE_NET = "alice@example.net"
# A user as administrators write them: capitals, an apostrophe, a home of another mail system, no fields behind it.
OBRIEN = manifests.address("o'brien")
OBRIEN_LINE = f"O'Brien@Example.org:{{PLAIN}}{manifests.PASSWORD}:5000:5000::/var/mail/example.org/obrien\r\n"
ALIASES = "info: alice\nteam: alice, bob@example.org\nroot: bob\n"
QUOTA_KIB, LARGE_KIB = 200, 2048
# How the users file gives one user a size of their own; the number is in KiB.
OWN_SIZE = {"2.4": "userdb_quota_storage_size={}K", "2.3": "userdb_quota_rule=*:storage={}K"}


@dataclass(frozen=True)
class Way:
    """The listener of LMTP, Dovecot's version, and the kind of recipients."""

    listener: str
    version: str
    recipients: str

    def __str__(self) -> str:
        return f"{self.listener}-{self.version.replace('.', '')}-{self.recipients}".lower()

    @property
    def server(self) -> str:
        """How Postfix's log and replies call the LMTP server, as a pattern."""
        if self.listener == "Unix":
            return r"mail\.example\.org\[private/dovecot-lmtp\]"
        return rf"{self}-dovecot\.[a-z0-9-]+\.svc\[[0-9.]+\]"

    @property
    def spec(self) -> dict[str, object]:
        return {"delivery": self._delivery(), "dovecot": {"version": self.version}, **self._feature()}

    def _delivery(self) -> dict[str, object]:
        return {"recipients": self.recipients, "listener": {"type": self.listener}}

    def _feature(self) -> dict[str, object]:
        """What it serves besides the matrix."""
        if self.listener == "Inet":
            return self._quota()
        if self.recipients == "Virtual":
            return self._sieve()
        return self._local() if self.version == "2.4" else {}

    def _quota(self) -> dict[str, object]:
        """A full mailbox is refused at RCPT, or at DATA. Over TCP, so that the client can speak LMTP with Dovecot."""
        quota = {"size": f"{QUOTA_KIB}Ki", "rejectAtRecipient": self.recipients == "Virtual"}
        return {"plugins": {"quota": quota}, "users": _users(quota_users(self.version))}

    def _sieve(self) -> dict[str, object]:
        name = scripts(self.version)["metadata"]["name"]
        sieve = {"before": configs.file(name, "before"), "after": configs.file(name, "after")}
        return {"plugins": {"sieve": sieve}}

    def _local(self) -> dict[str, object]:
        """Two domains; what is not somebody's own goes to the postmaster, carol."""
        return {
            "delivery": {**self._delivery(), "local": {"aliases": configs.file("aliases", "aliases")}},
            "users": _users(local_users()),
            "domains": ["example.org", "example.net"],
            "postmasterAddress": CAROL,
        }


def _users(secret: Object) -> dict[str, object]:
    return {"passwdFile": {"secretName": secret["metadata"]["name"]}}


def users() -> Object:
    """The Secret of the ways without one of their own."""
    return manifests.secret("mail-users", manifests.passwd_file(ALICE, BOB, CAROL, DAVE) + OBRIEN_LINE)


def local_users() -> Object:
    text = manifests.passwd_file(ALICE, BOB, CAROL, DAVE, ALICE_NET) + OBRIEN_LINE
    return manifests.secret("local-users", text)


def aliases(text: str = ALIASES) -> Object:
    return configs.config_map("aliases", aliases=text)


def quota_users(version: str, **own_kib: int) -> Object:
    """The Secret of a version's users; `own_kib` gives some of them a size of their own."""
    sizes = {"carol": LARGE_KIB, **own_kib}
    lines = []
    for user in manifests.USERS:
        own = OWN_SIZE[version].format(sizes[user]) if user in sizes else ""
        lines.append(f"{manifests.address(user)}:{{PLAIN}}{manifests.PASSWORD}::::::{own}\n")
    return manifests.secret(f"quota-{version.replace('.', '')}-users", "".join(lines) + OBRIEN_LINE)


def files(mark: str, folder: str) -> str:
    """A script that files messages with `mark` in the subject into `folder`, and leaves the others alone."""
    test = f'header :contains "subject" "{mark}"'
    return f'require ["fileinto", "mailbox"];\nif {test} {{\n  fileinto :create "{folder}";\n  stop;\n}}\n'


def scripts(version: str, **changed: str) -> Object:
    """The ConfigMap of a version's global Sieve scripts."""
    usual = {"before": files("[before]", "Before"), "after": files("[after]", "After")}
    return configs.config_map(f"scripts-{version.replace('.', '')}", **{**usual, **changed})


VERSIONS = ("2.4", "2.3")
WAYS = [Way(*each) for each in itertools.product(("Unix", "Inet"), ("2.3", "2.4"), ("Virtual", "Local"))]
Ways = dict[Way, Stack]
