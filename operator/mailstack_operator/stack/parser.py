"""Parses a MailStack object, or says what is wrong with it."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailstack_operator.api.strings import NEW_STACK_NAME, STACK_NAME, Text
from mailstack_operator.kube import names
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.rules import rules
from mailstack_operator.stack.users.source import Spec
from mailstack_operator.stack.users.variants import VARIANTS, Variants, spec_model


class InvalidMailStack(ValueError):
    """The object is invalid; `problems` has a line for each mistake, with its field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def parse(
    body: Mapping[str, object], variants: Variants = VARIANTS, *, is_new: bool = False, is_judged: bool = False
) -> MailStack:
    """The MailStack in `body`, a decoded manifest; `variants` are the sources of users that it may name.

    The name of a new one must be shorter than that of one that is in a cluster already. One that was parsed before is
    judged: it breaks no rule.

    Raises InvalidMailStack.
    """
    name, uid = _metadata(body, "name"), _metadata(body, "uid")
    problems = [*_wrong_kind(body), *_wrong_name(name, NEW_STACK_NAME if is_new else STACK_NAME)]
    try:
        spec = spec_model(variants).model_validate(body.get("spec"))
    except ValidationError as error:
        raise InvalidMailStack(problems + [_sentence(detail) for detail in error.errors()]) from None
    # As in the API server, rules need fields that are valid by themselves.
    problems += () if is_judged else _broken(spec, variants)
    if problems or name is None:
        raise InvalidMailStack(problems)
    return MailStack(names.StackKey(_metadata(body, "namespace") or "default", name), uid, spec)


def _metadata(body: Mapping[str, object], field: str) -> str | None:
    """A field of the object's metadata, None if it has none."""
    metadata = body.get("metadata")
    value = metadata.get(field) if isinstance(metadata, Mapping) else None
    return str(value) if value is not None else None


def _broken(spec: Spec, variants: Variants) -> Iterator[str]:
    """The rules that the spec breaks, each with its field and what to do."""
    found = ((rule.path, rule.problem(spec)) for rule in rules(variants))
    return (f"{path}: {problem}" for path, problem in found if problem)


def _wrong_kind(body: Mapping[str, object]) -> Iterator[str]:
    if (body.get("apiVersion"), body.get("kind")) != (names.API_VERSION, names.KIND):
        yield f"apiVersion and kind: must be {names.API_VERSION} and {names.KIND}"


def _wrong_name(name: str | None, allowed: Text) -> Iterator[str]:
    if name is None:
        yield "metadata.name: is required"
        return
    try:
        allowed.check(name)
    except ValueError as error:
        yield f"metadata.name: {error}"


def _sentence(detail: ErrorDetails) -> str:
    """A pydantic error as `field: what to do`."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    messages = {
        "missing": "is required",
        "extra_forbidden": "unknown field: check the spelling, or upgrade the operator",
        "model_type": "must be an object",
        "string_type": "must be a string",
        "too_short": "must have at least one entry",
    }
    return f"spec{path}: {messages.get(detail['type'], detail['msg'])}"
