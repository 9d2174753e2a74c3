"""What every model of the API shares."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """camelCase in YAML; unknown fields are refused; values do not change."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def each_once(items: list[str]) -> list[str]:
    if len(set(items)) != len(items):
        raise PydanticCustomError("unique", "an entry stands twice: write each once")
    return items
