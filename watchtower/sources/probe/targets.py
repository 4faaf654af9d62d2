"""The targets of a probe rule: a list, or where to find one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from watchtower.errors import SourceError
from watchtower.inventory.patterns import Pattern
from watchtower.inventory.sites import read_lines
from watchtower.schema import Model
from watchtower.sources.probe.kinds.http.expect import Expect
from watchtower.sources.probe.where import FROM, Where

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: labels that Watchtower itself sets on a probe's alerts
_OWN_LABELS = frozenset(
    {"alert", "alertname", "group", "source", "priority", "environment"}
    | {"target", "kind", "family", "phase", "address"}
)


class Target(Model):
    """One target; ``expect`` stands instead of the rule's own, as a whole."""

    target: str = Field(min_length=1, max_length=2048)
    labels: Mapping[str, str] = Field(default_factory=dict)
    expect: Expect | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"target": value} if isinstance(value, str) else value

    @field_validator("labels")
    @classmethod
    def _free_labels(cls, labels: Mapping[str, str]) -> Mapping[str, str]:
        for name in labels:
            free(name)
        return labels


def _read(value: object, info: ValidationInfo) -> tuple[Target, ...] | Where:
    if isinstance(value, Where):
        return value
    if not isinstance(value, Mapping):
        if isinstance(value, list | tuple) and not value:
            raise ValueError("targets is empty: this rule would watch nothing; name a target, or leave targets out")
        return _LIST.validate_python(value, context=info.context)
    where = Where.model_validate(value, context=info.context)
    for name in where.labels:
        free(name)
    return where


def free(name: str) -> str:
    """A label that a target may bring; raises ValueError for others."""
    if _LABEL.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no label name; letters, digits and _ make one")
    if name in _OWN_LABELS:
        raise ValueError(f"the label {name!r} is set by Watchtower itself; choose another name")
    return name


def lines(where: Where) -> tuple[tuple[int, Target], ...]:
    """The targets of a file as it is now, with the numbers of their lines; raises ValueError."""
    try:
        return tuple((number, Target(target=line)) for number, line in read_lines(Path(where.place)))
    except SourceError as error:
        raise ValueError(error.detail) from None


def _written(targets: tuple[Target, ...] | Where) -> object:
    if isinstance(targets, Where):
        return targets.model_dump(mode="json", by_alias=True)
    return [target.model_dump(mode="json") for target in targets]


_LIST: TypeAdapter[tuple[Target, ...]] = TypeAdapter(tuple[Target, ...])
_PATTERN: dict[str, Any] = TypeAdapter(Pattern).json_schema()
#: A list of targets, or where to find them.
Targets = Annotated[
    tuple[Target, ...] | Where,
    PlainValidator(_read),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["target"]}]},
                },
                {
                    "type": "object",
                    "properties": {
                        "from": {"enum": list(FROM)},
                        "file": {"type": "string"},
                        "http_sd": {"type": "string", "pattern": "^https?://"},
                        "names": _PATTERN,
                        "zones": _PATTERN,
                        "tags": {"type": "object", "additionalProperties": _PATTERN},
                        "scheme": {"enum": ["internet-facing", "internal"]},
                        "labels": {"type": "array", "items": {"type": "string"}},
                    },
                    "oneOf": [{"required": ["from"]}, {"required": ["file"]}, {"required": ["http_sd"]}],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
