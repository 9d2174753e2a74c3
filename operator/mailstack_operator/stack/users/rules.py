"""Rules over several fields that are those of a source of users."""

import re
from typing import Final

from mailstack_operator.api import cel
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users import external
from mailstack_operator.stack.users.external import ExternalSource
from mailstack_operator.stack.users.ldap import Ldap
from mailstack_operator.stack.users.source import Spec
from mailstack_operator.stack.users.sql import Sql
from mailstack_operator.stack.users.variants import Variants


def _has_canary(spec: Spec) -> bool:
    given = (source for source in spec.users.given if isinstance(source, ExternalSource))
    return all(external.canary(source, spec).rpartition("@")[2] in spec.domains for source in given)


def _canary_rule(tag: str) -> Rule:
    at = f"self.users.{tag}.canary"
    address = f"(has({at}) ? {at} : self.postmasterAddress)"
    return rule(
        "spec",
        f"!has(self.users.{tag}) || self.domains.exists(one, {address}.endsWith('@' + one))",
        f"there is no canary: set users.{tag}.canary to the address of a user here who always exists; "
        "without one, an empty source could not be told from unknown recipients",
        lambda spec: _has_canary(spec) or spec.users.given[0].tag != tag,
    )


def _column(field: str, attribute: str, column: str) -> Rule:
    """What a query must return, as far as its text says it, before the address that it looks for."""
    pattern = rf"(?i)^[^%]*\b{column}\b"
    message = f"the query must return a column {column}, such as by `AS {column}`"

    def holds(spec: Spec) -> bool:
        queries = [getattr(source, attribute) for source in spec.users.given if isinstance(source, Sql)]
        return all(re.search(pattern, str(query)) for query in queries)

    return rule(f"spec.users.sql.{field}", f"self.matches({cel.text(pattern)})", message, holds)


# RFC 4515, once all of it is in parentheses: an item, and what joins items, which are marked.
_ITEM = re.compile(r"\( *[A-Za-z0-9][A-Za-z0-9;.-]*((:dn)?(:[A-Za-z0-9.-]+)?:)?[~<>]?=[^()]*\)")
_JOINED = re.compile(r"\( *([&|][ \0]*|! *\0 *)\)")
_EXAMPLE = "write one filter, such as (&(objectClass=person)(memberOf=cn=mail))"


def _filter_problem(spec: Spec) -> str | None:
    """What libldap would find only when Dovecot asks, and Dovecot would answer as an outage."""
    for source in spec.users.given:
        if isinstance(source, Ldap) and not _closes(source.filter):
            return f"its parentheses do not match: {_EXAMPLE}"
        if isinstance(source, Ldap) and not _is_filter(source.filter):
            return f"a part of it is no filter (RFC 4515): {_EXAMPLE}"
    return None


def _is_filter(text: str) -> bool:
    before, left = text, _ITEM.sub("\0", text)
    while before != left:
        before, left = left, _JOINED.sub("\0", left)
    return left == "\0"


def _closes(text: str) -> bool:
    """Whether the last parenthesis is the one that closes the first."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and place < len(text) - 1:
            return False
    return depth == 0


def _is_complete_client(spec: Spec) -> bool:
    given = spec.users.oauth2
    return given is None or (given.client_id is None) == (given.client_secret is None)


def _client_is_asked_for(spec: Spec) -> bool:
    given = spec.users.oauth2
    return given is None or given.client_id is None or given.introspection_mode == "Post"


def _is_postgresql_with_23(spec: Spec) -> bool:
    is_postgresql = any(isinstance(source, Sql) and source.is_postgresql for source in spec.users.given)
    return spec.users.oauth2 is not None and is_postgresql and spec.dovecot.version == "2.3"


_OAUTH2: Final = (
    rule(
        "spec",
        "!has(self.users.oauth2) || !has(self.users.sql) || self.users.sql.driver != 'PostgreSQL' || "
        "self.dovecot.version != '2.3'",
        "users.oauth2 with PostgreSQL requires dovecot.version 2.4: with both, Dovecot 2.3 does not "
        "start its auth process",
        lambda spec: not _is_postgresql_with_23(spec),
    ),
    rule(
        "spec",
        "!has(self.users.oauth2) || has(self.tls)",
        "users.oauth2 requires tls.secretName, because tokens are accepted over TLS only",
        lambda spec: not spec.users.oauth2 or spec.tls is not None,
    ),
    rule(
        "spec.users.oauth2",
        "has(self.clientId) == has(self.clientSecret)",
        "clientId and clientSecret go together: set both, or remove both",
        _is_complete_client,
    ),
    rule(
        "spec.users.oauth2",
        "!has(self.clientId) || self.introspectionMode == 'Post'",
        "with introspectionMode Auth, Dovecot sends the user's token in the place of a client's name: "
        "remove clientId and clientSecret, or set introspectionMode to Post",
        _client_is_asked_for,
    ),
)

_OF_FIELDS: Final = (
    _column("passwordQuery", "password_query", "password"),
    _column("passwordQuery", "password_query", "user"),
    _column("userQuery", "user_query", "user"),
    _column("listQuery", "list_query", "user"),
    Rule("spec.users.ldap.filter", None, _filter_problem),
)


def rules(variants: Variants) -> tuple[Rule, ...]:
    """The rules of a spec with these sources: each on another server needs a canary."""
    tags = [variant.tag for variant in variants if issubclass(variant, ExternalSource)]
    return (*_OAUTH2, *map(_canary_rule, tags), *_OF_FIELDS)
