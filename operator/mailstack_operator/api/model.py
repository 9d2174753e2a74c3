"""What every model of the API shares."""

from collections import Counter

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """camelCase in YAML. Unknown fields are refused. Instances are immutable."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def each_once(items: list[str]) -> list[str]:
    repeated = [item for item, count in Counter(items).items() if count > 1]
    if repeated:
        raise PydanticCustomError("unique", "duplicate entry {entry}: list it once", {"entry": repr(repeated[0])})
    return items
