"""The probe's command line."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe.listeners import InetListener, Listener, UnixListener
from mailstack_probe.reports import ApiServer, Identity

_CREDENTIALS = Path("/run/mailstack/token")


@dataclass(frozen=True)
class Options:
    """What to look at; None where it is not in this pod. See `--help` for each."""

    listener: Listener
    domains: Sequence[str]
    smtp: int | None
    expect: int
    users: Path | None
    store: Path | None
    verify_map: Path | None
    queue: Path | None
    certificates: Sequence[Path]
    ids: Path
    group: int | None
    identity: Identity
    api: ApiServer
    port: int


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Ends the program with what is wrong, if anything is."""
    parser = _parser()
    given = parser.parse_args(arguments)
    namespace, _, name = given.stack.partition("/")
    if not (namespace and name and given.pod and given.uid):
        parser.error("--stack NAMESPACE/NAME, --pod and --uid must be given, the last two maybe as POD_NAME, POD_UID")
    return Options(
        listener=_listener(parser, given),
        domains=given.domain,
        smtp=given.smtp,
        expect=given.expect,
        users=given.users,
        store=given.store,
        verify_map=given.verify_map,
        queue=given.queue,
        certificates=given.certificate,
        ids=given.ids,
        group=given.group,
        identity=Identity(namespace, name, given.pod, given.uid),
        api=ApiServer(
            os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc"),
            int(os.environ.get("KUBERNETES_SERVICE_PORT", "443")),
            given.credentials,
        ),
        port=given.port,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mailstack_probe", description="Ask the mail servers, and report.")
    add = parser.add_argument
    add("--lmtp", required=True, metavar="unix:PATH|inet:HOST:PORT", help="where Dovecot listens")
    add("--lmtp-ca", type=Path, metavar="FILE", help="CA certificates: use STARTTLS, and trust these alone")
    add("--lmtp-name", default="", metavar="NAME", help="what Dovecot's certificate is for (default: HOST)")
    add("--smtp", type=int, metavar="PORT", help="Postfix's port on 127.0.0.1")
    add("--domain", action="append", required=True, help="a domain of the MailStack; again for each")
    add("--expect", type=int, choices=(550, 450, 250), default=550, help="the answer to addresses that nobody has")
    add("--users", type=Path, metavar="FILE", help="Dovecot's passwd-file")
    add("--store", type=Path, metavar="FOLDER", help="where the mail is")
    add("--verify-map", type=Path, metavar="FILE", help="Postfix's verify cache, with its ending .lmdb")
    add("--queue", type=Path, metavar="FOLDER", help="Postfix's spool")
    add("--certificate", type=Path, action="append", default=[], metavar="FILE", help="PEM, for its date of expiry")
    add("--ids", type=Path, default=Path("/run/mailstack/ids/postfix"), metavar="FILE", help="who to be, if root")
    add("--group", type=int, metavar="GID", help="one more group, if root: that of the mail")
    add("--stack", required=True, metavar="NAMESPACE/NAME", help="the MailStack to report to")
    add("--pod", default=os.environ.get("POD_NAME"), help="the name of this pod (default: POD_NAME)")
    add("--uid", default=os.environ.get("POD_UID"), help="the uid of this pod (default: POD_UID)")
    add("--credentials", type=Path, default=_CREDENTIALS, metavar="FOLDER", help="with token and ca.crt")
    add("--port", type=int, default=9100, help="for /metrics and /healthz")
    return parser


def _listener(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Listener:
    kind, _, place = given.lmtp.partition(":")
    host, _, port = place.rpartition(":")
    if kind == "unix" and place.startswith("/"):
        return UnixListener(Path(place))
    if kind != "inet" or not host or not port.isdigit():
        parser.error(f"--lmtp {given.lmtp!r} is neither unix:/PATH nor inet:HOST:PORT")
    return InetListener(host.strip("[]"), int(port), given.lmtp_ca, given.lmtp_name)
