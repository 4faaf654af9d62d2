"""The targets of a probe rule: a list, or a file with one target per line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from watchtower.schema import Model
from watchtower.sources.probe.expect import Expect

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: labels that Watchtower itself sets on a probe's alerts
_OWN_LABELS = frozenset(
    {"alert", "alertname", "group", "source", "priority", "environment"}
    | {"target", "kind", "family", "phase", "address"}
)
_ROUTE_SOURCES = ("route53", "cloudfront", "alb")
_LATER = ("from", "http_sd")


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
            if _LABEL.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no label name; letters, digits and _ make one")
            if name in _OWN_LABELS:
                raise ValueError(f"the label {name!r} is set by Watchtower itself; choose another name")
        return labels


def _read(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, Mapping):
        return _not_empty(value)
    if len(value) != 1:
        raise ValueError("targets is a list, or one of {file: PATH}, {from: SOURCE}, {http_sd: URL}")
    [(kind, where)] = value.items()
    if kind in _LATER:
        raise ValueError(_refusal(kind, where))
    if kind != "file" or not isinstance(where, str):
        raise ValueError(f"targets does not know {kind!r}; write a list, or {{file: PATH}}")
    return _lines(_beside(where, info.context))


def _not_empty(value: object) -> object:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("targets is empty: this rule would watch nothing; name a target, or leave targets out")
    return value


def _refusal(kind: str, where: object) -> str:
    if kind == "from" and where not in _ROUTE_SOURCES:
        return f"from: {where!r} is unknown; it takes {', '.join(_ROUTE_SOURCES)} (and is not supported yet)"
    return f"targets: {{{kind}: …}} is not supported yet; write a list, or {{file: PATH}}"


def _beside(path: str, context: Any) -> Path:
    base = context.get("base_dir") if isinstance(context, Mapping) else None
    return Path(base or ".") / path


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the target file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the target file {path} is not UTF-8 text") from None
    targets = [target for line in text.splitlines() if (target := line.split("#", 1)[0].strip())]
    if not targets:
        raise ValueError(f"the target file {path} names no target")
    return targets


#: A list of targets, or where to find them.
Targets = Annotated[
    tuple[Target, ...],
    BeforeValidator(_read),
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
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
