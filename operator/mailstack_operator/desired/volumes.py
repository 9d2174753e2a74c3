"""The pod's volumes, each named once, and where a container sees them."""

from mailstack_operator import names
from mailstack_operator.objects import Json, Object
from mailstack_operator.topology import (
    DOVECOT_CONFIG,
    MAIL_ROOT,
    POSTFIX_CONFIG,
    POSTFIX_DATA,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
    USERS_FILE,
    USERS_FOLDER,
    Topology,
)

IDS_FOLDER = "/run/mailstack/ids"

# Auth reads the users file as an unprivileged user; nothing else in the Dovecot container is unmapped.
_WORLD_READABLE = 0o444


def claims(topology: Topology) -> list[Json]:
    """The volume claims that outlive the pod: the queue, Postfix's data directory, the mail."""
    postfix, dovecot = topology.stack.spec.postfix.storage, topology.stack.spec.dovecot.storage
    return [
        _claim("queue", postfix.queue_size, postfix.storage_class_name),
        _claim("data", postfix.data_size, postfix.storage_class_name),
        _claim("mail", dovecot.mail_size, dovecot.storage_class_name),
    ]


def _claim(name: str, size: str, storage_class: str | None) -> Object:
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {"metadata": {"name": name}, "spec": spec}


def pod_volumes(topology: Topology) -> list[Json]:
    """The volumes that live with the pod."""
    stack, users = topology.stack.key.name, topology.stack.spec.users.passwd_file
    folders: list[Json] = [
        {"name": name, "emptyDir": {}} for name in ("private", "ids", "run-dovecot", "lib-dovecot", "tmp")
    ]
    return [
        *folders,
        {"name": "postfix-config", "configMap": {"name": names.postfix_config(stack)}},
        {"name": "dovecot-config", "configMap": {"name": names.dovecot_config(stack)}},
        {
            "name": "users",
            "secret": {
                "secretName": users.secret_name,
                # The pod waits for the key: without the file Dovecot would refuse everybody for good.
                "items": [{"key": users.key, "path": USERS_FILE.removeprefix(f"{USERS_FOLDER}/")}],
                "defaultMode": _WORLD_READABLE,
            },
        },
    ]


def mount(volume: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> Object:
    entry: Object = {"name": volume, "mountPath": path}
    if sub_path is not None:
        entry["subPath"] = sub_path
    if read_only:
        entry["readOnly"] = True
    return entry


def postfix_mounts() -> list[Json]:
    """Postfix's folders and files. File by file: a folder over /etc/postfix would hide dynamicmaps.cf."""
    return [
        mount("queue", POSTFIX_SPOOL),
        mount("private", POSTFIX_PRIVATE),
        mount("data", POSTFIX_DATA),
        mount("postfix-config", f"{POSTFIX_CONFIG}/main.cf", read_only=True, sub_path="main.cf"),
        mount("postfix-config", f"{POSTFIX_CONFIG}/master.cf", read_only=True, sub_path="master.cf"),
    ]


def dovecot_mounts() -> list[Json]:
    """Dovecot's folders and files; of Postfix's only private/, where its socket stands."""
    return [
        mount("private", POSTFIX_PRIVATE),
        mount("mail", MAIL_ROOT),
        mount("run-dovecot", "/run/dovecot"),
        mount("lib-dovecot", "/var/lib/dovecot"),
        mount("tmp", "/tmp"),  # noqa: S108 - an emptyDir of this pod
        mount("users", USERS_FOLDER, read_only=True),
        mount("dovecot-config", DOVECOT_CONFIG, read_only=True, sub_path="dovecot.conf"),
        mount("ids", "/etc/passwd", read_only=True, sub_path="passwd"),
        mount("ids", "/etc/group", read_only=True, sub_path="group"),
    ]
