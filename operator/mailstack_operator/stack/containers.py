"""The containers of the mail pods, each with the least that it runs with.

The capabilities were found by taking one away at a time; docs/architecture.md tells what breaks without
each.
"""

from mailstack_operator.api.servers import ResourceAmounts, Resources
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import programs
from mailstack_operator.stack.dovecot import scripts as dovecot_scripts
from mailstack_operator.stack.paths import (
    IDS_FOLDER,
    LMTP_CA_SECRET,
    LMTP_SECRET,
    LOGS_FOLDER,
    MAIL_ROOT,
    POSTFIX_DATA,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
    TLS_FOLDER,
    TLS_SECRET,
)
from mailstack_operator.stack.ports import Port
from mailstack_operator.stack.postfix import scripts as postfix_scripts
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.volumes import (
    dovecot_file_mounts,
    dovecot_mounts,
    mount,
    postfix_mounts,
    postfix_secret_mounts,
)
from mailstack_probe.contract import POD_NAME, POD_UID, PROBE_PORT, TOKEN_FOLDER

# Any user but root will do; a rootless Dovecot reads the certificate as its own.
_SIDECAR_USER = 65532


def spool(topology: Topology) -> Object:
    """Makes Postfix's folders its own, notes the ids of its image, and lets Postfix check its files."""
    rootless_socket = topology.rootless is not None and topology.is_one_pod
    environment = {"ROOTLESS_UID": str(topology.rootless)} if rootless_socket else {}
    return {
        **_container("spool", topology.spec.postfix.image),
        "command": _shell(postfix_scripts.SPOOL),
        **_environment(environment),
        "securityContext": _security("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
        "volumeMounts": [*postfix_mounts(topology), mount("ids", IDS_FOLDER)],
    }


def account_names(topology: Topology) -> Object:
    """Writes account files for the Dovecot container in which `postfix` has the Postfix image's ids."""
    return {
        **_container("names", topology.spec.dovecot.image_reference),
        "command": _shell(dovecot_scripts.NAMES),
        **_environment(_dovecot_environment(topology)),
        "securityContext": _security("CHOWN", "DAC_OVERRIDE", "FOWNER"),
        "volumeMounts": [mount("ids", IDS_FOLDER), mount("mail", MAIL_ROOT)],
    }


def dovecot_check(topology: Topology) -> Object:
    """Lets Dovecot check its files, as the account that it will run as."""
    return {
        **_container("check", topology.spec.dovecot.image_reference),
        "command": _shell(dovecot_scripts.CHECK),
        **_environment(_dovecot_environment(topology)),
        "securityContext": _dovecot_security(topology),
        "volumeMounts": [
            mount("tmp", "/tmp"),  # noqa: S108 - an emptyDir of this pod
            *dovecot_file_mounts(topology),
        ],
    }


def _dovecot_environment(topology: Topology) -> dict[str, str]:
    environment = {"DOVECOT_VERSION": topology.spec.dovecot.version, "MAIL_OWNER": str(topology.mail_owner)}
    if topology.rootless is not None:
        environment["ROOTLESS"] = "1"
    elif topology.is_one_pod:
        environment["POSTFIX_IDS"] = "1"
    return environment


def certificates(topology: Topology, *, postfix: bool, dovecot: bool) -> Object:
    """Hands the servers their certificates, and renewed ones only when they are good: mailstack_probe.certificates."""
    options = programs.certificates(topology, postfix=postfix, dovecot=dovecot)
    mounts: list[Json] = [mount("tls", TLS_FOLDER)]
    if topology.spec.tls:
        mounts.append(mount("tls-secret", TLS_SECRET, read_only=True))
    if topology.lmtp.tls and dovecot:
        mounts.append(mount("lmtp-secret", LMTP_SECRET, read_only=True))
    if topology.lmtp.tls and postfix:
        mounts.append(mount("lmtp-ca", LMTP_CA_SECRET, read_only=True))
    return {
        **_container("certificates", topology.operator_image),
        "restartPolicy": "Always",
        "command": ["python3", "-m", options.program],
        "args": [*options.to_arguments()],
        "startupProbe": {
            **_there([copy.target for copy in (*options.pair, *options.ca)]),
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "securityContext": _ordinary_user(topology.rootless or _SIDECAR_USER),
        "volumeMounts": mounts,
    }


def dovecot(topology: Topology) -> Object:
    return {
        **_container("dovecot", topology.spec.dovecot.image_reference),
        "command": _shell(dovecot_scripts.START),
        **_environment(_dovecot_environment(topology)),
        "ports": _ports([*topology.mail_ports, *topology.link_ports]),
        "startupProbe": _started("imap"),
        "resources": _resources(topology.spec.dovecot.resources),
        "securityContext": _dovecot_security(topology),
        "volumeMounts": dovecot_mounts(topology),
    }


def postfix(topology: Topology) -> Object:
    """Postfix in the foreground; before it stops it finishes what is in delivery."""
    return {
        **_container("postfix", topology.spec.postfix.image),
        "command": _shell(postfix_scripts.START),
        "ports": _ports(topology.postfix_ports),
        "startupProbe": _started("smtp"),
        "livenessProbe": {
            "exec": {"command": _shell(postfix_scripts.CACHE_READABLE)},
            "periodSeconds": 20,
            "timeoutSeconds": 10,
            "failureThreshold": 2,
        },
        "lifecycle": {"preStop": {"exec": {"command": _shell(postfix_scripts.DRAIN)}}},
        "resources": _resources(topology.spec.postfix.resources),
        "securityContext": _security("DAC_OVERRIDE", "SETUID", "SETGID", "NET_BIND_SERVICE"),
        "volumeMounts": [*postfix_mounts(topology), *postfix_secret_mounts(topology)],
    }


def probe(topology: Topology, *, postfix: bool, dovecot: bool) -> Object:
    """Asks the servers of its pod what mail clients ask, and reports: mailstack_probe."""
    options = programs.probe(topology, postfix=postfix, dovecot=dovecot)
    mounts: list[Json] = [mount("token", TOKEN_FOLDER, read_only=True)]
    if postfix:
        mounts += [
            mount("ids", IDS_FOLDER, read_only=True),
            mount("queue", POSTFIX_SPOOL, read_only=True),
            mount("data", POSTFIX_DATA, read_only=True),
        ]
        if topology.is_one_pod:
            mounts.append(mount("private", POSTFIX_PRIVATE, read_only=True))
    if topology.tls:
        mounts.append(mount("tls", TLS_FOLDER, read_only=True))
    if dovecot:
        mounts += [*topology.spec.users.source.probe_mounts(), mount("mail", MAIL_ROOT)]
    return {
        **_container("probe", topology.operator_image),
        "command": ["python3", "-m", options.program, *options.to_arguments()],
        "env": [_field(POD_NAME, "metadata.name"), _field(POD_UID, "metadata.uid")],
        "ports": [{"name": "metrics", "containerPort": PROBE_PORT, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "metrics"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": _probe_security(topology, postfix=postfix),
        "volumeMounts": mounts,
    }


def _probe_security(topology: Topology, *, postfix: bool) -> Object:
    """Beside Postfix it becomes the image's user postfix, whom alone Dovecot's socket lets in: that takes a root."""
    if postfix:
        return {**_security("SETGID", "SETUID"), "runAsUser": 0, "runAsGroup": 0}
    return _ordinary_user(_SIDECAR_USER, topology.mail_owner)


def _field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def rehearsal(topology: Topology) -> Object:
    """Asks the servers that stand beside it what another mail server and a mail program would ask."""
    options = programs.rehearsal(topology)
    return {
        **_container("rehearsal", topology.operator_image),
        "command": ["python3", "-m", options.program, *options.to_arguments()],
        "securityContext": _ordinary_user(_SIDECAR_USER),
        "volumeMounts": [mount("logs", LOGS_FOLDER, read_only=True)],
    }


def logged(container: Object) -> Object:
    """The container with what it prints in a file too, where the rehearsal reads it."""
    wrapped: list[Json] = [
        "/bin/sh",
        "-euc",
        _TEE,
        programs.log_file(str(container["name"])),
        *_list(container, "command"),
    ]
    mounts = [*_list(container, "volumeMounts"), mount("logs", LOGS_FOLDER)]
    return {**container, "command": wrapped, "volumeMounts": mounts}


# $0 is the log, the rest the command; it ends as the command does.
_TEE = """\
{ "$@" && status=0 || status=$?; echo "$status" > "$0.status"; } 2>&1 | tee "$0"
exit "$(cat "$0.status")"
"""


def _list(container: Object, name: str) -> list[Json]:
    value = container.get(name)
    return value if isinstance(value, list) else []


def sidecar(container: Object) -> Object:
    """The container as a native sidecar: it starts before those after it, and outlives them."""
    return {**container, "restartPolicy": "Always"}


def _container(name: str, image: str) -> Object:
    # A container that fails leaves its last log lines in the pod's status, where the operator reads them.
    return {"name": name, "image": image, "terminationMessagePolicy": "FallbackToLogsOnError"}


def _environment(values: dict[str, str]) -> Object:
    entries: list[Json] = [{"name": name, "value": value} for name, value in values.items()]
    return {"env": entries} if entries else {}


def _shell(script: str) -> list[Json]:
    return ["/bin/sh", "-euc", script]


def _ports(ports: list[Port]) -> list[Json]:
    return [{"name": port.name, "containerPort": port.container, "protocol": "TCP"} for port in ports]


def _started(port: str) -> Object:
    """The server listens within a minute; looked at each second, and never again once it does."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60}


def _there(files: list[str]) -> Object:
    return {"exec": {"command": _shell("".join(f"test -s {file}\n" for file in files))}}


def _dovecot_security(topology: Topology) -> Object:
    if topology.rootless is not None:
        return _ordinary_user(topology.rootless)
    return _security("CHOWN", "DAC_OVERRIDE", "KILL", "SETUID", "SETGID", "SYS_CHROOT", "NET_BIND_SERVICE")


def _ordinary_user(uid: int, gid: int | None = None) -> Object:
    """No capability and no root; the group is of the same number unless another is given."""
    return {**_security(), "runAsNonRoot": True, "runAsUser": uid, "runAsGroup": uid if gid is None else gid}


def _security(*capabilities: str) -> Object:
    dropped: Object = {"drop": ["ALL"]}
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {**dropped, "add": list(capabilities)} if capabilities else dropped,
    }


def _resources(resources: Resources) -> Object:
    amounts = {"requests": _amounts(resources.requests), "limits": _amounts(resources.limits)}
    return {name: amount for name, amount in amounts.items() if amount}


def _amounts(amounts: ResourceAmounts) -> Object:
    return amounts.model_dump(exclude_none=True)
