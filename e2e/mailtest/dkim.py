"""Keys for DKIM, and signatures verified by dkimpy, which is in the image of programs."""

import base64
import json
import subprocess
from dataclasses import dataclass

from mailtest.programs import Programs

RSA = ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
ED25519 = ("genpkey", "-algorithm", "ed25519")

# The selector of each signature, and whether it verifies against the records.
_VERIFY = """\
import base64, dkim, json, re, sys
given = json.load(sys.stdin)
message = dkim.DKIM(base64.b64decode(given["message"]))
signatures = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
def record(name, timeout=5):
    return given["records"].get(name.decode() if isinstance(name, bytes) else name)
def verified(index):
    try:
        return bool(message.verify(index, dnsfunc=record))
    except dkim.DKIMException:
        return False
selectors = [re.search(rb"\\bs=([^;\\s]+)", value)[1].decode() for value in signatures]
print(json.dumps({selector: verified(index) for index, selector in enumerate(selectors)}))
"""


@dataclass(frozen=True)
class Key:
    """A private key as PEM."""

    pem: str

    @property
    def record(self) -> str:
        """The text of its record (RFC 6376, 3.6.1; RFC 8463, 4)."""
        shown = _openssl("pkey", "-pubout", "-outform", "DER", stdin=self.pem)
        kind, public = ("rsa", shown) if len(shown) > 100 else ("ed25519", shown[-32:])
        return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"


def make(command: tuple[str, ...]) -> Key:
    return Key(_openssl(*command).decode())


def verify(programs: Programs, message: bytes, records: dict[str, str]) -> dict[str, bool]:
    """Of each signature its selector, and whether it verifies; `records` are by name, with a dot at its end."""
    given = {"message": base64.b64encode(message).decode(), "records": records}
    found: dict[str, bool] = json.loads(programs.run("python3", "-c", _VERIFY, stdin=json.dumps(given)))
    return found


def _openssl(*arguments: str, stdin: str = "") -> bytes:
    done = subprocess.run(("openssl", *arguments), input=stdin.encode(), capture_output=True, check=True, timeout=60)
    return done.stdout
