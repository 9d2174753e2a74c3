"""What `mailstack verify` runs in the container `probe` of a Postfix pod: asks both servers about one address.

    python3 - --smtp 25 --host POD_IP --lmtp unix:PATH|inet:HOST:PORT --ids FILE ADDRESS

Prints a JSON object with `smtp` and `lmtp`, each `{"code": 250, "text": "2.1.5 OK"}`: the reply to RCPT, or to the
earlier command that failed; code 0 if there was no reply, with the error as text. The options are some of the probe's,
so that the pod's own can be passed on. Of the probe it uses `identity` alone: the pod may run another version.
"""

import argparse
import json
import os
import smtplib
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Seconds for each reply: Postfix asks Dovecot before it answers, which may take five, and its policy service.
LIMIT = 15.0

Answer = dict[str, int | str]


def smtp(host: str, port: int, address: str) -> Answer:
    """What another mail server would be told; asked from the pod's own IP, which Postfix does not trust."""
    return _answer(lambda: smtplib.SMTP(host, port, f"[{host}]", LIMIT), address)


def lmtp(listener: str, authority: Path | None, address: str) -> Answer:
    """What Postfix would be told; with `authority`, a file of CA certificates, after STARTTLS."""
    kind, _, place = listener.partition(":")
    host, _, port = place.rpartition(":")
    server = partial(smtplib.LMTP, place) if kind == "unix" else partial(smtplib.LMTP, host.strip("[]"), int(port))

    def connect() -> smtplib.SMTP:
        context = _create_context(authority) if authority else None
        session = server(local_hostname="localhost", timeout=LIMIT)
        try:
            if context:
                session.starttls(context=context)
        except BaseException:
            session.close()
            raise
        return session

    return _answer(connect, address)


def _create_context(authority: Path) -> ssl.SSLContext:
    """Raises OSError that names the file if it cannot be read, or holds no certificates."""
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise OSError(f"cannot use {authority}: {error.strerror or error}") from error


def _answer(connect: Callable[[], smtplib.SMTP], address: str) -> Answer:
    try:
        with connect() as session:
            return _dialogue(session, address)
    except smtplib.SMTPResponseException as error:
        return _reply(error.smtp_code, error.smtp_error)
    except OSError as error:
        return {"code": 0, "text": error.strerror or str(error)}


def _dialogue(session: smtplib.SMTP, address: str) -> Answer:
    code, text = 0, b""
    for command in (session.ehlo, partial(session.mail, ""), partial(session.rcpt, address)):
        code, text = command()
        if not 200 <= code < 300:
            break
    return _reply(code, text)


def _reply(code: int, text: bytes | str) -> Answer:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return {"code": code, "text": " ".join(decoded.split())}


def _become(ids: Path | None) -> None:
    """Only the user postfix can open Dovecot's socket; `ids` are its numbers in the pod's image of Postfix."""
    if ids and os.getuid() == 0:
        # The version in the pod's image, which can read the file that the pod holds.
        from mailstack_probe.identity import become  # noqa: PLC0415

        become(ids, None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--lmtp", required=True)
    parser.add_argument("--lmtp-ca", type=Path)
    parser.add_argument("--ids", type=Path)
    parser.add_argument("address")
    given = parser.parse_args()
    _become(given.ids)
    answers = {
        "smtp": smtp(given.host, given.smtp, given.address),
        "lmtp": lmtp(given.lmtp, given.lmtp_ca, given.address),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
