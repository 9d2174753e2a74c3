"""The tables of senders: whose an address is, and what a stranger may not claim to be.

regexp_table(5) and Python's re agree on what these tables use: `/PATTERN/ RESULT` with any delimiter, the first match
counts, case does not.
"""

import re
from collections.abc import Mapping

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack.postfix import component, own_senders
from mailstack_operator.stack.topology import decide
from tests.stacks import stack


def found(table: str, address: str) -> str | None:
    """What the table answers for the address; None if no pattern matches."""
    for line in table.splitlines():
        _, pattern, result = line.split(line[0], 2)
        if match := re.search(pattern, address, re.IGNORECASE):
            return re.sub(r"\$\{(\d)\}", lambda group: match[int(group[1])], result.strip())
    return None


ALIASES: Json = [
    {"address": "sales@example.org", "targets": ["alice@example.org"]},
    {"address": "chain@example.org", "targets": ["sales@example.org"]},
    {"address": "team@example.org", "targets": ["chain@example.org", "bob@example.org", "zoe@example.net"]},
    {"address": "filed@example.org", "targets": ["alice+work@example.org"]},
    {"address": "carol@example.org", "targets": ["carol@example.org", "bob@example.org"]},
    {"address": "o'brien@example.org", "targets": ["bob@example.org"]},
]


def looked_up(files: Mapping[str, str], table: str, address: str | None) -> str | None:
    """What `regexp:FILE`, `texthash:FILE` or `pipemap:{TABLE, TABLE}` answers (DATABASE_README)."""
    kind, _, place = table.partition(":")
    if kind == "pipemap":
        for part in place.strip("{}").split(", "):
            address = looked_up(files, part, address)
        return address
    text = files[place.removeprefix("/etc/postfix/")]
    if kind == "regexp":
        return found(text, address or "")
    return dict(line.split(" ", 1) for line in text.splitlines()).get((address or "").lower())


DOMAINS: dict[str, Json] = {
    "spec.domainAliases": [{"domain": "old.example.org", "target": "example.org"}],
    "spec.catchAll": [{"domain": "catch.example.org", "targets": ["team@example.org"]}],
}


def owners(address: str, aliases: Json = None, others: dict[str, Json] | None = None) -> list[str]:
    """The logins that own the address, as Postfix reads them: separated by blanks and commas."""
    users: dict[str, Json] = {"spec.tls": {"secretName": "tls"}, "spec.submission": {}}
    changes: dict[str, Json] = {**users, "spec.aliases": aliases or [], **(others or {})}
    files = {name: render() for name, render in component.files(decide(stack(changes))).items()}
    maps = re.search(r"^smtpd_sender_login_maps = (.*)", files["main.cf"], re.MULTILINE)
    tables = re.findall(r"pipemap:{.*?}|\S+", maps[1] if maps else "")
    answers = (looked_up(files, table, address) for table in tables)
    return re.split(r"[\s,]+", next(filter(None, answers), ""))


@pytest.mark.parametrize(
    ("address", "owned_by"),
    [
        ("sales@example.org", "alice@example.org"),
        ("SALES@Example.org", "alice@example.org"),
        ("sales+x@example.org", "alice@example.org"),
        ("chain@example.org", "alice@example.org"),
        ("chain+x@example.org", "alice@example.org"),
        ("team@example.org", "alice@example.org bob@example.org zoe@example.net"),
        ("filed@example.org", "alice@example.org"),
        # Bob gets a copy of her mail, and is not carol.
        ("carol@example.org", "carol@example.org"),
        ("carol+x@example.org", "carol@example.org"),
        ("o'brien@example.org", "bob@example.org"),
        ("alice@example.org", "alice@example.org"),
        ("sales@example.net", "sales@example.net"),
        ('"sales"@example.org', ""),
        ('"x sales@example.org y"@bank.example', ""),
        ("x,sales@example.org,y@bank.example", ""),
    ],
)
def test_an_alias_belongs_to_those_to_whom_its_mail_goes(address: str, owned_by: str) -> None:
    assert owners(address, ALIASES) == owned_by.split(" ")


INFO: Json = {"address": "info@old.example.org", "targets": ["bob@example.org"]}
SHOP: Json = {"address": "shop@catch.example.org", "targets": ["bob@example.org"]}


