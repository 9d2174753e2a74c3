"""What a string may hold, so that it means one thing only in YAML, main.cf and dovecot.conf.

A type is a pattern, a maximum length and a hint that says what the value must be. The CRD has the same three as
a CEL rule, so the error of `kubectl apply` has the hint. Patterns are plain RE2, whole-string, the same for
Python and for the API server.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from mailstack_operator.api import cel
from mailstack_operator.kube import names

_PORT = ":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6([0-4][0-9]{3}|5([0-4][0-9]{2}|5([0-2][0-9]|3[0-5]))))"
_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_FQDN = f"({_LABEL}[.])+[a-z]([-a-z0-9]{{0,61}}[a-z0-9])?"
_DNS_SUBDOMAIN = f"{_LABEL}([.]{_LABEL})*"

# postconf(5), "time units"; a value is a 32-bit number of seconds.
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIT_BYTES: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_LONGEST_SECONDS: Final = 10 * 365 * _UNIT_SECONDS["d"]


@dataclass(frozen=True)
class Text:
    """A string type: `pattern` matches the whole string, `max_length` is in characters."""

    pattern: str
    hint: str
    max_length: int

    def check(self, value: str) -> str:
        if self.fits(value):
            return value
        length = f"; {len(value)} characters are more than {self.max_length}" if len(value) > self.max_length else ""
        told = {"shown": _shown(value), "hint": f"{self.hint}{length}"}
        raise PydanticCustomError("text", "invalid value {shown}: must be {hint}", told)

    def fits(self, value: str) -> bool:
        return len(value) <= self.max_length and re.fullmatch(self.pattern, value) is not None

    def rule(self) -> cel.Rule:
        return cel.Rule(self.matches("self"), f"must be {self.hint}")

    def matches(self, path: str) -> str:
        """A CEL expression: whether the value at the path matches the pattern."""
        return f"{path}.matches({cel.text(f'^({self.pattern})$')})"

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), "maxLength": self.max_length, **cel.rules(self.rule())}


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else f"{value[:77]}...")


_ASCII: Final = r"self.matches('^[\\x00-\\x7F]*$')"
_IDN: Final = "must be ASCII: write an internationalized domain in its xn-- form, such as xn--bcher-kva.example"


class Domain(Text):
    """A string with a domain name, whose labels are A-labels (RFC 5890) where they are not ASCII by themselves."""

    def check(self, value: str) -> str:
        if value.isascii():
            return super().check(value)
        raise PydanticCustomError(
            "idn", "invalid value {shown}: {hint}", {"shown": repr(value), "hint": self._what_to_write(value)}
        )

    def _what_to_write(self, value: str) -> str:
        local, at, domain = value.rpartition("@")
        text = unicodedata.normalize("NFC", domain).lower()
        written = local + at + re.sub(r"[^][.:\s]+", lambda label: _a_label(label[0]), text)
        is_valid = re.fullmatch(self.pattern, written)
        return f"must be ASCII: write {written}, the xn-- form of this domain" if is_valid else _IDN

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = self.rule()
        only = cel.Rule(f"!{_ASCII} || {text.expression}", text.message)
        return {**super().__get_pydantic_json_schema__(core, handler), **cel.rules(cel.Rule(_ASCII, _IDN), only)}


def _a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


class WithUnit(Text):
    """A number with a unit; a number without one gets the hint, and not only the name of a type."""

    def matches(self, path: str) -> str:
        return f"type({path}) == string && {super().matches(path)}"

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        checked = super().__get_pydantic_core_schema__(source, handler)
        return core_schema.no_info_before_validator_function(_integer_as_text, checked)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"x-kubernetes-int-or-string": True, "maxLength": self.max_length, **cel.rules(self.rule())}


class Time(WithUnit):
    """A Postfix time: a whole number above zero and a unit, ten years at most."""

    def check(self, value: str) -> str:
        if seconds(super().check(value)) > _LONGEST_SECONDS:
            raise PydanticCustomError(
                "time", "invalid value '{time}': must be at most ten years (520w)", {"time": value}
            )
        return value

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # A string that does not match the pattern has no number: only the rule of the pattern applies to it.
        longest = cel.Rule(
            f"!({self.rule().expression}) || {cel_seconds('self')} <= {_LONGEST_SECONDS}",
            "must be at most ten years (520w)",
        )
        return {**super().__get_pydantic_json_schema__(core, handler), **cel.rules(self.rule(), longest)}


def seconds(time: str) -> int:
    """Seconds in a Postfix time such as "15s" or "31d"."""
    return int(time[:-1]) * _UNIT_SECONDS[time[-1]]


def cel_seconds(path: str) -> str:
    """The same as a CEL expression over the string at `path`."""
    units = "{" + ", ".join(f"{cel.text(unit)}: {length}" for unit, length in _UNIT_SECONDS.items()) + "}"
    last = f"size({path}) - 1"
    return f"int({path}.substring(0, {last})) * {units}[{path}.substring({last})]"


def size_bytes(size: str) -> int:
    """Bytes in a size such as "50Mi"."""
    return int(size[:-2]) * _UNIT_BYTES[size[-2:]]


def cel_bytes(path: str) -> str:
    """The same as a CEL expression over the string at `path`."""
    units = "{" + ", ".join(f"{cel.text(unit)}: {size}" for unit, size in _UNIT_BYTES.items()) + "}"
    last = f"size({path}) - 2"
    return f"int({path}.substring(0, {last})) * {units}[{path}.substring({last})]"


def _integer_as_text(value: object) -> object:
    # `cpu: 1` is an integer in YAML; bool is an int in Python, and not a quantity.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _stack_name(longest: int) -> Text:
    hint = f"a name of at most {longest} lower-case letters, digits and '-' that begins with a letter"
    return Text("[a-z]([-a-z0-9]*[a-z0-9])?", hint, longest)


STACK_NAME: Final = _stack_name(names.MAX_STACK_NAME)
NEW_STACK_NAME: Final = _stack_name(names.MAX_NEW_STACK_NAME)

HostName: TypeAlias = Annotated[
    str, Domain(_FQDN, "a fully qualified domain name in lower case, such as mail.example.org", 253)
]
DomainName: TypeAlias = Annotated[str, Domain(_FQDN, "a mail domain in lower case, such as example.org", 253)]
MailAddress: TypeAlias = Annotated[
    str,
    Domain(
        f"[A-Za-z0-9]([A-Za-z0-9._+=-]{{0,62}}[A-Za-z0-9])?@{_FQDN}",
        "an address such as postmaster@example.org",
        318,
    ),
]
# Without what would be read as a comment, a quote, a list or a route in a table of Postfix.
ALIAS_ADDRESS: Final = Domain(
    f"[a-z0-9_]([a-z0-9._+=&'~-]{{0,62}}[a-z0-9_])?@{_FQDN}",
    "an address in lower case, such as sales@example.org",
    254,
)
AliasAddress: TypeAlias = Annotated[str, ALIAS_ADDRESS]
SecretName: TypeAlias = Annotated[
    str, Text(_DNS_SUBDOMAIN, "the name of a Secret in the same namespace, such as mail-users", 253)
]
SecretKey: TypeAlias = Annotated[
    str, Text("[A-Za-z0-9_][-A-Za-z0-9._]*", "a key of the Secret, of letters, digits, '-', '_' and '.'", 253)
]
ConfigMapName: TypeAlias = Annotated[
    str, Text(_DNS_SUBDOMAIN, "the name of a ConfigMap in the same namespace, such as mail-aliases", 253)
]
ConfigMapKey: TypeAlias = Annotated[
    str, Text("[A-Za-z0-9_][-A-Za-z0-9._]*", "a key of the ConfigMap, of letters, digits, '-', '_' and '.'", 253)
]
RelayHost: TypeAlias = Annotated[
    str,
    Domain(
        r"(\[[a-z0-9]([-a-z0-9.]*[a-z0-9])?\]|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)"
        f"({_PORT})?",
        "a host such as [smtp.example.net]:587, where brackets turn off the MX lookup",
        261,
    ),
]
DkimSelector: TypeAlias = Annotated[
    str, Text(_DNS_SUBDOMAIN, "a selector of lower-case letters, digits, '-' and '.', such as s2026a", 63)
]
MilterHost: TypeAlias = Annotated[
    str, Text(_DNS_SUBDOMAIN, "the name of a Service or host, or an IPv4 address, such as filter.mail.svc", 253)
]
MilterSocket: TypeAlias = Annotated[
    str,
    Text(
        "(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+",
        "an absolute path of letters, digits, '-', '_' and '.', such as /run/filter/milter.sock",
        # sun_path of unix(7).
        107,
    ),
]
SocketName: TypeAlias = Annotated[
    str,
    Text(
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        "a file name of lower-case letters, digits and '-', such as dovecot-lmtp",
        32,
    ),
]
# Letters of most alphabets. Dovecot's hierarchy separator, and what its configuration reads, are not among them.
_MAILBOX_LETTER = "[A-Za-z0-9\u00c0-\u024f\u0370-\u04ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
MailboxName: TypeAlias = Annotated[
    str,
    Text(
        f"{_MAILBOX_LETTER}([ _-]?{_MAILBOX_LETTER})*",
        "a mailbox name of letters and digits, and of single spaces, '-' or '_' between them, such as Sent Items",
        64,
    ),
]
ConfigText: TypeAlias = Annotated[str, Text(r"[ -~\t\n]*", "lines of printable ASCII", 16384)]
POSTFIX_TIME: Final = Time(
    "[1-9][0-9]{0,8}[smhdw]", "a whole number above zero and a unit (s, m, h, d or w), such as 15s", 10
)
PostfixTime: TypeAlias = Annotated[str, POSTFIX_TIME]
ImageReference: TypeAlias = Annotated[
    str,
    Text(
        "[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[a-f0-9]{64})?",
        "an image reference such as mailstack/postfix:3.10",
        512,
    ),
]
StorageClassName: TypeAlias = Annotated[str, Text(_DNS_SUBDOMAIN, "the name of a StorageClass, such as standard", 253)]
STORAGE_SIZE: Final = WithUnit("[1-9][0-9]{0,6}(Mi|Gi|Ti)", "a size with a unit (Mi, Gi or Ti), such as 10Gi", 12)
StorageSize: TypeAlias = Annotated[str, STORAGE_SIZE]
QuotaSize: TypeAlias = Annotated[
    str, WithUnit("[1-9][0-9]{0,6}(Ki|Mi|Gi|Ti)", "a size with a unit (Ki, Mi, Gi or Ti), such as 2Gi", 12)
]

# What external sources of users are asked. Dovecot's configuration reads " # $ % ; \\ { } and a quote as its own.
_ASKED = "[ !&()*+,./0-9:<=>?@A-Z\\[\\]^_`a-z|~-]"
_VARIABLE = r"%\{user( \| (username|domain))?\}"
_PART = f"({_ASKED}|'({_ASKED}|{_VARIABLE})*')*"
_SELECT = "(SELECT|select|WITH|with) "


class _Query(Text):
    """One SELECT of SQL, which becomes part of others: a comment would take their end away."""

    _COMMENTED: ClassVar = cel.Rule("!self.contains('--') && !self.contains('/*')", "must have no comment of SQL")

    def check(self, value: str) -> str:
        if "--" in value or "/*" in value:
            raise PydanticCustomError("comment", "must have no comment of SQL")
        return super().check(value)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**super().__get_pydantic_json_schema__(core, handler), **cel.rules(self.rule(), self._COMMENTED)}


_ON_ONE_LINE = 'on one line, without any of " # $ ; \\ { }'
UserQuery: TypeAlias = Annotated[
    str,
    _Query(
        f"{_SELECT}{_PART}'{_ASKED}*{_VARIABLE}({_ASKED}|{_VARIABLE})*'{_PART}",
        "one SELECT that looks for '%{user}', in single quotes (also '%{user | username}' and '%{user | domain}'; "
        "these are '%u', '%n' and '%d' of old queries), without any other %, " + _ON_ONE_LINE,
        2048,
    ),
]
ListQuery: TypeAlias = Annotated[
    str,
    _Query(
        f"{_SELECT}({_ASKED}|'{_ASKED}*')*",
        f"one SELECT of all users, without %{{user}} or any other %, {_ON_ONE_LINE}",
        2048,
    ),
]
ServerName: TypeAlias = Annotated[
    str,
    Text(
        "[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "the name of a host in its certificate, in lower case and without a port, such as db.example.org",
        253,
    ),
]
DatabaseName: TypeAlias = Annotated[
    str, Text("[A-Za-z0-9_]([A-Za-z0-9_.@-]*[A-Za-z0-9_])?", "a name of letters, digits, '_', '-', '.' and '@'", 63)
]
LdapUri: TypeAlias = Annotated[
    str,
    Text(
        f"ldaps://[a-z0-9]([-a-z0-9.]*[a-z0-9])?({_PORT})?",
        "a URI such as ldaps://ldap.example.org; ldap:// sends passwords unencrypted, and with StartTLS an outage is "
        "noticed after minutes; write it in lower case, by the name in the certificate",
        300,
    ),
]

_BYTE = r"\\[0-9A-Fa-f]{2}"
_AS_BYTES = "any other character as its bytes in UTF-8, such as \\c3\\bc for a u with two dots"


class _Ldap(Text):
    """A name or filter of a directory, in which any character may be written as its bytes (RFC 4514, RFC 4515)."""

    def check(self, value: str) -> str:
        written = re.sub(rf"({_BYTE})|\\?({_ASKED}|.)", _byte_by_byte, value, flags=re.DOTALL)
        # A variable is not meant as these characters, and a newline as none at all.
        if self.fits(value) or not self.fits(written) or re.search(r"[%\n]", value):
            return super().check(value)
        told = {"shown": _shown(value), "written": written}
        advice = "write {written}, each such character as its bytes in UTF-8"
        raise PydanticCustomError("ldap", f"invalid value {{shown}}: {advice}", told)


def _byte_by_byte(found: re.Match[str]) -> str:
    text = found[0].removeprefix("\\")
    if found[1] or (text == found[0] and re.fullmatch(_ASKED, text)):
        return found[0]
    return "".join(f"\\{byte:02x}" for byte in text.encode())


DistinguishedName: TypeAlias = Annotated[
    str,
    _Ldap(
        f"[A-Za-z][A-Za-z0-9.-]*=({_ASKED}|{_BYTE})*[A-Za-z0-9.)]",
        f"a distinguished name such as ou=people,dc=example,dc=org, {_AS_BYTES}",
        1024,
    ),
]
LdapFilter: TypeAlias = Annotated[
    str,
    _Ldap(
        f"[(]({_ASKED}|{_BYTE})+[)]",
        "a filter in parentheses, such as (objectClass=inetOrgPerson), without %{user}: the operator adds the address; "
        f"{_AS_BYTES}",
        1024,
    ),
]
AttributeName: TypeAlias = Annotated[
    str, Text("[A-Za-z][A-Za-z0-9-]*", "the name of an attribute, of letters, digits and '-', such as mail", 128)
]
HttpsUrl: TypeAlias = Annotated[
    str,
    Text(
        f"https://[a-z0-9]([-a-z0-9.]*[a-z0-9])?({_PORT})?(/[A-Za-z0-9._~/-]*)?",
        "an URL such as https://login.example.org/oauth2/introspect, without a user, '?' and '%'",
        1024,
    ),
]
ClientId: TypeAlias = Annotated[
    str, Text("[A-Za-z0-9]([A-Za-z0-9._:/ @-]*[A-Za-z0-9])?", "the name of a client, such as mail", 255)
]
ClaimName: TypeAlias = Annotated[
    str, Text("[A-Za-z][A-Za-z0-9_-]*", "the name of an attribute, of letters, digits, '_' and '-', such as email", 128)
]
ScopeToken: TypeAlias = Annotated[
    str, Text("[A-Za-z0-9][A-Za-z0-9._:/-]*", "one scope, of letters, digits, '.', '_', ':', '/' and '-'", 255)
]
ValuePrefix: TypeAlias = Annotated[str, Text("[A-Za-z0-9]+:", "a word and a colon, such as smtp:", 32)]


# Postfix's number of bytes has 32 bits. As long as one, so that a number without a unit gets the hint too.
MESSAGE_SIZE: Final = WithUnit(
    "[1-9][0-9]{0,2}(Ki|Mi)|1Gi", "a size of at most 1Gi with a unit (Ki, Mi or Gi), such as 50Mi", 12
)
MessageSize: TypeAlias = Annotated[str, MESSAGE_SIZE]


class _Quantity(Text):
    """A Kubernetes quantity. An integer in YAML is read as a string."""

    def matches(self, path: str) -> str:
        # string(), which takes both, has a result of any length to the API server's estimate of the rule's cost.
        return f"type({path}) == int ? {path} >= 0 : {super().matches(path)}"

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"x-kubernetes-int-or-string": True, "maxLength": self.max_length, **cel.rules(self.rule())}


Quantity: TypeAlias = Annotated[
    str,
    _Quantity("[0-9]{1,15}([.][0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?", "a quantity such as 100m, 256Mi or 2", 32),
    BeforeValidator(_integer_as_text),
]


class _ParameterValue(Text):
    """A value in main.cf. An integer in YAML is read as a string; a boolean cannot be: it may have been yes or true."""

    def matches(self, path: str) -> str:
        return f"type({path}) == int || {super().matches(path)}"

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"x-kubernetes-int-or-string": True, "maxLength": self.max_length, **cel.rules(self.rule())}


def _quoted_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("boolean", "must be a string: put yes and no in quotes")
    return _integer_as_text(value)


# A newline would begin another parameter.
ParameterValue: TypeAlias = Annotated[
    str, _ParameterValue("[ -~]*", "one line of printable ASCII", 4096), BeforeValidator(_quoted_boolean)
]


_QUALIFIED = f"({_DNS_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
METADATA_KEY: Final = Text(_QUALIFIED, "a name with an optional prefix, such as example.org/team", 317)
LabelValue: TypeAlias = Annotated[
    str, Text("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", "the value of a label, such as mail", 63)
]
LoadBalancerClass: TypeAlias = Annotated[
    str, Text(_QUALIFIED, "the name of a class of load balancers, such as example.org/internal", 317)
]
TopologyKey: TypeAlias = Annotated[
    str, Text(_QUALIFIED, "the key of a label, such as topology.kubernetes.io/zone", 317)
]
PriorityClassName: TypeAlias = Annotated[
    str, Text(_DNS_SUBDOMAIN, "the name of a PriorityClass, such as important", 253)
]
NamespaceName: TypeAlias = Annotated[str, Text(_LABEL, "the name of a namespace, such as monitoring", 63)]

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_GROUP = "[0-9A-Fa-f]{1,4}"
# RFC 4291, 2.2, without the form that ends in an IPv4 address.
_IPV6 = "|".join(
    (
        f"({_GROUP}:){{7}}{_GROUP}",
        f"({_GROUP}:){{1,7}}:",
        *(f"({_GROUP}:){{1,{7 - after}}}(:{_GROUP}){{1,{after}}}" for after in range(1, 7)),
        f":(:{_GROUP}){{1,7}}",
        "::",
    )
)
NETWORK: Final = Text(
    f"({_OCTET}[.]){{3}}{_OCTET}/(3[0-2]|[12]?[0-9])|({_IPV6})/(12[0-8]|1[01][0-9]|[1-9]?[0-9])",
    "a network such as 192.0.2.0/24 or 2001:db8::/32; a single address is one such as 192.0.2.1/32",
    43,
)
Network: TypeAlias = Annotated[str, NETWORK]
