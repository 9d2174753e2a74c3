"""Postfix in its pod: the container that prepares its folders, the server, its volumes and files."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from mailstack_operator.api.servers import POSTFIX_RESOURCES
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import certificate, certificates, containers, roles, script
from mailstack_operator.stack.aliases import Aliases, domains
from mailstack_operator.stack.certificate import Certificate
from mailstack_operator.stack.component import Asked, Claim, Component, Files
from mailstack_operator.stack.containers import ROOT_READABLE, mount
from mailstack_operator.stack.needs import RELAY_KEYS
from mailstack_operator.stack.paths import (
    ALIAS_TARGETS,
    FILTER_FOLDER,
    IDS_FOLDER,
    LMTP_CA_FILE,
    LMTP_CA_PUBLIC_FILE,
    POSTFIX_CONFIG,
    POSTFIX_DATA,
    POSTFIX_DEFAULTS,
    POSTFIX_FILES,
    POSTFIX_PREPARED,
    POSTFIX_PRIVATE,
    POSTFIX_SPOOL,
    RELAY_FILE,
    RELAY_FOLDER,
    RELAY_SECRET,
    TLS_FILE,
    TLS_FOLDER,
    VERIFY_CACHE_FILE,
)
from mailstack_operator.stack.ports import SUBMISSION_PORT, SUBMISSIONS_PORT, Port
from mailstack_operator.stack.postfix import (
    alias_owners,
    alias_targets,
    aliases,
    dovecot_clients,
    main_cf,
    master_cf,
    own_senders,
    sender_login,
    tables,
    virtual,
)
from mailstack_operator.stack.rspamd import rspamd_conf
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import (
    IDS_FILE,
    PROBE_SETTINGS,
    SMTP_PORT,
    VERIFICATION_PORT,
    ProbeOptions,
    ProbeSettings,
)

# Postfix's own default_process_limit.
_PROCESS_LIMIT = 100

# For Debian's script of `postfix check`: nothing is copied into the queue's volume for a chroot, which no service has.
# A full volume could not take it, and Postfix would not start.
_DEFAULTS = "SYNC_CHROOT=\n"

# For the scripts that run in the server's container.
_ENVIRONMENT = {
    "SPOOL": POSTFIX_SPOOL,
    "DATA": POSTFIX_DATA,
    "CONFIG": POSTFIX_FILES,
    "ETC": POSTFIX_CONFIG,
    "TLS": TLS_FOLDER,
    "TLS_FILE": TLS_FILE,
    "LMTP_CA_FILE": LMTP_CA_FILE,
    "RELAY_SECRET": RELAY_SECRET,
    "RELAY_FILE": RELAY_FILE,
}


def build(topology: Topology) -> Component:
    """Its StatefulSet has the same name and claims with both kinds of link, so that the queue survives a change."""
    storage = topology.spec.postfix.storage
    return Component(
        "postfix",
        init=(_spool(topology),),
        main=_server(topology),
        volumes=tuple(_volumes(topology)),
        claims=(
            Claim("queue", storage.queue_size, storage.storage_class_name),
            Claim("data", storage.data_size, storage.storage_class_name),
        ),
        files=files(topology),
        restarts_for=partial(main_cf.restarts_for, topology),
        ports=tuple(topology.postfix_ports),
        certificates=tuple(_certificates(topology)),
        asked=_asked(topology),
        replicas=topology.spec.postfix.replicas,
    )


def files(topology: Topology) -> Files:
    """The files of /etc/postfix; `defaults`, which is mounted elsewhere; and what others in the pods follow."""
    found: dict[str, Callable[[], str]] = {
        "main.cf": partial(main_cf.render, topology),
        "master.cf": partial(master_cf.render, topology),
        "defaults": partial(str, _DEFAULTS),
        PROBE_SETTINGS: partial(_probe_settings, topology),
        # Also without aliases: the first and the last of them replace no pod.
        "alias_targets": partial(alias_targets.render, topology.spec, topology.aliases),
    }
    if named := tables.render(topology.spec.postfix.parameters):
        # For the scripts, which look whether they can be opened.
        found["tables"] = partial(str, named)
    if topology.spec.delivery.recipients == "Local":
        found["aliases"] = partial(aliases.render, topology)
    if topology.aliases:
        found["virtual"] = partial(virtual.render, topology.aliases)
    if roles.is_mailbox_here(topology.spec):
        # For Dovecot, which reads it again by itself.
        found["roles"] = partial(roles.passwd_file, topology.spec)
    if topology.spec.submission:
        found |= _sender_tables(topology.aliases)
    if topology.refuses_own_senders:
        found["own_senders.regexp"] = partial(own_senders.render, domains(topology.spec))
    if topology.spec.filter:
        # For the filter, which reloads them.
        found[rspamd_conf.MAIN] = rspamd_conf.render_main
        found[rspamd_conf.OVERRIDE] = partial(rspamd_conf.render, topology, topology.spec.filter)
    if topology.outgoing and topology.outgoing.clients:
        found["dovecot_clients.regexp"] = partial(dovecot_clients.render, topology.outgoing.clients)
    return found


def _sender_tables(aliases: Aliases) -> dict[str, Callable[[], str]]:
    """Who may send as whom."""
    found: dict[str, Callable[[], str]] = {"sender_login.regexp": partial(sender_login.render, aliases)}
    if aliases:
        found["sender_key.regexp"] = partial(sender_login.render_key, aliases)
        found["alias_owners"] = partial(alias_owners.render, aliases)
    if aliases.domains:
        found["sender_domain_key.regexp"] = partial(sender_login.render_domain_key, aliases)
    return found


def _spool(topology: Topology) -> Object:
    """Makes Postfix's folders its own, notes the ids of its image, and lets Postfix check its files."""
    rootless_socket = topology.rootless is not None and topology.lmtp.needs_postfix_ids
    environment = {
        "SPOOL": POSTFIX_SPOOL,
        "PRIVATE": POSTFIX_PRIVATE,
        "DATA": POSTFIX_DATA,
        "IDS": IDS_FOLDER,
        "CONFIG": POSTFIX_FILES,
        "ETC": POSTFIX_PREPARED,
        **({"ROOTLESS_UID": str(topology.rootless)} if rootless_socket else {}),
    }
    return {
        **containers.container("spool", topology.postfix_image),
        "command": script.command("postfix/scripts/spool.sh"),
        **containers.environment(environment),
        "resources": _resources(topology),
        "securityContext": containers.capabilities("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
        "volumeMounts": [*_mounts(topology), mount("etc", POSTFIX_PREPARED), mount("ids", IDS_FOLDER)],
    }


def _server(topology: Topology) -> Object:
    """Postfix in the foreground; before it stops it finishes what is in delivery."""
    return {
        **containers.container("postfix", topology.postfix_image),
        "command": script.command("postfix/scripts/start.sh"),
        **_environment(topology),
        "ports": containers.ports(_ports(topology)),
        "startupProbe": containers.listens_probe("smtp"),
        "livenessProbe": {
            "exec": {"command": script.command("postfix/scripts/cache_readable.sh")},
            "periodSeconds": 20,
            "timeoutSeconds": 10,
            "failureThreshold": 2,
        },
        "lifecycle": {"preStop": {"exec": {"command": script.command("postfix/scripts/drain.sh")}}},
        "resources": _resources(topology),
        "securityContext": containers.capabilities("DAC_OVERRIDE", "SETUID", "SETGID", "NET_BIND_SERVICE"),
        "volumeMounts": [*_mounts(topology), mount("etc", POSTFIX_CONFIG), *_secret_mounts(topology)],
    }


def _environment(topology: Topology) -> Object:
    """And the digest of what the pod is, which its annotation says: files for another pod it does not take."""
    given = _ENVIRONMENT | {"SERVE_SECONDS": str(topology.lmtp.serve_seconds)}
    digest = containers.from_field("POD_DIGEST", f"metadata.annotations['{names.ANNOTATION_CONFIG_DIGEST}']")
    return containers.environment(given, digest, *containers.WHERE)


def _resources(topology: Topology) -> Object:
    return containers.resources(topology.spec.postfix.resources, POSTFIX_RESOURCES)


def _ports(topology: Topology) -> list[Port]:
    served = topology.postfix_ports
    return [*served, *topology.proxied(served), *_outgoing_port(topology)]


def _outgoing_port(topology: Topology) -> list[Port]:
    return [topology.outgoing.port] if topology.outgoing and topology.outgoing.port else []


def _volumes(topology: Topology) -> Iterator[Object]:
    yield from topology.lmtp.volumes
    yield containers.empty("etc")
    yield containers.empty("ids")
    if secret := _relay_secret(topology):
        yield containers.secret("relay-secret", secret, RELAY_KEYS, ROOT_READABLE)
        yield containers.empty("relay")


def _mounts(topology: Topology) -> list[Json]:
    """Postfix's folders and files. The ConfigMap is mounted as a folder, so that it changes in a running pod."""
    return [
        mount("queue", POSTFIX_SPOOL),
        mount("data", POSTFIX_DATA),
        *topology.lmtp.mounts(),
        mount("postfix-config", POSTFIX_FILES, read_only=True),
        mount("postfix-config", POSTFIX_DEFAULTS, read_only=True, sub_path="defaults"),
    ]


def _secret_mounts(topology: Topology) -> Iterator[Json]:
    if topology.tls:
        yield certificates.mounted()
    if topology.spec.filter:
        yield mount("filter", FILTER_FOLDER, read_only=True)
    if _relay_secret(topology):
        yield mount("relay-secret", RELAY_SECRET, read_only=True)
        yield mount("relay", RELAY_FOLDER)


def _relay_secret(topology: Topology) -> str | None:
    submission = topology.spec.submission
    return submission.relay_credentials.secret_name if submission and submission.relay_credentials else None


def _certificates(topology: Topology) -> Iterator[Certificate]:
    if topology.spec.tls:
        yield certificate.of_server(topology.spec.tls.secret_name)
    if topology.lmtp.secret_name:
        yield certificate.of_lmtp_authority(topology.lmtp.secret_name)


def _asked(topology: Topology) -> Asked:
    """Dovecot is asked where Postfix reaches it."""
    return Asked(
        partial(_options, topology),
        mounts=(
            mount("ids", IDS_FOLDER, read_only=True),
            mount("queue", POSTFIX_SPOOL, read_only=True),
            mount("data", POSTFIX_DATA, read_only=True),
            mount("etc", POSTFIX_CONFIG, read_only=True),
            *topology.lmtp.mounts(read_only=True),
        ),
        as_root=True,
    )


def _options(topology: Topology, options: ProbeOptions) -> ProbeOptions:
    return replace(
        options,
        lmtp=topology.lmtp.address,
        lmtp_ca=LMTP_CA_PUBLIC_FILE if topology.lmtp.tls else None,
        smtp=SMTP_PORT,
        verification=VERIFICATION_PORT,
        verify_map=VERIFY_CACHE_FILE,
        ids=IDS_FILE,
        queue=POSTFIX_SPOOL,
        postfix=POSTFIX_CONFIG,
        alias_targets=ALIAS_TARGETS,
        submission=SUBMISSION_PORT if topology.spec.submission else None,
        submissions=SUBMISSIONS_PORT if topology.spec.submission else None,
    )


def _probe_settings(topology: Topology) -> str:
    """What the probe must know of the files beside it: an option a line."""
    settings = ProbeSettings(
        domain=tuple(topology.spec.domains),
        expect=expected_reply(topology),
        message_size=topology.message_size_limit,
        smtp_connections=connections(topology),
    )
    return "".join(f"{option}\n" for option in settings.to_arguments())


def connections(topology: Topology) -> int:
    """Connections that Postfix serves at once on a port, each with a process: postconf(5), default_process_limit."""
    given = topology.spec.postfix.parameters.get("default_process_limit", "")
    return int(given) if given.isdecimal() and int(given) else _PROCESS_LIMIT


def expected_reply(topology: Topology) -> int:
    """Postfix's reply code for a non-existent recipient."""
    verification = topology.spec.verification
    return verification.reject_code if verification.enabled else 250
