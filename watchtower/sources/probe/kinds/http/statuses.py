"""HTTP statuses as a rule writes them: one, a range, a list."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

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
