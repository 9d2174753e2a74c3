"""The pods' volumes, each named once, and where a container sees them."""

from collections.abc import Iterable

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.config_maps import dovecot_files, postfix_files
from mailstack_operator.stack.needs import CA_KEY, CERTIFICATE_KEYS, RELAY_KEYS
from mailstack_operator.stack.paths import (
    DOVECOT_FOLDER,
    MAIL_ROOT,
    POSTFIX_CONFIG,
    POSTFIX_DATA,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
    RELAY_FOLDER,
    RELAY_SECRET,
    TLS_FOLDER,
)
from mailstack_operator.stack.topology import Topology

# The sidecar reads its Secrets as an unprivileged user; nobody else sees them.
_WORLD_READABLE = 0o444
_ROOT_READABLE = 0o400


def claims(topology: Topology) -> list[Json]:
    """The claims of each Postfix pod that outlive it: the queue, and the data directory."""
    storage = topology.spec.postfix.storage
    sizes = {"queue": storage.queue_size, "data": storage.data_size}
    return [
        {"metadata": {"name": name}, "spec": _claim(size, storage.storage_class_name)} for name, size in sizes.items()
    ]


def mail_claim(topology: Topology) -> Object:
    """The claim of the mail. It is no StatefulSet's own, so that Dovecot can move between pods with its mail, and
    it has no owner, so that the mail outlives the MailStack."""
    storage = topology.spec.dovecot.storage
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": object_meta.kept(topology.stack, names.mail_claim(topology.stack.key.name)),
        "spec": _claim(storage.mail_size, storage.storage_class_name),
    }


def _claim(size: str, storage_class: str | None) -> Object:
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return spec


def empty(*volumes: str) -> list[Json]:
    """Volumes that live with the pod."""
    return [{"name": name, "emptyDir": {}} for name in volumes]


def token() -> Object:
    """The probe's right to the API, and how it knows the API server; no other container sees it."""
    sources: list[Json] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    return {"name": "token", "projected": {"sources": sources, "defaultMode": _WORLD_READABLE}}


def mail(topology: Topology) -> Object:
    return {"name": "mail", "persistentVolumeClaim": {"claimName": names.mail_claim(topology.stack.key.name)}}


def postfix_volumes(topology: Topology, config: str) -> list[Json]:
    """What Postfix needs beside its claims; `config` is the ConfigMap of its files."""
    volumes: list[Json] = [{"name": "postfix-config", "configMap": {"name": config}}]
    if topology.lmtp.secret_name:
        volumes.append(_secret("lmtp-ca", topology.lmtp.secret_name, [CA_KEY], _WORLD_READABLE))
    if topology.spec.submission and topology.spec.submission.relay_credentials:
        secret = topology.spec.submission.relay_credentials.secret_name
        volumes += [_secret("relay-secret", secret, RELAY_KEYS, _ROOT_READABLE), *empty("relay")]
    return volumes


def dovecot_volumes(topology: Topology, config: str) -> list[Json]:
    """What Dovecot needs beside its mail; `config` is the ConfigMap of its files."""
    volumes: list[Json] = [
        *empty("ids", "run-dovecot", "lib-dovecot", "tmp"),
        {"name": "dovecot-config", "configMap": {"name": config}},
        *topology.spec.users.source.volumes(),
    ]
    if topology.lmtp.secret_name:
        volumes.append(_secret("lmtp-secret", topology.lmtp.secret_name, CERTIFICATE_KEYS, _WORLD_READABLE))
    return volumes


def tls_volumes(topology: Topology) -> list[Json]:
    """The server's certificate as it is in the Secret, and the folder where the servers read it, if they do."""
    if not topology.tls:
        return []
    if topology.spec.tls is None:
        return empty("tls")
    return [*empty("tls"), _secret("tls-secret", topology.spec.tls.secret_name, CERTIFICATE_KEYS, _WORLD_READABLE)]


def _secret(volume: str, secret: str, keys: Iterable[str], mode: int) -> Object:
    items: list[Json] = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": secret, "items": items, "defaultMode": mode}}


def mount(volume: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> Object:
    entry: Object = {"name": volume, "mountPath": path}
    if sub_path is not None:
        entry["subPath"] = sub_path
    if read_only:
        entry["readOnly"] = True
    return entry


def postfix_mounts(topology: Topology) -> list[Json]:
    """Postfix's folders and files."""
    mounts: list[Json] = [mount("queue", POSTFIX_SPOOL), mount("data", POSTFIX_DATA)]
    if topology.is_one_pod:
        mounts.append(mount("private", POSTFIX_PRIVATE))
    return [*mounts, *_files("postfix-config", POSTFIX_CONFIG, postfix_files(topology))]


def postfix_secret_mounts(topology: Topology) -> list[Json]:
    """What the running Postfix reads beside."""
    mounts = tls_mounts(topology)
    if topology.spec.submission and topology.spec.submission.relay_credentials:
        mounts += [mount("relay-secret", RELAY_SECRET, read_only=True), mount("relay", RELAY_FOLDER)]
    return mounts


def dovecot_mounts(topology: Topology) -> list[Json]:
    """Dovecot's folders and files; of Postfix's only private/, where its socket stands."""
    mounts: list[Json] = [mount("private", POSTFIX_PRIVATE)] if topology.is_one_pod else []
    mounts += [
        mount("mail", MAIL_ROOT),
        mount("run-dovecot", "/run/dovecot"),
        mount("lib-dovecot", "/var/lib/dovecot"),
        mount("tmp", "/tmp"),  # noqa: S108 - an emptyDir of this pod
        *topology.spec.users.source.mounts(),
    ]
    return [*mounts, *dovecot_file_mounts(topology)]


def dovecot_file_mounts(topology: Topology) -> list[Json]:
    """What doveconf reads: the accounts that `names` wrote, the certificates, the files of /etc/dovecot."""
    return [
        mount("ids", "/etc/passwd", read_only=True, sub_path="passwd"),
        mount("ids", "/etc/group", read_only=True, sub_path="group"),
        *tls_mounts(topology),
        *_files("dovecot-config", DOVECOT_FOLDER, dovecot_files(topology)),
    ]


def tls_mounts(topology: Topology) -> list[Json]:
    """Where a server reads certificates, if it does."""
    return [mount("tls", TLS_FOLDER, read_only=True)] if topology.tls else []


def _files(volume: str, folder: str, files: Iterable[str]) -> list[Json]:
    """File by file: a folder over the image's own would hide what else is in it, such as dynamicmaps.cf, and a
    file mounted so never changes in a running pod."""
    return [mount(volume, f"{folder}/{name}", read_only=True, sub_path=name) for name in files]
