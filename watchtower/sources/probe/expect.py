"""What a probe expects of an answer, as a rule writes it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

import re2
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema, model_validator

from watchtower.schema import Model

_RANGE = re.compile(r"\s*(\d{3})\s*(?:-\s*(\d{3})\s*)?")
_EXAMPLE = "write one status (200), a range (200-299) or a list (200-299,301)"

#: Inclusive ranges of HTTP statuses.
Ranges = tuple[tuple[int, int], ...]


def _statuses(value: object) -> object:
    if isinstance(value, tuple):
        return value
    if value in (None, True, False, []):
        raise ValueError(f"{value!r} is no HTTP status; {_EXAMPLE}")
    texts = [str(part) for part in value] if isinstance(value, list) else str(value).split(",")
    return tuple(_range(text) for text in texts)


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text.strip()!r} is no HTTP status; {_EXAMPLE}")
    low = int(found.group(1))
    high = int(found.group(2) or low)
    if not 100 <= low <= high <= 599:
        raise ValueError(f"{text.strip()!r} is no range of HTTP statuses (100 to 599, the lower first); {_EXAMPLE}")
    return low, high


def format_statuses(ranges: Ranges) -> str:
    """The ranges as a rule writes them: ``200-299,301``."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


Statuses = Annotated[
    Ranges,
    BeforeValidator(_statuses),
    PlainSerializer(format_statuses),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": r"^\s*\d{3}(\s*-\s*\d{3})?(\s*,\s*\d{3}(\s*-\s*\d{3})?)*\s*$"},
                {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 1},
            ]
        }
    ),
]


_LATER = "is not supported yet; status, contains and lacks are"


def _later_regex(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("regex takes a pattern, and " + _LATER)  # noqa: TRY004
    _compiles(value)
    raise ValueError("regex " + _LATER)


def _compiles(pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def _later_mapping(value: object, info: ValidationInfo) -> object:
    shape = "" if isinstance(value, dict) else f"{info.field_name} takes a mapping, and "
    raise ValueError(f"{shape}{info.field_name} {_LATER}")


class Expect(Model):
    """What makes an answer a success; everything that is given must hold.

    ``contains`` and ``lacks`` look at the first MiB of the decoded body; upper and lower case differ.
    """

    status: Statuses = ((200, 299),)
    contains: str | None = Field(default=None, min_length=1)
    lacks: str | None = Field(default=None, min_length=1)
    regex: Annotated[Any, BeforeValidator(_later_regex)] = None
    headers: Annotated[Any, BeforeValidator(_later_mapping)] = None
    json_path: Annotated[Any, BeforeValidator(_later_mapping)] = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.contains and self.lacks and self.lacks in self.contains:
            raise ValueError(f"no body contains {self.contains!r} and lacks {self.lacks!r}")
        return self

    @property
    def wants_body(self) -> bool:
        """Whether the body decides."""
        return bool(self.contains or self.lacks)

    def fault_of(self, status: int, body: str) -> str:
        """Why an answer is not what was expected, in words; empty when it is."""
        if not self.expects(status):
            return f"status {status}, expected {format_statuses(self.status)}"
        if self.contains and self.contains not in body:
            return f"body lacks {self.contains!r}"
        if self.lacks and self.lacks in body:
            return f"body contains {self.lacks!r}"
        return ""

    def expects(self, status: int) -> bool:
        """Whether the status is one of those expected."""
        return any(low <= status <= high for low, high in self.status)
