"""The base of every model that reads YAML: strict about keys, frozen afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from watchtower.durations import format_duration, parse_duration

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Model(BaseModel):
    """Unknown keys are faults; what was read cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _duration(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a duration; write it with a unit, like 30s, 5m or 1h30m")


DURATION_PATTERN = r"^\s*(\d+(\.\d+)?(ms|w|d|h|m|s))+\s*$"

#: Seconds, written ``1h30m``.
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"const": 0}], "examples": ["1h30m"]}),
]


@dataclass(frozen=True, slots=True)
class OrText:
    """Says in JSON Schema that a text of the form ``text`` may stand where the annotated model is asked for."""

    text: JsonSchemaValue

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [self.text, handler(schema)]}


@dataclass(frozen=True, slots=True)
class OrOne:
    """Says in JSON Schema that one item may stand where the annotated list of them is asked for."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}
