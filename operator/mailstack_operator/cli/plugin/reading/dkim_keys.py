"""New keys for DKIM, made by the user's openssl."""

from typing import Final

from mailstack_operator.cli.plugin.reading.program import run_program

# RFC 8301: 2048 bits for RSA.
KINDS: Final = {
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ed25519": ("-algorithm", "ed25519"),
}
_SECONDS = 60.0


class OpensslError(Exception):
    """openssl failed: its stderr, or why it could not run."""


def make_key(kind: str) -> str:
    """A new private key of a kind of KINDS, as PEM. Raises OpensslError."""
    return _openssl("genpkey", *KINDS[kind])


def _openssl(*arguments: str) -> str:
    try:
        done = run_program(["openssl", *arguments], _SECONDS, "")
    except TimeoutError as error:
        raise OpensslError(f"openssl {arguments[0]} took longer than {_SECONDS:.0f} s") from error
    except OSError as error:
        raise OpensslError(f"cannot run openssl ({error.strerror}): install it and add it to PATH") from error
    if done.code:
        raise OpensslError(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
