"""Aliases: whom mail reaches in the end, what could not be followed, and the table that Postfix gets."""

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import topology
from mailstack_operator.stack.aliases import Aliases, AliasProblem
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.postfix import alias_targets, main_cf, virtual
from tests.stacks import stack

SALES: Json = {"address": "sales@example.org", "targets": ["alice@example.org"]}
TEAM: Json = {"address": "team@example.org", "targets": ["sales@example.org", "bob@example.org", "zoe@example.net"]}


def parameter(name: str, changes: dict[str, Json] | None = None) -> str | None:
    """A parameter of main.cf, None if it is not written."""
    text = main_cf.render(topology.decide(stack(changes)))
    lines = (line.split(" = ", 1) for line in text.splitlines())
    return next((value[0] for key, *value in lines if key == name), None)


def aliases(**addresses: str) -> Aliases:
    """Of example.org: `sales="alice,bob+x"`."""
    return Aliases({address(name): tuple(map(address, to.split(","))) for name, to in addresses.items()})


DOMAINS = Aliases(
    addresses={
        "sales@example.org": ("alice@example.org",),
        "chain@example.org": ("sales@old.example.org",),
        "info@old.example.org": ("bob@example.org",),
        "sales@catch.example.org": ("bob@example.org",),
    },
    domains={"old.example.org": "example.org"},
    catch_all={"catch.example.org": ("alice@example.org",)},
)


def address(name: str) -> str:
    return name if "@" in name else f"{name}@example.org"


def reached(found: Aliases, name: str) -> str:
    return ",".join(each.removesuffix("@example.org") for each in found.recipients(address(name)))


@pytest.mark.parametrize(
    ("name", "recipients"),
    [
        ("sales", "alice"),
        ("sales+x", "alice+x"),
        ("chain", "alice"),
        ("chain+x", "alice+x"),
        ("team", "alice,bob,zoe@example.net"),
        ("team+x", "alice+x,bob+x,zoe+x@example.net"),
        ("twice", "alice"),
        ("carol", "carol,alice"),
        ("carol+x", "carol+x,alice+x"),
        ("filed", "alice+work"),
        ("self", "self"),
        ("nobody", "nobody"),
        ("nobody+x", "nobody+x"),
        ("+x", "+x"),
    ],
)
def test_aliases_are_followed_to_the_end_as_postfix_does(name: str, recipients: str) -> None:
    """Each was seen with Postfix 3.10 and Dovecot 2.4."""
    found = aliases(
        sales="alice",
        chain="sales",
        team="chain,bob,zoe@example.net",
        twice="sales,alice",
        carol="carol,sales",
        filed="alice+work",
        self="self",
    )
    assert reached(found, name) == recipients


@pytest.mark.parametrize(
    ("name", "recipients"),
    [
        ("alice@old.example.org", "alice"),
        ("alice+x@old.example.org", "alice+x"),
        ("sales@old.example.org", "alice"),
        ("sales+x@old.example.org", "alice+x"),
        ("info@old.example.org", "bob"),
        ("chain", "alice"),
        ("any@catch.example.org", "alice"),
        ("any+x@catch.example.org", "alice+x"),
        ("sales@catch.example.org", "bob"),
        ("sales+x@catch.example.org", "bob+x"),
    ],
)
def test_an_alias_comes_before_the_domain_as_in_postfix(name: str, recipients: str) -> None:
    """Each was seen with Postfix 3.10 and Dovecot 2.4."""
    assert reached(DOMAINS, name) == recipients


