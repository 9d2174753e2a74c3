"""Each file of examples/: the API server takes it, and the programs of its own images accept what becomes of it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from conftest import NewNamespace
from harness import paths
from mailstack_operator.cli.main import main
from mailtest import manifests
from mailtest.certificates import Authority
from mailtest.kubectl import Kubectl, Object
from mailtest.wait import until

FOLDER = paths.repository() / "examples"
FILES = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*.yaml"))}
EXAMPLES = {name: path for name, path in FILES.items() if "\nkind: MailStack\n" in path.read_text()}

# What each server's own programs say of their files goes to stderr: all of it is kept, and none of it is good.
# The accounts are those that the operator adds in the pod (desired/dovecot_scripts.py).
CHECKS = {
    "postfix": 'cp "$CONFIG"/* "$ETC" && { postfix check && postconf -n && postconf -M; } > /dev/null',
    "dovecot": """\
for name in postfix vmail; do
  grep -q "^$name:" /etc/passwd || echo "$name:x:2525:2525::/:/bin/false" >> /etc/passwd
  grep -q "^$name:" /etc/group || echo "$name:x:2525:" >> /etc/group
done
doveconf -n > /dev/null
""",
}
CERTIFICATES, SOURCE = "certificates", "source-of-users"


@dataclass(frozen=True)
class Check:
    """A pod whose containers run the programs once, each over the files of its server."""

    kubectl: Kubectl
    manifest: Object

    @property
    def pod(self) -> str:
        name: str = self.manifest["metadata"]["name"]
        return name

    def start(self) -> None:
        self.kubectl.apply(self.manifest)

    def wait(self) -> dict[str, tuple[int, str]]:
        """Exit code and words of each server's programs."""
        ended = until(f"{self.pod} has ended", self._ended, 300)
        return {name: (code, self.kubectl.logs(self.pod, name)) for name, code in ended.items()}

    def _ended(self) -> dict[str, int]:
        """The exit codes; none until all of them are there. A busy node may fail to start a container, which says
        nothing of its files: the pod is made again."""
        statuses = self.kubectl.must_get("pod", self.pod)["status"].get("containerStatuses", [])
        ended = {each["name"]: each["state"].get("terminated") or {} for each in statuses}
        if any(state.get("reason") == "StartError" for state in ended.values()):
            self.kubectl.delete("pod", self.pod)
            self.start()
            return {}
        return {name: state["exitCode"] for name, state in ended.items()} if all(ended.values()) else {}


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    return new_namespace("examples")


@pytest.fixture(scope="module")
def checks(kubectl: Kubectl, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Check]:
    """A check of each example, and one of a MailStack with mistakes; all started at once."""
    kubectl.apply(_certificates(authority), _source(authority))
    mistaken = tmp_path_factory.mktemp("examples") / "mistaken.yaml"
    mistaken.write_text(json.dumps(_mistaken()))
    return {name: _start(kubectl, path) for name, path in {**EXAMPLES, "mistaken": mistaken}.items()}


def _mistaken() -> Object:
    """Names that only the programs can know to be none."""
    return manifests.mailstack(
        "mistaken",
        postfix={"parameters": {"mesage_size_limit": "1"}},
        dovecot={"extraConfig": "mail_max_userip_conections = 20\n"},
    )


def _certificates(authority: Authority) -> Object:
    """The files that the pods' sidecar makes of the Secrets: doveconf reads them."""
    certificate = authority.issue("mail.example.org")
    pair = certificate.chain + certificate.key
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": CERTIFICATES},
        "stringData": {"tls.pem": pair, "lmtp.pem": pair, "lmtp-ca.pem": certificate.ca},
    }


def _source(authority: Authority) -> Object:
    """The files that sidecars make of the Secrets of an external source of users, and of a provider of tokens."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SOURCE},
        "stringData": {
            "password": "sample",
            "url": "https://mail:sample@login.example.org",
            "ca.pem": authority.issue("db.example.org").ca,
        },
    }


def _start(kubectl: Kubectl, path: Path) -> Check:
    children = _rendered(path)
    kubectl.apply(*_config_maps(children))
    check = Check(kubectl, _pod(f"check-{path.stem}", children))
    check.start()
    return check


def _rendered(path: Path) -> list[Object]:
    """What `mailstack render` prints."""
    result = CliRunner().invoke(main, ["render", "-f", str(path)])
    assert result.exit_code == 0, result.output
    return list(yaml.safe_load_all(result.output))


def _config_maps(children: list[Object]) -> list[Object]:
    found = [child for child in children if child["kind"] == "ConfigMap"]
    return [{**child, "metadata": {"name": child["metadata"]["name"]}} for child in found]


def _pod(name: str, children: list[Object]) -> Object:
    """Both servers' containers with their images and the files that they would see, and a check as the command."""
    specs = [child["spec"]["template"]["spec"] for child in children if child["kind"] == "StatefulSet"]
    volumes = {each["name"]: each for spec in specs for each in spec["volumes"] if "configMap" in each}
    volumes["tls"] = {"name": "tls", "secret": {"secretName": CERTIFICATES}}
    secret = {"secret": {"secretName": SOURCE}}
    volumes.update({helper: {"name": helper, **secret} for helper in ("source", "oauth2")})
    servers = [each for spec in specs for each in (*spec["initContainers"], *spec["containers"])]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "containers": [_container(each, set(volumes)) for each in servers if each["name"] in CHECKS],
            "volumes": list(volumes.values()),
        },
    }


def _container(server: Object, volumes: set[str]) -> Object:
    return {
        "name": server["name"],
        "image": server["image"],
        "command": ["/bin/sh", "-euc", CHECKS[server["name"]]],
        "env": [each for each in server.get("env", []) if "value" in each],
        "volumeMounts": [mount for mount in server["volumeMounts"] if mount["name"] in volumes],
    }


@pytest.mark.parametrize("name", FILES)
def test_kubectl_apply_accepts_it(kubectl: Kubectl, name: str) -> None:
    """Promise: every example can be applied as it is."""
    kubectl("apply", "--dry-run=server", "-f", str(FILES[name]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_programs_of_its_images_accept_it_without_a_warning(checks: dict[str, Check], name: str) -> None:
    """Promise: `postfix check`, `postconf` and `doveconf -n` have nothing to say of an example's files."""
    assert checks[name].wait() == dict.fromkeys(CHECKS, (0, ""))


def test_a_warning_would_be_seen(checks: dict[str, Check]) -> None:
    """Fault: a check that passes whatever the files hold."""
    words = checks["mistaken"].wait()

    assert "unused parameter: mesage_size_limit=1" in words["postfix"][1], words
    assert words["dovecot"][0] != 0
    assert "Unknown setting: mail_max_userip_conections" in words["dovecot"][1], words
