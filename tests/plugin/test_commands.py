"""The commands of `kubectl mailstack`, with a kubectl that answers from tests/data/plugin."""

import base64
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from mailstack_operator.cli.main import COMMANDS, kubectl_plugin, main
from mailstack_operator.kube.objects import Json
from mailstack_probe import dkim_key
from tests.stacks import body
from tests.test_project import ROOT, importers

DATA = Path(__file__).parents[1] / "data" / "plugin"
KUBECTL = f"""#!{sys.executable}
import json, pathlib, sys

folder = pathlib.Path(__file__).parent
words = sys.argv[1:]
given = sys.stdin.read() if {{"--stdin", "--filename=-"}} & set(words) else ""
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([words, given]) + "\\n")
for answer in json.loads((folder / "answers").read_text()):
    if set(answer["words"]) <= set(words):
        sys.stdout.write(answer["output"])
        sys.stderr.write(answer["error"])
        sys.exit(answer["code"])
sys.exit(f"no answer to {{words}}")
"""


class Cluster:
    """What kubectl says: the first answer whose words are all in the call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers: list[dict[str, str | int | list[str]]] = []

    def says(self, words: str, output: str = "", error: str = "", code: int = 0) -> None:
        """Before what it said so far."""
        answer = {"words": shlex.split(words), "output": output, "error": error, "code": code}
        self._answers.insert(0, answer)  # type: ignore[arg-type]
        (self._folder / "answers").write_text(json.dumps(self._answers), encoding="utf-8")

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        lines = (self._folder / "calls").read_text(encoding="utf-8").splitlines()
        return [(words, given) for words, given in map(json.loads, lines)]


def data(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def pods(*documents: str) -> str:
    return json.dumps({"items": [yaml.safe_load(document) for document in documents]})


def asked(smtp: tuple[int, str], lmtp: tuple[int, str]) -> str:
    replies = {"smtp": smtp, "lmtp": lmtp}
    return json.dumps({name: {"code": code, "text": words} for name, (code, words) in replies.items()})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster = Cluster(tmp_path)
    cluster.says("get pods", pods(data("pods.yaml")))
    cluster.says("get mailstacks.mailstack.dev", json.dumps(yaml.safe_load(data("mailstack.yaml"))))
    cluster.says("exec postqueue -j", data("queue.jsonl"))
    cluster.says("exec ls -l", data("private.txt"))
    cluster.says("logs --container=postfix", data("postfix.log"))
    cluster.says("logs --container=dovecot", data("dovecot.log"))
    cluster.says("exec --container=probe python3", asked((250, "2.1.5 Ok"), (250, "2.1.5 OK")))
    cluster.says("exec postmap", "0:0:1795390000:250 2.1.5 OK\n")
    return cluster


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_status_reads_the_object_the_pods_the_queue_and_the_log(cluster: Cluster) -> None:
    result = run("status", "mail")
    assert result.exit_code == 0, result.output
    for part in ("post/mail", "ConfigValid", "dovecot 3", "deferred", "User doesn't exist"):
        assert part in result.output
    assert sorted(words[0] for words, _ in cluster.calls) == ["exec", "exec", "get", "get", "logs"]


def test_the_options_go_to_kubectl_each_time(cluster: Cluster) -> None:
    options = ["--namespace=post", "--context=kind", "--kubeconfig=file"]
    assert run("status", "mail", "-n", "post", "--context", "kind", "--kubeconfig", "file").exit_code == 0
    assert [words[1:4] for words, _ in cluster.calls] == [options] * 5


def test_status_shows_what_it_may_not_read(cluster: Cluster) -> None:
    cluster.says("exec postqueue", error='Error from server (Forbidden): pods "mail-0" is forbidden\n', code=1)
    result = run("status", "mail")
    assert result.exit_code == 1
    words = 'error: pod mail-0, container postfix: Error from server (Forbidden): pods "mail-0" is forbidden'
    assert result.output.splitlines()[-1] == words
    assert "Queue: empty" not in result.output


@pytest.mark.parametrize("command", [["status"], ["queue"], ["logs"]])
def test_what_kubectl_refuses_ends_the_command(cluster: Cluster, command: list[str]) -> None:
    cluster.says("get", error="Error from server (Forbidden): no\n", code=1)
    assert run(*command, "mail").exit_code == 1


def test_kubectls_own_words_reach_the_user(cluster: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.says("get", error="error: You must be logged in to the server\n", code=1)
    assert run("status", "mail").exit_code == 1
    assert capfd.readouterr().err == "error: You must be logged in to the server\n"


def test_a_missing_kubectl_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("status", "mail")
    assert (result.exit_code, result.output.startswith("mailstack: cannot run kubectl (")) == (1, True)


def test_a_stack_without_pods_is_said(cluster: Cluster) -> None:
    cluster.says("get pods", pods())
    result = run("queue", "mail")
    assert (result.exit_code, "MailStack mail has no pods" in result.output) == (1, True)


def test_verify_asks_in_the_probe_as_the_pods_probe_does(cluster: Cluster) -> None:
    assert run("verify", "mail", "alice@example.org").exit_code == 0
    (words, given) = next((words, given) for words, given in cluster.calls if "python3" in words)
    assert words[words.index("python3") :] == [
        "python3",
        "-",
        "--lmtp=unix:/var/spool/postfix/private/dovecot-lmtp",
        "--smtp=25",
        "--ids=/run/mailstack/ids/postfix",
        "--host=192.0.2.7",
        "--address=alice@example.org",
    ]
    assert 'PROGRAM = "recipient"' in given


@pytest.mark.parametrize(
    ("reply", "code"),
    [((250, "2.1.5 Ok"), 0), ((550, "5.1.1 no"), 1), ((450, "4.1.1 unverified address"), 2), ((0, "refused"), 2)],
)
def test_verify_tells_by_its_exit_code(cluster: Cluster, reply: tuple[int, str], code: int) -> None:
    cluster.says("exec python3", asked(reply, (250, "2.1.5 OK")))
    assert run("verify", "mail", "alice@example.org").exit_code == code


@pytest.mark.parametrize("words", ["get pods", "exec python3", "exec postmap"])
def test_verify_does_not_know_what_it_could_not_ask(cluster: Cluster, words: str) -> None:
    cluster.says(words, error="Error from server: no\n", code=1)
    assert run("verify", "mail", "alice@example.org").exit_code == 2


def test_an_address_that_is_not_in_the_cache_is_said(cluster: Cluster) -> None:
    cluster.says("exec postmap", error="command terminated with exit code 1\n", code=1)
    result = run("verify", "mail", "alice@example.org")
    assert (result.exit_code, "no entry" in result.output) == (0, True)


@pytest.mark.parametrize("address", ["alice", "a b@example.org", "<a@example.org>", "a\r\nQUIT@example.org", "é@a.org"])
def test_verify_takes_addresses_alone(cluster: Cluster, address: str) -> None:
    assert run("verify", "mail", address).exit_code == 2


def test_queue_lists_what_waits(cluster: Cluster) -> None:
    result = run("queue", "mail")
    assert (result.exit_code, "CFB2F3378" in result.output) == (0, True)


def test_a_queue_that_cannot_be_read_is_not_empty(cluster: Cluster) -> None:
    cluster.says("exec postqueue", "not JSON\n")
    result = run("queue", "mail")
    assert result.exit_code == 1
    assert "Queue: empty" not in result.output


def test_logs_merge_both_servers(cluster: Cluster) -> None:
    result = run("logs", "mail", "--since", "10m", "--all")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == len((data("postfix.log") + data("dovecot.log")).splitlines())
    assert all("--since=10m" in words for words, _ in cluster.calls if words[0] == "logs")


def test_logs_leave_out_the_probes_questions(cluster: Cluster) -> None:
    result = run("logs", "mail")
    assert (result.exit_code, "mailstack-probe" in result.output) == (0, False)


def test_logs_of_the_probe_alone(cluster: Cluster) -> None:
    for server in ("postfix", "dovecot"):
        cluster.says(f"logs --container={server}", "")
    result = run("logs", "mail", "--since", "10m")
    assert (result.exit_code, result.output) == (0, "no mail in the last 10m: see also --all\n")


@pytest.mark.parametrize("choice", [["--queue-id", "CFB2F3378"], ["--user", "alice@example.org"]])
def test_logs_of_one_message(cluster: Cluster, choice: list[str]) -> None:
    result = run("logs", "mail", *choice)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == ["postfix"] * 5 + ["dovecot"] + ["postfix"] * 2


@pytest.mark.parametrize("choice", [["--queue-id", "AAAAAA"], ["--user", "zoe@example.org"]])
def test_a_message_that_is_not_in_the_logs_is_said(cluster: Cluster, choice: list[str]) -> None:
    result = run("logs", "mail", *choice)
    assert result.exit_code == 1
    assert result.output.startswith("mailstack: no message ")


def test_logs_take_a_queue_id_or_a_user() -> None:
    assert run("logs", "mail", "--queue-id", "A", "--user", "a@example.org").exit_code == 2


def test_the_entry_points_lead_to_functions() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    found = {name: pkgutil.resolve_name(place) for name, place in scripts.items()}
    assert found == {"mailstack": main, "kubectl-mailstack": kubectl_plugin}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_all_commands_is_that_of_each(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.name, command.get_short_help_str(limit=100)) == (name, COMMANDS[name][1])


def test_users_are_listed_for_other_programs(cluster: Cluster) -> None:
    cluster.says("exec --container=probe python3", "alice@example.org\nbob@example.org\n")
    result = run("users", "mail")
    assert (result.exit_code, result.output) == (0, "alice@example.org\nbob@example.org\n")
    [(words, given)] = [(words, given) for words, given in cluster.calls if words[0] == "exec"]
    assert {"--domain=example.org", "--check=0"} <= set(words)
    assert 'PROGRAM = "users_list"' in given


@pytest.mark.parametrize(
    ("problem", "code", "said"), [("", 0, "mail reaches each"), ("\tno password", 1, "1 problems")]
)
def test_users_with_problems_are_told(cluster: Cluster, problem: str, code: int, said: str) -> None:
    cluster.says("exec --container=probe python3", f"alice@example.org\nbob@example.org{problem}\n")
    result = run("users", "mail", "--check")
    assert result.exit_code == code
    assert f"Users: 2; {said}" in result.output
    assert ("bob@example.org  no password" in result.output) == bool(problem)


def test_users_that_cannot_be_listed_are_an_error(cluster: Cluster) -> None:
    cluster.says("exec --container=probe python3", error="the source of users does not answer\n", code=1)
    result = run("users", "mail")
    assert (result.exit_code, result.output) == (
        1,
        "mailstack: pod mail-0, container probe: the source of users does not answer\n",
    )


@pytest.mark.parametrize(
    "words", ["--help", "dkim --help", "users --help", "logs --help", "queue --help", "verify --help"]
)
def test_what_needs_no_models_does_not_import_them(words: str) -> None:
    program = "import sys; from mailstack_operator.cli.main import main; main(standalone_mode=False)"
    tell = "print(*sorted({'kopf', 'kubernetes', 'pydantic', 'yaml'} & sys.modules.keys()), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {tell}", *words.split()],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == "\n"


def test_help_names_the_plugin_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["status", "--help"], prog_name="kubectl mailstack")
    assert capsys.readouterr().out.startswith("Usage: kubectl mailstack status [OPTIONS] NAME")


def test_one_module_alone_starts_processes() -> None:
    assert importers("subprocess") == ["program.py"]


@pytest.fixture
def openssl(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """With the machine's openssl beside the kubectl that answers."""
    monkeypatch.undo()
    found = shutil.which("openssl")
    assert found
    (tmp_path / "openssl").symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster.says("apply", "secret/keys serverside-applied\n")
    return cluster


