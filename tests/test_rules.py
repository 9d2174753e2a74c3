"""The API server and the operator give the same answer: the rules of the CRD are evaluated here by CEL itself."""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, get_origin

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_strings
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mailstack_operator.api import strings
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.stack.dovecot import extra_config
from mailstack_operator.stack.link import taken_ports, taken_sockets
from mailstack_operator.stack.postfix import parameters
from mailstack_operator.stack.rules import rules
from mailstack_operator.stack.schema import spec_schema
from mailstack_operator.stack.users.source import Spec
from mailstack_operator.stack.users.variants import VARIANTS, spec_model
from tests.stacks import body

ENVIRONMENT = cel.NewEnv(variables={"self": cel.Type.DYN}, extensions=[ext_strings.ExtStrings()])
# With what the API server checks of each; it cannot check the values of Postfix's parameters.
RULES = [(rule, rule.cel) for rule in rules() if rule.cel]


@cache
def compiled(expression: str) -> cel.Expression:
    return ENVIRONMENT.compile(expression)


def evaluate(expression: str, value: object) -> object:
    return compiled(expression).eval(data={"self": value}).plain_value()


def at(path: str, spec: Json) -> Json:
    """The value at the path, None if it is not set."""
    for name in path.split(".")[1:]:
        spec = spec.get(name) if isinstance(spec, dict) else None
    return spec


SETTINGS = [name.replace("*", "x") for name in extra_config.REFUSED]
PIECES = st.sampled_from([*SETTINGS, *"\n \t{}=/\"'\\#;", "\n", "\n", "protocol", "lmtp", "x = y"])
COLUMNS = ["a", "user", "a AS User", "users", "password, a AS user"]
REASONS = sorted(set(parameters.REFUSED.values()))
TIMES = st.builds("{}{}".format, st.integers(1, 99), st.sampled_from("smhdw"))
FILE: Json = {"configMapName": "aliases", "key": "aliases"}
SECRET: Json = {"secretName": "a-secret"}
SERVER: dict[str, Json] = {"password": SECRET, "tls": {"caSecretName": "ca"}}
SQL: dict[str, Json] = {**SERVER, "driver": "MySQL", "hosts": ["db"], "database": "mail", "user": "dovecot"}
LDAP: dict[str, Json] = {**SERVER, "uris": ["ldaps://ldap"], "bindDn": "cn=a", "base": "dc=a"}


def query(columns: str) -> str:
    return " ".join(("SELECT", columns, "FROM t WHERE a = '%{user}'"))


def refused_for(reason: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, words in parameters.REFUSED.items() if words == reason])


KEYS = ["team", "example.org/team", "mailstack.dev/x", "app.kubernetes.io/name", "a b", "x" * 64, "a/b/c", ""]
NAMES = st.sampled_from(REASONS).flatmap(refused_for) | st.sampled_from(
    [
        "smtpd_banner",
        "message_size_limit",
        "recipient_delimiter",
        "smtpd_client_auth_rate_limit",
        "a b",
        "_x",
        "é",
        "x" * 129,
    ]
)
QUERIES: dict[str, st.SearchStrategy[Json]] = {
    "canary": st.sampled_from(["a@example.org", "A@example.org", "a@example.net"]),
    "passwordQuery": st.sampled_from(COLUMNS).map(query),
    "userQuery": st.sampled_from(COLUMNS).map(query),
    "listQuery": st.sampled_from(COLUMNS).map(lambda name: " ".join(("SELECT", name, "FROM t"))),
}
OAUTH2: Object = {"introspectionUrl": "https://login.example.org/introspect", "tls": {"caSecretName": "x"}}
SOURCES: list[Object] = [
    {"passwdFile": SECRET},
    {},
    {"sql": SQL},
    {"sql": {**SQL, "driver": "PostgreSQL"}},
    {"ldap": LDAP},
]
WITH_OAUTH2: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "introspectionMode": st.sampled_from(["Post", "Auth"]),
        "clientId": st.just("mail"),
        "clientSecret": st.just(SECRET),
    },
).flatmap(lambda more: st.sampled_from(SOURCES).map(lambda one: {**one, "oauth2": {**OAUTH2, **more}}))
OF_SQL: st.SearchStrategy[Json] = st.fixed_dictionaries({}, optional=QUERIES).map(lambda more: {"sql": {**SQL, **more}})
ADDRESSES: st.SearchStrategy[Json] = st.sampled_from(
    [*(f"{name}@example.org" for name in ("a", "b", "c", "d", "a+x")), "e-x@example.net"]
)
ALIASES: st.SearchStrategy[Json] = st.lists(
    st.fixed_dictionaries(
        {
            "address": ADDRESSES | st.just("a@example.net"),
            "targets": st.lists(ADDRESSES, min_size=1, max_size=3, unique=True),
        }
    ),
    max_size=6,
)
DOMAINS: st.SearchStrategy[Json] = st.sampled_from(["example.org", "example.com", "example.net"])


