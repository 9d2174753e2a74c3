"""What `mailstack verify` runs in the container `probe` of a Postfix pod: asks both servers for one address.

    python3 - --smtp 25 --host POD_IP --lmtp unix:PATH|inet:HOST:PORT --ids FILE ADDRESS

Prints a JSON object with `smtp` and `lmtp`, each `{"code": 250, "text": "2.1.5 OK"}`: the reply to RCPT, or the one
that kept it from being asked; code 0 where nobody answers, and text is why. The options are those of mailstack_probe,
so that the pod's own can be handed on. Only the standard library, and who to be: the probe may be an earlier version.
"""

import argparse
import json
import os
import smtplib
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Seconds for each wait: Postfix asks Dovecot before it answers, and its policy service for five.
LIMIT = 15.0

Answer = dict[str, int | str]


def smtp(host: str, port: int, address: str) -> Answer:
    """What another mail server would hear of the address; from the pod's own IP, which Postfix does not trust."""
    return _answer(lambda: smtplib.SMTP(host, port, f"[{host}]", LIMIT), address)


def lmtp(listener: str, authority: Path | None, address: str) -> Answer:
    """What Postfix would hear of it; with `authority`, a file of CA certificates, after STARTTLS."""
    kind, _, place = listener.partition(":")
    host, _, port = place.rpartition(":")
    server = partial(smtplib.LMTP, place) if kind == "unix" else partial(smtplib.LMTP, host.strip("[]"), int(port))

    def connect() -> smtplib.SMTP:
        context = _trusting(authority) if authority else None
        session = server(local_hostname="localhost", timeout=LIMIT)
        try:
            if context:
                session.starttls(context=context)
        except BaseException:
            session.close()
            raise
        return session

    return _answer(connect, address)


def _trusting(authority: Path) -> ssl.SSLContext:
    """Raises OSError that names the file if it cannot be read, or holds no certificates."""
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise OSError(f"{authority} cannot be used: {error.strerror or error}") from error


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
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return {"code": code, "text": " ".join(words.split())}


def _become(ids: Path | None) -> None:
    """Dovecot's socket lets in postfix alone; `ids` are the numbers in the image of the Postfix beside us."""
    if ids and os.getuid() == 0:
        # Of the probe's own image, which knows how to read the file that its pod holds.
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
