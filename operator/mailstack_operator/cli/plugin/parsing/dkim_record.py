"""The DNS record of a key for DKIM. Sources: RFC 6376, 3.6.1; RFC 8463, 4; RFC 1035, 3.3.14 and 5.1."""

import base64
from dataclasses import dataclass

# Bytes of a SubjectPublicKeyInfo with an Ed25519 key, which is its end.
_ED25519_BYTES, _KEY_BYTES = 44, 32
_STRING = 255


@dataclass(frozen=True)
class DkimPair:
    """Both halves of a key, as PEM."""

    private: str
    public: str

    @property
    def record(self) -> str:
        """The text that belongs into the DNS."""
        der = base64.b64decode("".join(line for line in self.public.splitlines() if "-----" not in line))
        kind, public = ("ed25519", der[-_KEY_BYTES:]) if len(der) == _ED25519_BYTES else ("rsa", der)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"


def zone_line(selector: str, domain: str, text: str) -> str:
    """A line of a zone file; a longer text is several strings."""
    strings = (text[start : start + _STRING] for start in range(0, len(text), _STRING))
    quoted = " ".join(f'"{string}"' for string in strings)
    return f"{selector}._domainkey.{domain}. IN TXT ( {quoted} )"
