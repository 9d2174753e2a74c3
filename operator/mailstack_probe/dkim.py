"""Hands the filter its keys for DKIM: a sidecar of Postfix's pod.

    python -m mailstack_probe.dkim --secrets=/run/secrets/dkim --target=/run/dkim

The kubelet mounts a changed Secret as it is, and rspamd sends mail unsigned if it cannot read a key. So rspamd reads a
copy, in the form that it wants, which is written atomically and only if the key can sign: else the last good one stays
in use. It reads it for each message. The folder of Secrets has a folder for each.
"""

from collections.abc import Iterator
from pathlib import Path

from mailstack_probe import dkim_key, files
from mailstack_probe.contract import DKIM_READY, DkimOptions
from mailstack_probe.sidecar import watch

# Seconds between two checks of the Secrets.
PERIOD = 2


class Keys:
    """Copies every key of the Secrets in `source` to a file of the same name in `target`."""

    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target
        self._last: dict[str, str] = {}

    def look(self) -> str | None:
        """Checks all keys once. Returns a line for the log if an outcome has changed."""
        found = dict(self._outcomes())
        changed = [f"{name}: {outcome}" for name, outcome in found.items() if self._last.get(name) != outcome]
        self._last = found
        ready = self._target / DKIM_READY
        if not ready.exists():
            files.replace(ready, b"1\n", 0o444)
        return "; ".join(changed) or None

    def _outcomes(self) -> Iterator[tuple[str, str]]:
        for secret in sorted(self._source.iterdir()):
            # The kubelet's own links begin with a dot.
            for key in sorted(secret.glob("[!.]*")):
                name = f"{secret.name}/{key.name}"
                yield name, self._outcome(key, self._target / name)

    def _outcome(self, key: Path, target: Path) -> str:
        try:
            wanted = dkim_key.read(key.read_bytes()).for_rspamd
            target.parent.mkdir(exist_ok=True)
            files.update(target, wanted, 0o400)
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            return f"{words}; {'the last good one stays in use' if target.exists() else 'it is not used'}"
        return "can be used"


if __name__ == "__main__":
    options = DkimOptions.parse()
    watch([Keys(Path(options.secrets), Path(options.target)).look], PERIOD)