@pytest.mark.parametrize(("kind", "length"), [("rsa", 392), ("ed25519", 44)])
def test_a_new_dkim_key_is_in_the_secret_alone_and_its_record_is_printed(
    openssl: Cluster, kind: str, length: int
) -> None:
    result = run("dkim", "new", "mail", "s2026a", "--secret", "keys", "--type", kind)
    assert result.exit_code == 0, result.output
    (words, given) = next((words, given) for words, given in openssl.calls if words[0] == "apply")
    secret = json.loads(given)
    key = base64.b64decode(secret["data"]["s2026a.pem"])
    assert (secret["kind"], secret["metadata"], dkim_key.problem(key)) == ("Secret", {"name": "keys"}, None)
    assert "--server-side" in words
    assert "PRIVATE" not in result.output
    strings = re.findall(r'"([^"]*)"', result.output)
    assert max(map(len, strings)) <= 255
    record = re.fullmatch(rf"v=DKIM1; k={kind}; p=([A-Za-z0-9+/=]+)", "".join(strings))
    assert record
    assert len(record[1]) == length
    assert "\ns2026a._domainkey.example.org. IN TXT ( " in result.output
    (entry,) = yaml.safe_load(result.output.splitlines()[-1])
    assert entry == {
        "domains": ["example.org"],
        "selector": "s2026a",
        "secretName": "keys",
        "key": "s2026a.pem",
        "state": "Publish",
    }


