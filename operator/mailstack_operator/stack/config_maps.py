"""The ConfigMaps that hold the servers' configuration files."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.postfix import aliases, main_cf, master_cf, sender_login
from mailstack_operator.stack.topology import Topology

# Each file's name, and what renders it: a mount needs the name alone.
Files: TypeAlias = dict[str, Callable[[], str]]


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


def postfix_files(topology: Topology) -> Files:
    """The files of /etc/postfix."""
    files: Files = {"main.cf": partial(main_cf.render, topology), "master.cf": partial(master_cf.render, topology)}
    if topology.spec.delivery.recipients == "Local":
        files["aliases"] = partial(aliases.render, topology)
    if topology.spec.submission:
        files["sender_login.regexp"] = sender_login.render
    return files


def dovecot_files(topology: Topology) -> Files:
    """The files of /etc/dovecot."""
    sources = topology.sources
    files: Files = {"dovecot.conf": partial(dovecot_conf.render, topology)}
    optional = {
        "extra.conf": topology.spec.dovecot.extra_config,
        "before.sieve": sources.sieve_before,
        "after.sieve": sources.sieve_after,
    }
    return {**files, **{name: partial(str, content) for name, content in optional.items() if content}}


def _config_map(topology: Topology, name: str, files: Files) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_meta.child(topology.stack, name),
        "data": {file: render() for file, render in files.items()},
    }