def test_the_table_has_a_line_for_each_domain() -> None:
    changes: dict[str, Json] = {
        "spec.domainAliases": [{"domain": "old.example.org", "target": "example.org"}],
        "spec.catchAll": [{"domain": "catch.example.org", "targets": ["alice@example.org", "zoe@example.net"]}],
    }
    plan = topology.decide(stack(changes))
    assert virtual.render(plan.aliases) == (
        "@old.example.org @example.org\n@catch.example.org alice@example.org, zoe@example.net\n"
    )
    assert parameter("virtual_mailbox_domains", changes) == "example.org old.example.org catch.example.org"
    local: dict[str, Json] = {**changes, "spec.delivery.recipients": "Local"}
    assert parameter("mydestination", local) == "example.org old.example.org catch.example.org"
    users: dict[str, Json] = {**changes, "spec.tls": {"secretName": "tls"}, "spec.submission": {}}
    assert "old.example.org=reject_unverified_recipient" in (parameter("mua_recipient_restrictions", users) or "")


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_both_servers_have_the_same_delimiter(version: str) -> None:
    changes: dict[str, Json] = {"spec.addressExtensions": {"delimiter": "-"}, "spec.dovecot.version": version}
    assert parameter("recipient_delimiter", changes) == "-"
    assert "\nrecipient_delimiter = -\n" in dovecot_conf.render(topology.decide(stack(changes)))
    assert "recipient_delimiter" not in dovecot_conf.render(topology.decide(stack({"spec.dovecot.version": version})))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (aliases(a="b", b="a"), "a@example.org -> b@example.org -> a@example.org: remove one"),
        (aliases(a="b,alice", b="bob,c", c="a"), "a@example.org -> b@example.org -> c@example.org -> a@example.org"),
        (aliases(a="a+x"), "a@example.org -> a+x@example.org -> a+x+x@example.org"),
        (aliases(a="b+x", b="a"), "a@example.org -> b+x@example.org -> a+x@example.org"),
        (aliases(a=",".join(f"u{number}" for number in range(1001))), "1001 recipients"),
    ],
)
def test_what_postfix_could_not_follow_is_named(found: Aliases, words: str) -> None:
    with pytest.raises(AliasProblem, match=words.replace("+", "[+]")):
        found.recipients("a@example.org")


def test_groups_of_groups_are_followed_once_each() -> None:
    """Twenty levels, each with the next one twice, are a million ways and twenty steps."""
    levels = {f"l{level}": f"l{level + 1},l{level + 1}+x" for level in range(20)}
    assert len(aliases(**levels).recipients("l9@example.org")) == 12


def test_the_table_is_what_the_spec_says() -> None:
    plan = topology.decide(stack({"spec.aliases": [SALES, TEAM]}))
    assert virtual.render(plan.aliases) == (
        "sales@example.org alice@example.org\nteam@example.org sales@example.org, bob@example.org, zoe@example.net\n"
    )


def test_the_table_comes_between_the_parameters_and_the_role_addresses() -> None:
    own = "inline:{info@example.org=bob@example.org}"
    found = parameter(
        "virtual_alias_maps",
        {
            "spec.aliases": [SALES],
            "spec.postmasterAddress": "ops@example.net",
            "spec.postfix.parameters": {"virtual_alias_maps": own},
        },
    )
    assert (found or "").startswith(f"{own} texthash:/etc/postfix/virtual inline:{{postmaster@example.org=ops")


@pytest.mark.parametrize("recipients", ["Virtual", "Local"])
def test_aliases_are_for_virtual_and_local_recipients(recipients: str) -> None:
    changes: dict[str, Json] = {"spec.aliases": [SALES], "spec.delivery.recipients": recipients}
    assert parameter("virtual_alias_maps", changes) == "texthash:/etc/postfix/virtual"


def test_without_aliases_there_is_no_table() -> None:
    assert parameter("virtual_alias_maps") is None
    assert not topology.decide(stack()).aliases


def test_the_probe_is_told_of_the_mailboxes_that_aliases_lead_to() -> None:
    """Each once, without its extension; not those of other servers."""
    filed: Json = {"address": "filed@example.org", "targets": ["carol+work@example.org"]}
    plan = topology.decide(stack({"spec.aliases": [SALES, TEAM, filed]}))
    assert alias_targets.render(plan.spec, plan.aliases) == (
        "alice@example.org sales@example.org\nbob@example.org team@example.org\ncarol@example.org filed@example.org\n"
    )


def test_without_aliases_addresses_need_not_be_mapped() -> None:
    """Such a parameter of an old main.cf changes nothing then; tests/data/bad has it with aliases."""
    unmapped: dict[str, Json] = {"spec.postfix": {"parameters": {"receive_override_options": "no_address_mappings"}}}
    assert stack(unmapped).spec.postfix.parameters["receive_override_options"] == "no_address_mappings"