def test_each_new_dkim_key_has_a_manager_of_its_own(openssl: Cluster) -> None:
    """The API server would let one replace its own key."""
    for _ in range(2):
        assert run("dkim", "new", "mail", "s2026a", "--type", "ed25519").exit_code == 0
    managers = {word for words, _ in openssl.calls for word in words if word.startswith("--field-manager=")}
    assert len(managers) == 2


def test_a_dkim_key_that_is_there_stays_and_nothing_is_printed_of_another(openssl: Cluster) -> None:
    words = 'error: Apply failed with 1 conflict: conflict with "kubectl-mailstack-1": .data.s2026a.pem\n'
    openssl.says("apply", error=words, code=1)
    result = run("dkim", "new", "mail", "s2026a", "--type", "ed25519")
    assert (result.exit_code, "Apply failed with 1 conflict" in result.output) == (1, True)
    assert "_domainkey" not in result.output


def test_a_missing_openssl_is_said(cluster: Cluster) -> None:
    result = run("dkim", "new", "mail", "s2026a")
    assert (result.exit_code, "cannot run openssl (" in result.output) == (1, True)


def test_a_dkim_key_is_for_domains_of_the_stack(openssl: Cluster) -> None:
    """Fault: a key was made whose entry the spec does not take."""
    result = run("dkim", "new", "mail", "s2026a", "--domain=example.org", "--domain=Example.net")
    assert result.exit_code == 1
    assert "Example.net is no domain of MailStack mail" in str(result.output)
    assert not any(words[0] == "apply" for words, _ in openssl.calls)


def test_a_dkim_key_may_be_for_an_alias_of_a_domain(openssl: Cluster) -> None:
    aliases: Json = [{"domain": "example.com", "target": "example.org"}]
    openssl.says("get mailstacks.mailstack.dev", json.dumps(body({"spec.domainAliases": aliases})))
    result = run("dkim", "new", "mail", "s2026a", "--type=ed25519", "--domain=example.com")
    assert (result.exit_code, "\ns2026a._domainkey.example.com. IN TXT" in result.output) == (0, True)


@pytest.mark.parametrize("selector", ["S1", "s1._domainkey", "-a", "a b", "a" * 64])
def test_a_dkim_key_has_the_name_that_the_spec_takes(cluster: Cluster, selector: str) -> None:
    assert run("dkim", "new", "mail", "--", selector).exit_code == 2