def one_for_each_domain(fields: dict[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[Json]:
    """Up to two entries, of different domains."""
    return st.lists(DOMAINS, max_size=2, unique=True).flatmap(
        lambda names: st.tuples(*(st.fixed_dictionaries({"domain": st.just(name), **fields}) for name in names)).map(
            list
        )
    )


OWN = ("podLabels", "podAnnotations", "serviceAccountAnnotations")
NODE_PORTS = st.sampled_from([30001, 30002])
NODE_PORTS_OF: dict[str, list[str]] = {
    "smtp": ["smtp"],
    "clients": ["submission", "submissions", "imap", "imaps", "sieve"],
}


OWN_KEYS: st.SearchStrategy[Json] = st.dictionaries(st.sampled_from(KEYS), st.just("x"), max_size=2)
TOLERATIONS: st.SearchStrategy[Json] = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "key": st.just("example.org/mail"),
            "operator": st.sampled_from(["Equal", "Exists"]),
            "value": st.sampled_from(["", "x"]),
            "effect": st.sampled_from(["NoSchedule", "NoExecute"]),
            "tolerationSeconds": st.just(60),
        },
    ),
    max_size=2,
)
SPREAD: st.SearchStrategy[Json] = st.lists(
    st.fixed_dictionaries(
        {
            "maxSkew": st.just(1),
            "topologyKey": st.just("zone"),
            "whenUnsatisfiable": st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]),
        },
        optional={"minDomains": st.just(2)},
    ),
    max_size=1,
)
PLACEMENT: dict[str, st.SearchStrategy[Json]] = {
    "nodeSelector": OWN_KEYS,
    "tolerations": TOLERATIONS,
    "topologySpreadConstraints": SPREAD,
    "priorityClassName": st.sampled_from(["important", "system-node-critical"]),
}


def exposed_wrongly(ports: list[str]) -> Json:
    """In the cluster, with all that is of the outside."""
    return {
        "type": "ClusterIP",
        "externalTrafficPolicy": "Local",
        "loadBalancerClass": "example.org/a",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "annotations": {"mailstack.dev/x": "x", "a b": "x"},
        "nodePorts": dict.fromkeys(ports, 30001),
    }


def exposures(*ports: str) -> st.SearchStrategy[Json]:
    return st.none() | st.fixed_dictionaries(
        {"type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])},
        optional={
            "externalTrafficPolicy": st.sampled_from(["Local", "Cluster"]),
            "loadBalancerClass": st.just("example.org/a"),
            "loadBalancerSourceRanges": st.just(["192.0.2.0/24"]),
            "proxyProtocol": st.just({"trustedNetworks": ["192.0.2.0/24"]}),
            "annotations": st.dictionaries(st.sampled_from(KEYS), st.just("x"), max_size=2),
            "nodePorts": st.fixed_dictionaries({}, optional=dict.fromkeys(ports, NODE_PORTS)),
        },
    )


# What decides a rule, by the path of the field; None leaves it out.
FIELDS: dict[str, st.SearchStrategy[Json]] = {
    "spec.users": st.sampled_from(SOURCES) | OF_SQL | WITH_OAUTH2,
    "spec.postmasterAddress": st.sampled_from(["postmaster@example.org", "ops@example.net"]),
    "spec.aliases": ALIASES,
    "spec.domainAliases": one_for_each_domain({"target": DOMAINS}),
    "spec.catchAll": one_for_each_domain({"targets": st.lists(ADDRESSES, min_size=1, max_size=1)}),
    "spec.addressExtensions": st.sampled_from([{}, {"delimiter": "-"}, {"delimiter": "+"}]),
    "spec.delivery.recipients": st.sampled_from(["Virtual", "Local"]),
    "spec.delivery.local.aliases": st.sampled_from([None, FILE]),
    "spec.delivery.listener.type": st.sampled_from(["Unix", "Inet"]),
    "spec.delivery.listener.unix.name": st.sampled_from([*taken_sockets(), "dovecot-lmtp", "lmtp-in"]),
    "spec.delivery.listener.inet.port": st.sampled_from([*taken_ports(), 10143]) | st.integers(1, 65535),
    "spec.delivery.listener.inet.tls": st.sampled_from([None, SECRET]),
    "spec.verification.positive": st.fixed_dictionaries({}, optional={"refresh": TIMES, "expire": TIMES}),
    "spec.verification.negative": st.fixed_dictionaries({}, optional={"refresh": TIMES, "expire": TIMES}),
    "spec.expose.smtp": exposures(*NODE_PORTS_OF["smtp"]),
    "spec.expose.clients": exposures(*NODE_PORTS_OF["clients"]),
    "spec.placement": st.fixed_dictionaries({}, optional=PLACEMENT),
    "spec.podLabels": OWN_KEYS,
    "spec.podAnnotations": OWN_KEYS,
    "spec.serviceAccountAnnotations": OWN_KEYS,
    "spec.milters": st.lists(
        st.fixed_dictionaries(
            {}, optional={"host": st.just("filter"), "port": st.just(1), "socket": st.just("/run/filter")}
        ),
        max_size=2,
    ),
    "spec.filter": st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "junkScore": st.integers(1, 20),
            "rejectScore": st.integers(1, 20),
            "greylist": st.integers(1, 20).map(lambda score: {"score": score, "redis": {"host": "redis"}}),
        },
    ),
    "spec.dkim": st.sampled_from([None, {"keys": [{"domains": ["example.org"], "selector": "a", "secretName": "x"}]}]),
    "spec.plugins.sieve": st.sampled_from([None, {}]),
    "spec.tls": st.sampled_from([None, SECRET]),
    "spec.submission": st.none()
    | st.fixed_dictionaries({}, optional={"relayHost": st.just("mx.example.net"), "relayCredentials": st.just(SECRET)}),
    "spec.postfix.messageSizeLimit": st.sampled_from([None, "512Ki", "50Mi", "500Mi", "1Gi"]),
    "spec.postfix.storage.queueSize": st.sampled_from(["1Mi", "100Mi", "1Gi", "2Gi", "1Ti"]),
    "spec.postfix.rateLimits": st.sampled_from([None, {}]),
    "spec.postfix.replicas": st.integers(1, 3),
    "spec.postfix.parameters": st.dictionaries(NAMES, st.just("x"), max_size=3),
    "spec.dovecot.version": st.sampled_from(["2.3", "2.4"]),
    "spec.dovecot.rootless": st.sampled_from([None, {}]),
    "spec.dovecot.mailboxes": st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["Junk", "Spam", "inbox", "Sent"])},
            optional={"specialUse": st.sampled_from(["Junk", "Sent"])},
        ),
        max_size=3,
    ),
    "spec.dovecot.extraConfig": st.lists(PIECES, max_size=12).map("".join),
}


