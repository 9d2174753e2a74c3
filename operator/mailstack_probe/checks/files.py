"""Looks at volumes, certificates, and the configuration that the pod uses."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mailstack_probe import configuration, expiry, volumes
from mailstack_probe.checks.check import OFTEN, SELDOM, Check, Pod, Topic
from mailstack_probe.configuration import Configuration
from mailstack_probe.contract import ProbeOptions
from mailstack_probe.loops import Loop
from mailstack_probe.store import Store
from mailstack_probe.verdicts import Verdict
from mailstack_probe.volumes import Found, Volume, Volumes

# Seconds between two looks at the digest of Postfix's files, and at whether every check was made with them.
_CONFIGURATION_OFTEN = 1.0
_UNTIL_ASKED = 0.1
# Seconds that the checks have to ask about a changed configuration, before it counts as in use.
_ASKED_WITHIN = 20.0


class StoreCheck(Check):
    """Whether the mail volume can be written to; the check of LMTP tells. It hangs with its file system."""

    name = "store"

    def __init__(self, pod: Pod, folder: str) -> None:
        super().__init__(pod)
        self._store = Store(Path(folder), pod.options.message_size)

    def problem(self) -> Verdict | None:
        return self._store.problem()

    def turn(self) -> float:
        if self._store.examine():
            self.pod.tell(Topic.STORE)
        return OFTEN if self._store.problem() else SELDOM


class VolumesCheck(Check):
    """How much room is left on the volumes."""

    name = "volumes"

    def __init__(self, pod: Pod) -> None:
        super().__init__(pod)
        self._volumes = Volumes(_volumes(pod.options))

    @property
    def found(self) -> Sequence[Found]:
        return self._volumes.found

    def queue_lacks_inodes(self) -> bool:
        return self._volumes.lacks_inodes("queue")

    def turn(self) -> float:
        lacked = self.queue_lacks_inodes()
        self._volumes.examine()
        self.pod.board.warn(self.name, self._volumes.warnings())
        if lacked != self.queue_lacks_inodes():
            self.pod.tell(Topic.INODES)
        return SELDOM


class CertificatesCheck(Check):
    """When the certificates expire."""

    name = "certificates"

    def turn(self) -> float:
        self.pod.board.warn(self.name, list(expiry.warnings(self.pod.options.certificate)))
        return SELDOM


class ConfigurationCheck(Check):
    """Which configuration the pod uses: has everything checked anew with a changed one, and reports it once each of
    `loops` has turned since."""

    name = "configuration"
    woken_by = frozenset()

    def __init__(self, pod: Pod, followed: Configuration, loops: Sequence[Loop]) -> None:
        super().__init__(pod)
        self._followed = followed
        self._loops = loops
        # No check has been made yet: the first of each is about this one.
        self._used = followed.in_use()
        self._used_since = time.monotonic()

    def turn(self) -> float:
        if self._followed.is_outdated():
            configuration.restart_process()
        self.pod.board.warn("configuration in use", list(self._followed.warnings()))
        used = self._followed.in_use()
        if used != self._used:
            self._used, self._used_since = used, time.monotonic()
            self.pod.tell(Topic.CONFIGURATION)
        asked = self._is_asked()
        self.pod.board.use(used if asked else "")
        return _CONFIGURATION_OFTEN if asked else _UNTIL_ASKED

    def _is_asked(self) -> bool:
        """Whether every check was made since the configuration changed; one that hangs is waited for in vain."""
        since = self._used_since
        return all(loop.turned_at > since for loop in self._loops) or time.monotonic() - since > _ASKED_WITHIN


def followed(options: ProbeOptions) -> Configuration | None:
    """The configuration that may change while the pod runs, if the pod has one."""
    if options.settings is None:
        return None
    postfix = Path(options.postfix) if options.postfix else None
    return Configuration(Path(options.settings), postfix, configuration.settings_of(options))


def _volumes(options: ProbeOptions) -> Iterator[Volume]:
    if options.store:
        yield volumes.mail(Path(options.store), options.message_size)
    if options.queue:
        yield volumes.queue(Path(options.queue), options.message_size)
    if options.verify_map:
        yield volumes.data(Path(options.verify_map).parent)
