"""Dovecot in its pod: the containers that prepare its accounts and users, the server, its volumes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mailstack_operator.api.servers import DOVECOT_RESOURCES
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import (
    certificate,
    certificates,
    containers,
    credentials,
    object_meta,
    roles,
    script,
    users_file,
)
from mailstack_operator.stack.certificate import Certificate
from mailstack_operator.stack.component import Asked, Component, Files
from mailstack_operator.stack.containers import mount
from mailstack_operator.stack.dovecot import dovecot_conf, junk_sieve, services
from mailstack_operator.stack.paths import (
    CHECK_FOLDER,
    CHECK_WARNINGS,
    DOVECOT_CONFIG,
    DOVECOT_FOLDER,
    DOVECOT_KERNEL,
    IDS_FOLDER,
    LMTP_TLS_FILE,
    MAIL_ROOT,
    ROLES_FOLDER,
    SIEVE_AFTER,
    SIEVE_BEFORE,
    SIEVE_BINARIES,
    TLS_FILE,
    TLS_FOLDER,
    TMP,
)
from mailstack_operator.stack.ports import Port
from mailstack_operator.stack.topology import ROOTLESS_USER, Topology
from mailstack_operator.stack.users import oauth2
from mailstack_operator.stack.users.source import Additions, Canaries
from mailstack_probe.contract import SOURCE_ANSWERS, ProbeOptions


def build(topology: Topology) -> Component:
    """Beside Postfix it starts before Postfix and outlives it; elsewhere it has a pod of its own."""
    return Component(
        "dovecot",
        init=(
            _names(topology),
            *_users(topology).init,
            *users_file.containers_of(topology),
            *credentials.containers_of(topology),
        ),
        main=_server(topology),
        volumes=tuple(_volumes(topology)),
        files=files(topology),
        follows={"roles": ("roles",)} if roles.is_mailbox_here(topology.spec) else {},
        ports=tuple(topology.mail_ports),
        certificates=tuple(_certificates(topology)),
        asked=_asked(topology),
        objects=(_mail_claim(topology),),
        beside=topology.lmtp.dovecot_beside,
        sysctls=_users(topology).sysctls,
    )


def files(topology: Topology) -> Files:
    """The files of /etc/dovecot."""
    sources = topology.sources
    optional = {
        "extra.conf": topology.spec.dovecot.extra_config,
        "before.sieve": sources.sieve_before,
        "after.sieve": sources.sieve_after,
    }
    written = {name: content for name, content in optional.items() if content} | {**_users(topology).files}
    texts = {name: partial(str, content) for name, content in written.items()}
    junk = {"junk.sieve": partial(junk_sieve.render, topology.spec)} if topology.spec.filter else {}
    return {"dovecot.conf": partial(dovecot_conf.render, topology), **texts, **junk}


def _users(topology: Topology) -> Additions:
    return oauth2.additions(topology.spec)


def _names(topology: Topology) -> Object:
    """Writes account files for the Dovecot container in which `postfix` has the Postfix image's ids."""
    environment = {
        "DOVECOT_VERSION": topology.spec.dovecot.version,
        "STORE": MAIL_ROOT,
        "IDS": IDS_FOLDER,
        "MAIL_OWNER": str(topology.mail_owner),
        **_accounts(topology),
    }
    return {
        **containers.container("names", topology.dovecot_image),
        "command": script.command("dovecot/scripts/names.sh"),
        **containers.environment(environment),
        "resources": _resources(topology),
        "securityContext": containers.capabilities("CHOWN", "DAC_OVERRIDE", "FOWNER"),
        "volumeMounts": [mount("ids", IDS_FOLDER), mount("mail", MAIL_ROOT)],
    }


def _server(topology: Topology) -> Object:
    """It has its files checked before it starts, with the accounts that it will have."""
    environment = {
        "CONFIG": DOVECOT_CONFIG,
        "WARNINGS": CHECK_WARNINGS,
        "SIEVE_BEFORE": SIEVE_BEFORE,
        "SIEVE_AFTER": SIEVE_AFTER,
        "KERNEL_CONFIG": DOVECOT_KERNEL,
        "STORE": MAIL_ROOT,
        "FILES": str(services.connections_of_a_helper(topology)),
        "SIEVE_BINARIES": SIEVE_BINARIES,
        "MAIL_OWNER": str(topology.mail_owner),
        "TLS": TLS_FOLDER,
        "TLS_FILE": TLS_FILE,
        "LMTP_TLS_FILE": LMTP_TLS_FILE,
        **({"CREDENTIALS": " ".join(one.folder for one in found)} if (found := _users(topology).credentials) else {}),
        **({"SOURCE_ANSWERS": SOURCE_ANSWERS} if topology.spec.users.source.backs_off(topology.spec) else {}),
        **({"LMTP_PORT": str(port.container)} if (port := topology.lmtp.port) else {}),
    }
    return {
        **containers.container("dovecot", topology.dovecot_image),
        "command": script.command("dovecot/scripts/start.sh"),
        **containers.environment(environment, *containers.WHERE),
        "ports": containers.ports(_ports(topology)),
        "startupProbe": containers.listens_probe("imap"),
        **_drain(topology),
        "resources": _resources(topology),
        "securityContext": _security(topology),
        "volumeMounts": _mounts(topology),
    }