def parsed(fields: Mapping[str, Json]) -> Spec:
    """The spec with defaults, its rules not yet checked."""
    changes = {path: value for path, value in fields.items() if value is not None}
    return spec_model(VARIANTS).model_validate(body({**changes})["spec"])


FINE = parsed({})
SPECS = st.fixed_dictionaries(FIELDS).map(parsed)


@given(SPECS)
def test_the_api_server_and_the_operator_agree(spec: Spec) -> None:
    shown: Object = spec.model_dump(by_alias=True, exclude_none=True)
    for rule, check in RULES:
        value = at(rule.path, shown)
        admitted = value is None or evaluate(check.expression, value)
        assert admitted is (rule.problem(spec) is None), (rule.path, check.message)


ONE_FOR_EACH_REASON = {reason: name for name, reason in parameters.REFUSED.items()}.values()
BROKEN: list[dict[str, Json]] = [
    {"spec.users": {}},
    {"spec.aliases": [{"address": "a+x@example.net", "targets": ["b@example.org"]}]},
    {
        "spec.aliases": [
            {"address": "a@example.org", "targets": ["b@example.org"]},
            {"address": "b@example.org", "targets": ["a@example.org"]},
        ]
    },
    {
        "spec.domainAliases": [{"domain": "example.org", "target": "example.net"}],
        "spec.catchAll": [{"domain": "example.org", "targets": ["a@example.org"]}],
        "spec.addressExtensions": {"delimiter": "-"},
        "spec.postfix.parameters": {"recipient_delimiter": "-"},
    },
    {"spec.users": {"sql": {**SQL, "canary": "a@example.net"}}},
    {"spec.users": {"ldap": LDAP}, "spec.postmasterAddress": "ops@example.net"},
    {"spec.users": {"sql": {**SQL, "listQuery": "SELECT a FROM t"}}},
    {
        "spec.users": {
            "sql": {**SQL, **{f"{of}Query": "SELECT a FROM t WHERE a = '%{user}'" for of in ("password", "user")}}
        }
    },
    {"spec.users": {"sql": {**SQL, "driver": "PostgreSQL"}, "oauth2": OAUTH2}, "spec.dovecot.version": "2.3"},
    {"spec.users": {"passwdFile": SECRET, "oauth2": {**OAUTH2, "introspectionMode": "Auth", "clientId": "mail"}}},
    {"spec.delivery": {"listener": {"unix": {"name": "smtp"}}, "local": {"aliases": FILE}}},
    {"spec.delivery.listener": {"inet": {"port": 143, "tls": SECRET}}},
    {"spec.verification": {"positive": {"refresh": "2d"}, "negative": {"refresh": "4d"}}},
    {"spec.submission": {"relayCredentials": SECRET}},
    {
        "spec.delivery.listener": {"type": "Inet", "inet": {"port": 10143}},
        "spec.expose.clients": {"proxyProtocol": {"trustedNetworks": ["192.0.2.0/24"]}},
    },
    {f"spec.{name}": {"mailstack.dev/x": "x", "a b": "x"} for name in OWN},
    {
        "spec.placement": {
            "nodeSelector": {"a b": "x"},
            "tolerations": [{"value": "x"}, {"operator": "Exists", "value": "x", "tolerationSeconds": 1}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}
            ],
            "priorityClassName": "system-node-critical",
        }
    },
    {f"spec.expose.{audience}": exposed_wrongly(ports) for audience, ports in NODE_PORTS_OF.items()},
    {
        "spec.expose": {
            "smtp": {"nodePorts": {"smtp": 30001}},
            "clients": {"nodePorts": dict.fromkeys(NODE_PORTS_OF["clients"], 30001)},
        }
    },
    {"spec.postfix": {"replicas": 2, "parameters": {"a b": "x", **dict.fromkeys(ONE_FOR_EACH_REASON, "x")}}},
    {"spec.dovecot.mailboxes": [{"name": "Junk", "specialUse": "Junk"}, {"name": "Inbox", "specialUse": "Junk"}]},
    {"spec.postfix": {"messageSizeLimit": "1Gi", "parameters": {"message_size_limit": "1"}}},
    {
        "spec.submission": {},
        "spec.expose.clients": {"externalTrafficPolicy": "Cluster"},
        "spec.postfix": {"rateLimits": {}, "parameters": {"smtpd_client_auth_rate_limit": "1"}},
    },
    {"spec.dovecot": {"version": "2.3", "rootless": {}, "extraConfig": "".join(f"{name} = x\n" for name in SETTINGS)}},
    {
        "spec.milters": [{"host": "filter", "port": 1, "socket": "/milter"}],
        "spec.postfix.parameters": {"smtpd_milters": "x"},
    },
    {"spec.dkim": {"keys": [{"domains": ["example.org"], "selector": "a", "secretName": "x"}]}},
    {
        "spec.filter": {"junkScore": 20, "greylist": {"score": 30, "redis": {"host": "redis"}}},
        "spec.postfix.parameters": {"smtpd_milters": "x"},
    },
    {"spec.dovecot.extraConfig": "a \\\n = b\n'c' = d\n"},
]


