"""The base of every model that reads YAML: strict about keys, frozen afterwards."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from watchtower.durations import format_duration, parse_duration


class Model(BaseModel):
    """Unknown keys are faults; what was read cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _duration(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a duration; write it with a unit, like 30s, 5m or 1h30m")


#: Seconds, written ``1h30m``.
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|w|d|h|m|s))+$", "examples": ["30s", "1h30m"]}),
]
