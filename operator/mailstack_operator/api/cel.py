"""Rules in the Common Expression Language, as in the CRD (x-kubernetes-validations).

Each has a message that says what to do; `kubectl apply` shows it.
"""

from dataclasses import dataclass

from pydantic.config import JsonDict


@dataclass(frozen=True)
class Rule:
    """`expression` must hold; `message` is a text, `message_expression` a CEL expression that yields one.

    `at_creation`: it is not asked of an object that exists already. That takes Kubernetes 1.30 (optionalOldSelf).
    """

    expression: str
    message: str
    message_expression: str | None = None
    at_creation: bool = False

    def as_json(self) -> JsonDict:
        expression: JsonDict = {"messageExpression": self.message_expression} if self.message_expression else {}
        if not self.at_creation:
            return {"message": self.message, **expression, "rule": self.expression}
        rule = f"oldSelf.hasValue() || ({self.expression})"
        return {"message": self.message, **expression, "optionalOldSelf": True, "rule": rule}


def rules(*each: Rule) -> JsonDict:
    """A schema fragment with the rules."""
    return {"x-kubernetes-validations": [rule.as_json() for rule in each]}


def text(value: str) -> str:
    """A CEL string literal."""
    for char, escaped in (("\\", r"\\"), ("'", r"\'"), ("\n", r"\n"), ("\t", r"\t")):
        value = value.replace(char, escaped)
    return f"'{value}'"


def strings(values: list[str]) -> str:
    """A CEL list literal of strings."""
    return "[" + ", ".join(map(text, values)) + "]"


def mapping(values: dict[str, str]) -> str:
    """A CEL map literal from strings to strings."""
    return "{" + ", ".join(f"{text(key)}: {text(value)}" for key, value in values.items()) + "}"
