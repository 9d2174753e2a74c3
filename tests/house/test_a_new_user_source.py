"""A source of users that exists in this file alone: nothing in the package names it, and pods and files show it."""

import json
from collections.abc import Iterator
from typing import ClassVar

import pytest
from pydantic import Field

from mailstack_operator.api.strings import SecretName
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack import children, references, topology
from mailstack_operator.stack.containers import container, mount, secret
from mailstack_operator.stack.needs import Need
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.schema import spec_schema
from mailstack_operator.stack.syntax import DovecotPart, Setting, block
from mailstack_operator.stack.users.ldap import Ldap
from mailstack_operator.stack.users.source import Additions, Canaries, Spec, UserSource
from mailstack_operator.stack.users.variants import VARIANTS, Variants
from tests.stacks import body

FOLDER = "/run/mailstack/directory"


class Directory(UserSource):
    """Users from a directory server, which Dovecot asks with a password."""

    tag: ClassVar[str] = "directory"
    description: ClassVar[str] = "A directory server."

    secret_name: SecretName = Field(description="Secret with the password.")

    def needs(self) -> list[Need]:
        return [Need("Secret", self.secret_name, ("password",), "the directory's password")]

    def additions(self, spec: Spec) -> Additions:
        return Additions(
            init=({**container("directory", "example.org/directory:1"), "volumeMounts": []},),
            volumes=(secret("directory", self.secret_name, ["password"], 0o400),),
            config_mounts=(mount("directory", FOLDER, read_only=True),),
            files={"directory.conf.ext": f"dnpass_file = {FOLDER}/password\n"},
        )

    def settings_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield block("userdb", driver="directory", args="/etc/dovecot/directory.conf.ext")

    def settings_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield block("userdb directory", Setting("directory_base", spec.domains[0]))

    def known_23(self, spec: Spec) -> Iterator[DovecotPart]:
        yield Setting("driver", "directory")

    def known_24(self, spec: Spec) -> Iterator[DovecotPart]:
        yield Setting("driver", "directory")

    def canaries(self, spec: Spec) -> Canaries:
        return Canaries()


class Elsewhere(Ldap):
    """Users from a server of another kind, which Dovecot asks with a password over TLS."""

    tag: ClassVar[str] = "elsewhere"


TABLE: Variants = (*VARIANTS, Directory)
LDAP: Object = {
    "uris": ["ldaps://directory.example.org"],
    "bindDn": "cn=dovecot",
    "base": "ou=people",
    "password": {"secretName": "a"},
    "tls": {"caSecretName": "b"},
}
USERS: dict[str, Json] = {"spec.users": {"directory": {"secretName": "directory-password"}}}


def plan(changes: dict[str, Json] | None = None) -> topology.Topology:
    return topology.decide(parse(body({**USERS, **(changes or {})}), TABLE))


def config(changes: dict[str, Json] | None = None) -> Object:
    """The files of /etc/dovecot."""
    maps = [child for child in children.children(plan(changes)) if child["kind"] == "ConfigMap"]
    (files,) = (section(found, "data") for found in maps if "dovecot.conf" in section(found, "data"))
    return dict(files)


@pytest.fixture
def pod() -> Object:
    (stateful_set,) = (child for child in children.children(plan()) if child["kind"] == "StatefulSet")
    return dict(section(stateful_set, "spec", "template", "spec"))


def container_of(pod: Object, name: str) -> Object:
    found = (*entries(pod, "initContainers"), *entries(pod, "containers"))
    return dict(next(container for container in found if container["name"] == name))


def test_it_has_a_field_of_the_api() -> None:
    users = section(spec_schema(TABLE), "properties", "users")
    assert section(users, "properties", "directory")["description"] == "A directory server."
    (rule,) = entries(users, "x-kubernetes-validations")
    assert "passwdFile, sql, ldap, directory" in text(rule, "message")


@pytest.mark.parametrize("users", [{}, {**section(body(), "spec", "users"), "directory": {"secretName": "b"}}])
def test_no_source_and_two_are_refused(users: Json) -> None:
    with pytest.raises(InvalidMailStack, match=r"spec\.users: .* exactly one of passwdFile, sql, ldap, directory"):
        parse(body({"spec.users": users}), TABLE)


def test_one_on_another_server_needs_a_canary() -> None:
    """Without one, an empty source could not be told from unknown recipients."""
    variants: Variants = (*VARIANTS, Elsewhere)
    users: Json = {"elsewhere": {**LDAP, "canary": "ops@example.net"}}
    with pytest.raises(InvalidMailStack, match=r"no canary: set users\.elsewhere\.canary"):
        parse(body({"spec.users": users}), variants)
    assert "self.users.elsewhere.canary" in json.dumps(spec_schema(variants))


def test_the_packages_own_table_does_not_know_it() -> None:
    with pytest.raises(InvalidMailStack, match=r"spec\.users\.directory"):
        parse(body(USERS))


def test_the_pods_wait_for_its_secret_and_for_no_users_file() -> None:
    wanted = [(need.name, need.keys) for need in references.needs(plan().spec)]
    assert wanted == [("directory-password", ("password",))]


def test_its_secret_is_a_volume_of_dovecot(pod: Object) -> None:
    assert secret("directory", "directory-password", ["password"], 0o400) in entries(pod, "volumes")
    assert mount("directory", FOLDER, read_only=True) in entries(container_of(pod, "dovecot"), "volumeMounts")
    assert "users" not in [volume["name"] for volume in entries(pod, "volumes")]


def test_its_container_runs_before_dovecot(pod: Object) -> None:
    names = [container["name"] for container in entries(pod, "initContainers")]
    assert names.index("directory") < names.index("dovecot")


def test_dovecot_asks_it_alone() -> None:
    written = text(config(), "dovecot.conf")
    assert "userdb directory {\n  directory_base = example.org\n}\n" in written
    assert "passdb" not in written
    assert written.count("passwd-file") == written.count("userdb roles") == 1


def test_dovecot_23_asks_it_alone() -> None:
    files = config({"spec.dovecot.version": "2.3"})
    assert "args = /etc/dovecot/directory.conf.ext\n" in text(files, "dovecot.conf")
    assert text(files, "dovecot.conf").count("args = /run/mailstack/roles/roles") == 1
    assert text(files, "directory.conf.ext") == f"dnpass_file = {FOLDER}/password\n"


def test_the_probe_has_no_canary(pod: Object) -> None:
    command = container_of(pod, "probe")["command"]
    assert isinstance(command, list)
    assert not [argument for argument in command if str(argument).startswith("--users")]
