"""The ConfigMaps that hold the servers' configuration files."""

from mailstack_operator import names
from mailstack_operator.desired import metadata
from mailstack_operator.objects import Json, Object
from mailstack_operator.render import dovecot_conf, main_cf, master_cf
from mailstack_operator.topology import Topology


def postfix(topology: Topology) -> Object:
    files: dict[str, Json] = {"main.cf": main_cf.render(topology), "master.cf": master_cf.render()}
    return _config_map(topology, names.postfix_config(topology.stack.key.name), files)


def dovecot(topology: Topology) -> Object:
    files: dict[str, Json] = {"dovecot.conf": dovecot_conf.render(topology)}
    return _config_map(topology, names.dovecot_config(topology.stack.key.name), files)


def _config_map(topology: Topology, name: str, files: dict[str, Json]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata.child(topology.stack, name),
        "data": files,
    }
