"""The images of the servers that a MailStack names none for: the operator's, which the chart sets. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

POSTFIX: Final = "postfix"
FILTER: Final = "filter"
#: By name: the names that `make images` gives. They have no registry, so that a node must have the images already.
DEFAULTS: Final[Mapping[str, str]] = {
    POSTFIX: "mailstack/postfix:3.10",
    "dovecot-2.4": "mailstack/dovecot:2.4",
    "dovecot-2.3": "mailstack/dovecot:2.3",
    FILTER: "mailstack/rspamd:3.12",
}


def dovecot(version: str) -> str:
    """The name of Dovecot's image of this version, in `DEFAULTS`."""
    return f"dovecot-{version}"


@dataclass(frozen=True)
class ServerImages:
    """The references that take the place of those of `DEFAULTS`, by name."""

    given: Mapping[str, str] = field(default_factory=dict)

    def chosen(self, name: str, wanted: str | None) -> str:
        """The image that runs, for the one that the spec names.

        The built-in default counts as not named: the CRD of 0.1.0 wrote it into every object, where nobody can tell it
        from a choice. Without a registry it can only mean the project's own image, wherever that is.
        """
        if wanted and wanted != DEFAULTS[name]:
            return wanted
        return self.given.get(name, DEFAULTS[name])


BUILT_IN: Final = ServerImages()
