"""The ConfigMaps that hold the servers' configuration files."""

from mailstack_operator import names
from mailstack_operator.desired import metadata
from mailstack_operator.objects import Json, Object
from mailstack_operator.render import aliases, dovecot_conf, main_cf, master_cf, sender_login
from mailstack_operator.topology import Topology


def postfix(topology: Topology) -> Object:
    return _config_map(topology, names.postfix_config(topology.stack.key.name), postfix_files(topology))


def dovecot(topology: Topology) -> Object:
    return _config_map(topology, names.dovecot_config(topology.stack.key.name), dovecot_files(topology))


def rehearsed(topology: Topology) -> list[Object]:
    """The same files for the pod that tries them, while the running pods keep theirs."""
    stack = topology.stack.key.name
    return [
        _config_map(topology, names.postfix_config(names.rehearsal(stack)), postfix_files(topology)),
        _config_map(topology, names.dovecot_config(names.rehearsal(stack)), dovecot_files(topology)),
    ]


def postfix_files(topology: Topology) -> dict[str, Json]:
    """Each file's name in /etc/postfix, and its text."""
    files: dict[str, Json] = {"main.cf": main_cf.render(topology), "master.cf": master_cf.render(topology)}
    if topology.spec.delivery.recipients == "Local":
        files["aliases"] = aliases.render(topology)
    if topology.spec.submission:
        files["sender_login.regexp"] = sender_login.render()
    return files


def dovecot_files(topology: Topology) -> dict[str, Json]:
    """Each file's name in /etc/dovecot, and its text."""
    sources = topology.sources
    files: dict[str, Json] = {"dovecot.conf": dovecot_conf.render(topology)}
    optional = {
        "extra.conf": topology.spec.dovecot.extra_config,
        "before.sieve": sources.sieve_before,
        "after.sieve": sources.sieve_after,
    }
    return {**files, **{name: content for name, content in optional.items() if content}}


def _config_map(topology: Topology, name: str, files: dict[str, Json]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata.child(topology.stack, name),
        "data": files,
    }
