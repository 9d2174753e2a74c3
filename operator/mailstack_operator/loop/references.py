"""What a MailStack refers to: the user's Secrets and ConfigMaps, as they are in the cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.api.conditions import Reason
from mailstack_operator.api.conditions import WarningReason as OwnWarning
from mailstack_operator.kube.kinds import BY_NAME
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import digest
from mailstack_operator.loop.errors import Stalled, Unfinished, Waiting
from mailstack_operator.loop.port import Cluster, File
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.needs import CA_KEY, CERTIFICATE_KEYS, Need
from mailstack_operator.stack.paths import MAIL_ROOT
from mailstack_operator.stack.postfix import virtual
from mailstack_operator.stack.references import files, needs, pull_secrets
from mailstack_operator.stack.topology import MAIL_ID, Sources
from mailstack_probe import dkim_key, passwd, password, pem, users_verdicts
from mailstack_probe.contract import StackWarning
from mailstack_probe.passwd import Volume
from mailstack_probe.reasons import WarningReason

# Seconds after which what is missing or wrong is looked for again: it is not watched everywhere.
MISSING_AGAIN, WRONG_AGAIN = 5.0, 15.0

_NOT_FOUND = {"Secret": Reason.SECRET_NOT_FOUND, "ConfigMap": Reason.CONFIG_MAP_NOT_FOUND}
_KEY_NOT_FOUND = {"Secret": Reason.SECRET_KEY_NOT_FOUND, "ConfigMap": Reason.CONFIG_MAP_KEY_NOT_FOUND}


@dataclass(frozen=True)
class References:
    """What the spec needs and what was found of it; `optional` is what it names and does not need."""

    stack: MailStack
    found: Mapping[Need, File | None]
    optional: Mapping[Need, File | None]

    def problem(self, *, serving: bool) -> Unfinished | None:
        """Why no pod may be made or rolled yet: without its users Dovecot would refuse everybody for good, without
        another file the pod would not start. `serving`: a pod runs, and keeps what it has."""
        problems = (_problem(need, file, serving) for need, file in self.found.items())
        return next(filter(None, problems), None)

    def warnings(self) -> Iterator[StackWarning]:
        """What clients have against a certificate that the servers can use, and pull secrets that are not there."""
        for need in (need for need, file in self.optional.items() if file is None):
            message = f"{need}, which spec.imagePullSecrets names, does not exist: images are pulled without it"
            yield StackWarning(OwnWarning.PULL_SECRET_NOT_FOUND, f"{message}; create it, or correct the name")
        for need, file in self.found.items():
            if need.keys[:2] == CERTIFICATE_KEYS and not (_missing(need, file) or _unusable(need, file)):
                yield from self._doubts(need, _values(file))

    def _doubts(self, need: Need, values: Mapping[str, bytes]) -> Iterator[StackWarning]:
        certificate, tls = values.get(CERTIFICATE_KEYS[0], b""), self.stack.spec.tls
        if wrong := pem.out_of_date(certificate):
            message = f"{need}, which holds {need.what}: {wrong}; it is used all the same unless a pod has a valid one"
            yield StackWarning(WarningReason.CERTIFICATE_EXPIRED, f"{message}, and clients refuse it: renew the Secret")
        if wrong := pem.missing_issuer(certificate):
            message = f"{need}, which holds {need.what}: {wrong}, so most clients refuse it: store the full chain"
            yield StackWarning(WarningReason.CERTIFICATE_CHAIN, f"{message}, such as fullchain.pem, as tls.crt")
        if tls and need.name == tls.secret_name and (wrong := pem.other_names(certificate, self.stack.spec.hostname)):
            message = f"{need}, which holds {need.what}: {wrong}, which is spec.hostname; clients that connect to it"
            yield StackWarning(WarningReason.CERTIFICATE_NAME, f"{message} refuse it: add the name to the certificate")

    def sources(self, *, serving: bool) -> Sources:
        """The files that become part of the configuration. Raises Waiting where one is missing, and Stalled where one
        is wrong; `serving`: a pod runs, and keeps what it has."""
        needed = files(self.stack.spec)
        found = Sources(**{name: self._text(need) for name, need in needed.items()})
        if wrong := virtual.problem(self.stack.spec, found.virtual):
            running = "the running pods keep the last good one" if serving else "no pod can start"
            message = f"{needed['virtual']}, which holds {needed['virtual'].what}: {wrong}; {running}: correct the file"
            raise Stalled(Reason.ALIASES_INVALID, message, WRONG_AGAIN)
        return found

    def _text(self, need: Need) -> str:
        if missing := _missing(need, self.found[need]):
            raise missing
        return _values(self.found[need])[need.keys[0]].decode("utf-8", "replace")

    @property
    def versions(self) -> dict[Ref, int]:
        """The resourceVersions of everything; 0 of what does not exist."""
        every = {**self.found, **self.optional}
        return {_ref(self.stack.key, need): int(file.version) if file else 0 for need, file in every.items()}

    @property
    def secrets_version(self) -> str:
        """Changes whenever one of the Secrets does."""
        return digest([file.version for need, file in self.found.items() if file and need.kind == "Secret"])


def refs(stack: MailStack) -> Iterator[Ref]:
    """Everything that the spec refers to."""
    for need in (*needs(stack.spec), *pull_secrets(stack.spec)):
        yield _ref(stack.key, need)


async def read(cluster: Cluster, stack: MailStack) -> References:
    """Reads everything that the spec refers to. Raises ClusterError."""
    found = {need: await _read(cluster, stack.key.namespace, need) for need in needs(stack.spec)}
    optional = {need: await _read(cluster, stack.key.namespace, need) for need in pull_secrets(stack.spec)}
    return References(stack, found, optional)


async def _read(cluster: Cluster, namespace: str, need: Need) -> File | None:
    if need.kind == "Secret":
        return await cluster.secret(namespace, need.name)
    return await cluster.config_map(namespace, need.name)


def _problem(need: Need, file: File | None, serving: bool) -> Unfinished | None:
    return (
        _missing(need, file)
        or _invalid(need, file, serving)
        or _without_users(need, file, serving)
        or _unfit(need, file, serving)
    )


def _values(file: File | None) -> Mapping[str, bytes]:
    return file.data if file else {}


def _missing(need: Need, file: File | None) -> Waiting | None:
    if file is None:
        return Waiting(_NOT_FOUND[need.kind], f"waiting for {need}, which holds {need.what}", MISSING_AGAIN)
    for key in need.keys:
        if not file.data.get(key):
            message = f"waiting for key {key} in {need}, which holds {need.what}"
            return Waiting(_KEY_NOT_FOUND[need.kind], message, MISSING_AGAIN)
        if need.kind == "ConfigMap" and not _is_text(file.data[key]):
            message = f"waiting for key {key} in {need}, which holds {need.what}, as text: it is not UTF-8"
            return Waiting(_KEY_NOT_FOUND[need.kind], f"{message}; save the file as UTF-8", MISSING_AGAIN)
    return None


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _invalid(need: Need, file: File | None, serving: bool) -> Stalled | None:
    """Whether no server could use the certificate."""
    wrong = _unusable(need, file)
    if wrong is None:
        return None
    running = "the running pods keep the last good one, and no new pod can start" if serving else "no pod can start"
    message = f"{need}, which holds {need.what}: {wrong}; {running}: renew the Secret"
    return Stalled(Reason.CERTIFICATE_INVALID, message, WRONG_AGAIN)


def _unusable(need: Need, file: File | None) -> str | None:
    if file is None:
        return None
    if need.keys[:2] == CERTIFICATE_KEYS and (wrong := pem.problem(*(file.data[key] for key in CERTIFICATE_KEYS))):
        return wrong
    wrong = pem.authority_problem(file.data[CA_KEY]) if CA_KEY in need.keys else None
    return f"key {CA_KEY}: {wrong}" if wrong else None


def _without_users(need: Need, file: File | None, serving: bool) -> Stalled | None:
    """Whether the users file has no user at all: a new pod would wait for one."""
    if file is None or not need.passwd:
        return None
    content, volume = file.data[need.keys[0]], Volume(MAIL_ROOT, MAIL_ID)
    if passwd.names_a_user(content, volume):
        return None
    bad = passwd.judge(content, volume).bad
    wrong = f"it names no user; {users_verdicts.of_notes(bad)}" if bad else "it names no user"
    running = "the running pods keep the last good file" if serving else "no pod can start"
    message = f"{need}, which holds {need.what}: {wrong}; {running}: correct the Secret"
    return Stalled(Reason.USERS_FILE_INVALID, message, WRONG_AGAIN)


def _unfit(need: Need, file: File | None, serving: bool) -> Stalled | None:
    """Whether Dovecot could not use a password, such as for a newline at its end, or a key could not sign: the filter
    would send mail unsigned, and say so in its log alone."""
    if file is None or not (need.password or need.dkim):
        return None
    judge, reason = (
        (password.problem, Reason.PASSWORD_INVALID) if need.password else (dkim_key.problem, Reason.DKIM_KEY_INVALID)
    )
    running = "the running pods keep the last good one" if serving else "no pod can start"
    for key in need.keys:
        if wrong := judge(file.data[key]):
            message = f"key {key} in {need}, which holds {need.what}: {wrong}; {running}: correct the Secret"
            return Stalled(reason, message, WRONG_AGAIN)
    return None


def _ref(key: StackKey, need: Need) -> Ref:
    return BY_NAME[need.kind].ref(key.namespace, need.name)
