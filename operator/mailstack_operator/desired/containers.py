"""The containers of the mail pod, each with the least that it runs with.

The capabilities were found by taking one away at a time; docs/architecture.md tells what breaks without
each.
"""

from mailstack_operator.api.spec import ResourceAmounts, Resources
from mailstack_operator.desired import scripts
from mailstack_operator.desired.volumes import IDS_FOLDER, dovecot_mounts, mount, postfix_mounts
from mailstack_operator.objects import Json, Object
from mailstack_operator.topology import DOVECOT_CONFIG, IMAP_PORT, MAIL_ROOT, SMTP_PORT, Topology


def spool(topology: Topology) -> Object:
    """Makes Postfix's folders its own and notes the ids of its image."""
    return {
        **_container("spool", topology.stack.spec.postfix.image),
        "command": _shell(scripts.SPOOL),
        "securityContext": _security("CHOWN", "DAC_OVERRIDE", "FOWNER"),
        "volumeMounts": [*postfix_mounts(), mount("ids", IDS_FOLDER)],
    }


def account_names(topology: Topology) -> Object:
    """Writes account files for the Dovecot container in which `postfix` has the Postfix image's ids."""
    return {
        **_container("names", topology.stack.spec.dovecot.image),
        "command": _shell(scripts.NAMES),
        "securityContext": _security("CHOWN", "FOWNER"),
        "volumeMounts": [mount("ids", IDS_FOLDER), mount("mail", MAIL_ROOT)],
    }


def dovecot(topology: Topology) -> Object:
    """Dovecot as a native sidecar: it starts before Postfix and outlives it."""
    return {
        **_container("dovecot", topology.stack.spec.dovecot.image),
        "restartPolicy": "Always",
        "command": ["dovecot", "-F", "-c", DOVECOT_CONFIG],
        "ports": [{"name": "imap", "containerPort": IMAP_PORT, "protocol": "TCP"}],
        "startupProbe": _started("imap"),
        "resources": _resources(topology.stack.spec.dovecot.resources),
        "securityContext": _security(
            "CHOWN", "DAC_OVERRIDE", "KILL", "SETUID", "SETGID", "SYS_CHROOT", "NET_BIND_SERVICE"
        ),
        "volumeMounts": dovecot_mounts(),
    }


def postfix(topology: Topology) -> Object:
    """Postfix in the foreground; before it stops it finishes what is in delivery."""
    return {
        **_container("postfix", topology.stack.spec.postfix.image),
        "command": ["postfix", "start-fg"],
        "ports": [{"name": "smtp", "containerPort": SMTP_PORT, "protocol": "TCP"}],
        "startupProbe": _started("smtp"),
        "lifecycle": {"preStop": {"exec": {"command": _shell(scripts.DRAIN)}}},
        "resources": _resources(topology.stack.spec.postfix.resources),
        "securityContext": _security("DAC_OVERRIDE", "SETUID", "SETGID", "NET_BIND_SERVICE"),
        "volumeMounts": postfix_mounts(),
    }


def _container(name: str, image: str) -> Object:
    # A container that fails leaves its last log lines in the pod's status, where the operator reads them.
    return {"name": name, "image": image, "terminationMessagePolicy": "FallbackToLogsOnError"}


def _shell(script: str) -> list[Json]:
    return ["/bin/sh", "-euc", script]


def _started(port: str) -> Object:
    """The server listens within a minute; looked at each second, and never again once it does."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60}


def _security(*capabilities: str) -> Object:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": list(capabilities)},
    }


def _resources(resources: Resources) -> Object:
    amounts = {"requests": _amounts(resources.requests), "limits": _amounts(resources.limits)}
    return {name: amount for name, amount in amounts.items() if amount}


def _amounts(amounts: ResourceAmounts) -> Object:
    return amounts.model_dump(exclude_none=True)
