"""Which configuration this pod uses: Postfix takes changed files while it runs, and the probe its settings.

The ConfigMap of Postfix's files has a digest of them, and the kubelet changes all its files at once.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from mailstack_probe import files
from mailstack_probe.contract import CONFIG_DIGEST, CONFIG_REFUSED, PROBE_SETTINGS, ProbeSettings, StackWarning
from mailstack_probe.reasons import WarningReason


class Configuration:
    """`settings` is the folder of the ConfigMap; `postfix` that of what Postfix uses, None in a pod without Postfix;
    `own` are the settings that this process has."""

    def __init__(self, settings: Path, postfix: Path | None, own: ProbeSettings) -> None:
        self._settings = settings
        self._postfix = postfix
        self._own = own.to_arguments()
        # Asked for each second: the content of each file, and what tells whether it is still that.
        self._known: dict[Path, tuple[object, str]] = {}

    def in_use(self) -> str:
        """The digest of the configuration, once Postfix uses it; empty until then."""
        wanted = self._read(self._settings / CONFIG_DIGEST)
        used = self._read(self._postfix / CONFIG_DIGEST) if self._postfix else wanted
        return wanted if used == wanted else ""

    def is_outdated(self) -> bool:
        """Whether the settings that belong to the configuration in use are others than those of this process."""
        lines = self._read(self._settings / PROBE_SETTINGS).splitlines()
        return bool(lines and self.in_use()) and lines != self._own

    def warnings(self) -> Iterator[StackWarning]:
        """What Postfix has against a changed configuration. Its rehearsal has passed, so this should not happen."""
        words = self._read(self._postfix / CONFIG_REFUSED) if self._postfix else ""
        if words:
            yield StackWarning(
                WarningReason.CONFIG_NOT_USED,
                f"Postfix does not use the changed configuration, and keeps its last one: {words.splitlines()[-1]}; "
                "correct the spec",
            )

    def _read(self, file: Path) -> str:
        """The content without white space around it; empty where there is none, or the kubelet has just replaced it."""
        try:
            version = files.version(file)
            if self._known.get(file, (None, ""))[0] != version:
                self._known[file] = version, file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""
        return self._known[file][1]


def settings_of(options: ProbeSettings) -> ProbeSettings:
    """Those options that are settings."""
    return ProbeSettings(
        domain=options.domain,
        expect=options.expect,
        message_size=options.message_size,
        smtp_connections=options.smtp_connections,
    )


def restart_process() -> None:
    """Begins this process anew, with the settings as they are now; its container goes on."""
    print("mailstack: beginning anew with changed settings", flush=True)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same program