@pytest.mark.parametrize(
    ("address", "owned_by"),
    [
        ("alice@old.example.org", "alice@example.org"),
        ("Alice+x@OLD.example.org", "Alice@example.org"),
        ("sales@old.example.org", "alice@example.org"),
        ("sales+x@old.example.org", "alice@example.org"),
        ("carol@old.example.org", "carol@example.org"),
        ("info@old.example.org", "bob@example.org"),
        ("info@example.org", "info@example.org"),
        ("any@catch.example.org", "alice@example.org bob@example.org zoe@example.net"),
        ("any+x@catch.example.org", "alice@example.org bob@example.org zoe@example.net"),
        ("shop@catch.example.org", "bob@example.org"),
        ("alice@xold.example.org", "alice@xold.example.org"),
        ("alice@old.example.org.example", "alice@old.example.org.example"),
        ("x alice@old.example.org y@bank.example", ""),
        ("x any@catch.example.org y@bank.example", ""),
    ],
)
def test_further_domains_belong_to_the_same_users(address: str, owned_by: str) -> None:
    assert isinstance(ALIASES, list)
    assert owners(address, [*ALIASES, INFO, SHOP], DOMAINS) == owned_by.split(" ")


@pytest.mark.parametrize(
    ("address", "owned_by"),
    [
        ("alice-shop@example.org", "alice@example.org alice-shop@example.org"),
        ("alice+shop@example.org", "alice+shop@example.org"),
        ("sales-x@example.org", "alice@example.org"),
        ("-alice@example.org", ""),
    ],
)
def test_the_extension_begins_with_the_specs_delimiter(address: str, owned_by: str) -> None:
    sales: Json = [{"address": "sales@example.org", "targets": ["alice@example.org"]}]
    assert owners(address, sales, {"spec.addressExtensions": {"delimiter": "-"}}) == owned_by.split(" ")


@pytest.mark.parametrize(
    "address", ["alice@example.org", "alice+shop@example.org", "alice+a+b@example.org", "alice+@example.org"]
)
def test_an_address_and_its_extensions_are_the_users_own(address: str) -> None:
    assert "alice@example.org" in owners(address)


def test_a_user_whose_name_has_an_extension_still_owns_it() -> None:
    assert "alice+shop@example.org" in owners("alice+shop@example.org")


@pytest.mark.parametrize("local", ["o'brien", "a.b-c_d", "x=y", "#1", "a/b", "{a}", "a!b", "$x", "a`b^c|d~e", "&*?%"])
def test_every_character_of_a_plain_local_part_is_kept(local: str) -> None:
    assert owners(f"{local}@example.org") == [f"{local}@example.org"]


@pytest.mark.parametrize(
    "address",
    [
        "x alice@example.org y@bank.example",
        '"x alice@example.org y"@bank.example',
        "x,alice@example.org,y@bank.example",
        '"x,alice@example.org,y"@bank.example',
        "\talice@example.org\t@bank.example",
        "alice@example.org@bank.example",
        '"alice@example.org"@bank.example',
        "bob+ alice@example.org @bank.example",
        "bob+x,alice@example.org@example.org",
        "bob@example.org",
        "bob+alice@example.org",
        "+alice@example.org",
        "+@example.org",
        "alice@example.org alice@bank.example",
        "alice@sub.example.org",
        "alice@",
        "@example.org",
        "",
    ],
)
def test_another_address_is_not_alices(address: str) -> None:
    assert "alice@example.org" not in owners(address)


@pytest.mark.parametrize(
    "address", ["alice@example.org", "ANYBODY@EXAMPLE.ORG", '"a b"@example.com', "a@b@example.org"]
)
def test_a_sender_of_an_own_domain_is_refused_for_good(address: str) -> None:
    refusal = found(own_senders.render(["example.org", "example.com"]), address) or ""
    assert refusal.startswith("550 5.7.1 ")


@pytest.mark.parametrize(
    "address",
    ["alice@sub.example.org", "alice@notexample.org", "alice@example.org.example.net", "alice@exampleXorg", "<>", ""],
)
def test_the_sender_of_another_domain_and_of_bounces_is_not(address: str) -> None:
    assert found(own_senders.render(["example.org"]), address) is None