def test_each_rule_can_be_kept_and_broken() -> None:
    specs = [parsed(fields) for fields in BROKEN]
    for rule, check in RULES:
        assert rule.problem(FINE) is None
        assert any(rule.problem(spec) for spec in specs), check.message


@pytest.mark.parametrize("name", parameters.REFUSED)
def test_both_name_the_refused_parameter(name: str) -> None:
    spec = parsed({"spec.postfix.parameters": {name: "x"}})
    ((rule, check),) = ((rule, check) for rule, check in RULES if rule.problem(spec))
    expression = check.message_expression
    told = evaluate(expression, spec.postfix.parameters) if expression else check.message
    assert told == rule.problem(spec) == f"{name} cannot be set here: {parameters.REFUSED[name]}"


def test_each_rule_is_in_the_schema_at_its_path() -> None:
    root: Object = {"properties": {"spec": spec_schema()}}
    for rule, check in RULES:
        path = (part for name in rule.path.split(".") for part in ("properties", name))
        assert check.as_json() in entries(section(root, *path), "x-kubernetes-validations")


TYPES = [name for name, kind in vars(strings).items() if get_origin(kind) is Annotated]
# The evaluator ends a string at a NUL byte; the API server does not.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT = st.text(CHARACTERS)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_both_take_the_same_strings(name: str, data: st.DataObject) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(getattr(strings, name))
    schema: Object = adapter.json_schema()
    checks = [text(rule, "rule") for rule in entries(schema, "x-kubernetes-validations")]
    value = data.draw(st.from_regex(pattern_of(checks[0]), fullmatch=True, alphabet=CHARACTERS) | TEXT, label="value")
    admitted = len(value) <= (number(schema, "maxLength") or math.inf) and all(
        evaluate(check, value) for check in checks
    )
    assert admitted is is_valid(adapter, value)


def pattern_of(check: str) -> str:
    """The regular expression in a rule such as self.matches('^(x)$')."""
    found = re.search(r"matches\('(.*)'\)$", check)
    assert found
    return re.sub(r"\\(.)", r"\1", found[1])


def is_valid(adapter: TypeAdapter[str], value: str) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True