def _ports(topology: Topology) -> list[Port]:
    served = topology.mail_ports
    return [*served, *topology.proxied(served), *topology.link_ports]


def _drain(topology: Topology) -> Object:
    """Beside Postfix it outlives Postfix, which drains itself."""
    if topology.lmtp.dovecot_beside:
        return {}
    return {"lifecycle": {"preStop": {"exec": {"command": script.command("dovecot/scripts/drain.sh")}}}}


def _resources(topology: Topology) -> Object:
    return containers.resources(topology.spec.dovecot.resources, DOVECOT_RESOURCES)


def _accounts(topology: Topology) -> dict[str, str]:
    """What names.sh puts into the account files beside those of the image."""
    if topology.rootless is not None:
        return {"ROOTLESS_USER": ROOTLESS_USER}
    return {"POSTFIX_IDS": "1"} if topology.lmtp.needs_postfix_ids else {}


def _security(topology: Topology) -> Object:
    if topology.rootless is not None:
        return containers.ordinary_user(topology.rootless)
    return containers.capabilities(
        "CHOWN", "DAC_OVERRIDE", "KILL", "SETUID", "SETGID", "SYS_CHROOT", "NET_BIND_SERVICE"
    )


def _volumes(topology: Topology) -> Iterator[Object]:
    yield {"name": "mail", "persistentVolumeClaim": {"claimName": names.mail_claim(topology.stack.key.name)}}
    yield from map(containers.empty, ("ids", "run-dovecot", "lib-dovecot", "tmp", "check"))
    yield from _users(topology).volumes


def _mounts(topology: Topology) -> list[Json]:
    """Dovecot's folders and files; of Postfix's only private/, where its sockets are."""
    return [
        *topology.lmtp.mounts(),
        mount("mail", MAIL_ROOT),
        mount("run-dovecot", "/run/dovecot"),
        mount("lib-dovecot", "/var/lib/dovecot"),
        mount("tmp", TMP),
        mount("check", CHECK_FOLDER),
        *_users(topology).mounts,
        *([mount("roles", ROLES_FOLDER, read_only=True)] if roles.is_mailbox_here(topology.spec) else []),
        *_file_mounts(topology),
    ]


def _file_mounts(topology: Topology) -> list[Json]:
    """What doveconf reads: the accounts that `names` wrote, the certificates, the files of /etc/dovecot."""
    tls = [certificates.mounted()] if topology.tls else []
    return [
        mount("ids", "/etc/passwd", read_only=True, sub_path="passwd"),
        mount("ids", "/etc/group", read_only=True, sub_path="group"),
        *tls,
        *_users(topology).config_mounts,
        *containers.file_mounts("dovecot-config", DOVECOT_FOLDER, files(topology)),
    ]


def _certificates(topology: Topology) -> Iterator[Certificate]:
    if topology.spec.tls:
        yield certificate.of_server(topology.spec.tls.secret_name)
    if topology.lmtp.secret_name:
        yield certificate.of_lmtp(topology.lmtp.secret_name)


def _asked(topology: Topology) -> Asked:
    canaries = topology.spec.users.source.canaries(topology.spec)
    return Asked(
        partial(_options, topology, canaries),
        mounts=(
            *canaries.mounts,
            mount("mail", MAIL_ROOT),
            mount("check", CHECK_FOLDER, read_only=True),
        ),
    )


def _options(topology: Topology, canaries: Canaries, options: ProbeOptions) -> ProbeOptions:
    return replace(
        options,
        users=canaries.file,
        canary=canaries.address,
        postmaster=roles.mailbox(topology.spec, topology.aliases),
        errors=canaries.errors,
        user_list=canaries.users,
        store=MAIL_ROOT,
        group=topology.mail_owner,
        connections=topology.spec.dovecot.connections,
        dovecot_warnings=CHECK_WARNINGS,
        imap=topology.imap.container,
        imaps=topology.imaps.container if topology.imaps else None,
        sieve=topology.sieve.container if topology.sieve else None,
        tokens=int(oauth2.has_introspection(topology.spec)),
    )


def _mail_claim(topology: Topology) -> Object:
    """The claim of the mail. It is no StatefulSet's own, so that Dovecot can move between pods with its mail, and
    it has no owner, so that the mail outlives the MailStack."""
    stack, storage = topology.stack, topology.spec.dovecot.storage
    spec = object_meta.claim_spec(storage.mail_size, storage.storage_class_name)
    return object_meta.claim(stack, names.mail_claim(stack.key.name), names.labels(stack.key.name), spec)
