"""The file of aliases in a ConfigMap: each wrong line is named, and the last good file stays in use."""

import tracemalloc

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import aliases, topology
from mailstack_operator.stack.postfix import virtual
from mailstack_operator.stack.topology import Sources
from tests.stacks import stack
from tests.world import World

FROM: dict[str, Json] = {"spec.aliasesFrom": {"configMapName": "mail-aliases", "key": "virtual"}}
CHANGES: dict[str, Json] = {
    **FROM,
    "spec.aliases": [{"address": "sales@example.org", "targets": ["team@example.org"]}],
    "spec.domainAliases": [{"domain": "old.example.org", "target": "example.org"}],
}


def problem(text: str) -> str:
    return virtual.problem(stack(CHANGES).spec, text) or ""


@pytest.mark.parametrize(
    "text",
    [
        "team@example.org alice@example.org, bob@example.org\n",
        "team@example.org\talice@example.org,bob@example.org",
        "team@example.org: alice@example.org bob@example.org\n",
        "\ufeff# a comment\r\n\r\nTeam@Example.org alice@example.org,\r\n  # another\r\n  BOB@example.org\r\n",
        "team@example.org alice@example.org, bob@example.org, alice@example.org\n",
        "# of an old editor\rteam@example.org alice@example.org, bob@example.org\r# the end\r",
        "# two files\n\ufeffteam@example.org alice@example.org, bob@example.org\n",
    ],
)
def test_the_forms_of_a_line(text: str) -> None:
    plan = topology.decide(stack(CHANGES), Sources(virtual=text))
    assert problem(text) == ""
    assert plan.aliases.recipients("sales@old.example.org") == ("alice@example.org", "bob@example.org")
    assert "team@example.org alice@example.org, bob@example.org\n" in virtual.render(plan.aliases)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("info", "'info' is no address"),
        ("info alice@example.org", "'info' is no address"),
        ("info@example.org", "the alias has no target"),
        ("info@example.org alice", "the target 'alice' is no address"),
        ("info@example.org alice@example.org, |/bin/sh", "the target '|/bin/sh' is no address"),
        ("info@example.org :include:/etc/passwd", "the target ':include:/etc/passwd' is no address"),
        ("info@example.org @example.net", "the target '@example.net' is no address"),
        ('"a b"@example.org alice@example.org', "is no address"),
        ("info@example.net alice@example.org", "info@example.net is in no domain of the MailStack"),
        ("info+x@example.org alice@example.org", "info+x@example.org has an address extension"),
        ("@example.org alice@example.org", "use spec.domainAliases or spec.catchAll"),
        ("sales@example.org alice@example.org", "sales@example.org has another entry"),
        ("one@example.org alice@example.org", "one@example.org has another entry"),
        ("info@b\u00fccher.example alice@example.org", "write info@xn--bcher-kva.example, the xn-- form"),
        ("info@example.org alice@b\u00fccher.example", "write alice@xn--bcher-kva.example, the xn-- form"),
    ],
)
def test_a_wrong_line_is_named(line: str, words: str) -> None:
    found = problem(f"# aliases\none@example.org alice@example.org\n{line}\n")
    assert found.startswith("line 3: ")
    assert words in found


def test_only_the_first_wrong_lines_are_listed() -> None:
    found = problem("x\n" * 1000)
    assert (found.count("line "), found.endswith("; and 995 more lines")) == (5, True)


def test_a_loop_with_the_aliases_of_the_spec_is_found() -> None:
    assert "aliases in a loop: " in problem("team@example.org sales@old.example.org\n")


def test_a_table_that_no_config_map_holds_is_refused() -> None:
    lines = "".join(f"alias-number-{number}@example.org alice@example.org\n" for number in range(20_000))
    assert "a ConfigMap has room for 900000" in problem(lines)


def test_aliases_of_one_long_list_are_not_all_expanded() -> None:
    """Fault: 600 kB of lines have millions of recipients, and the operator ran out of memory with them."""
    everybody = f"all@example.org {', '.join(f'user-{number}@example.net' for number in range(990))}\n"
    lines = "".join(f"alias-{number}@example.org all@example.org, bob@example.org\n" for number in range(10_000))
    tracemalloc.start()
    try:
        assert "more than 500000 recipients altogether" in problem(everybody + lines)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_thousands_of_aliases_fit() -> None:
    lines = "".join(f"alias-number-{number}@example.org alice@example.org\n" for number in range(10_000))
    assert problem(lines) == ""
    assert len(aliases.of_spec(stack(CHANGES).spec, lines).addresses) == 10_001


def _table(world: World) -> str:
    found = [json["data"] for ref, json in world.cluster.objects.items() if (ref.kind, ref.name) == WHERE]
    return str(found[0])


WHERE = ("ConfigMap", "mail-postfix")


async def test_the_last_good_file_stays_until_the_lines_are_corrected() -> None:
    world = World()
    world.cluster.config_maps["mail-aliases"] = {"virtual": b"team@example.org alice@example.org\n"}
    world.change(FROM)
    await world.settled()
    assert world.condition("Ready")["status"] == "True"

    world.cluster.config_maps["mail-aliases"] = {"virtual": b"team@example.org alice\n"}
    await world.run()
    stalled = world.condition("Stalled")
    assert stalled["reason"] == "AliasesInvalid"
    assert "ConfigMap mail-aliases, which holds the aliases of whole addresses: line 1: " in str(stalled["message"])
    assert "the running pods keep the last good one" in str(stalled["message"])
    assert "team@example.org alice@example.org" in _table(world)


async def test_a_file_that_is_not_utf_8_is_told() -> None:
    """Fault: kubectl puts such a file into binaryData, and the status said only that the key is missing."""
    world = World()
    world.cluster.config_maps["mail-aliases"] = {"virtual": "# f\u00fcr\n".encode("latin-1")}
    world.change(FROM)
    await world.run()
    message = str(world.condition("Ready")["message"])
    assert "waiting for key virtual in ConfigMap mail-aliases" in message
    assert message.endswith("it is not UTF-8; save the file as UTF-8")


async def test_no_pod_starts_with_wrong_lines() -> None:
    world = World()
    world.cluster.config_maps["mail-aliases"] = {"virtual": b"team@example.org alice\n"}
    world.change(FROM)
    await world.run()
    assert "no pod can start" in str(world.condition("Stalled")["message"])
    assert [ref for ref in world.cluster.objects if ref.kind == "StatefulSet"] == []
