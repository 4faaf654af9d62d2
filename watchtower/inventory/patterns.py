"""What a value must look like: exact, a glob, one of a list, or like some and not like others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import re2
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SPECIAL = frozenset("*?\\")


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> Any:
    parts = []
    escaped = False
    for char in glob:
        if escaped or char not in _SPECIAL:
            parts.append(re2.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append(".*" if char == "*" else ".")
    return re2.compile("(?s)" + "".join(parts))


def glob_matches(glob: str, value: str) -> bool:
    """Whether the whole value fits: ``*`` any run, ``?`` one character, a backslash escapes."""
    return _compiled(glob).fullmatch(value) is not None


def exact_value(glob: str) -> str | None:
    """The one value a pattern without wildcards means, unescaped; None for a real glob."""
    plain, escaped = [], False
    for char in glob:
        if not escaped and char == "\\":
            escaped = True
            continue
        if not escaped and char in "*?":
            return None
        plain.append(char)
        escaped = False
    return "".join(plain)


@dataclass(frozen=True, slots=True)
class ValuePattern:
    """A value fits when it is like one of ``like`` and none of ``unlike``; both are globs."""

    like: tuple[str, ...]
    unlike: tuple[str, ...] = ()

    def matches(self, value: str) -> bool:
        """Whether the value fits."""
        return any(glob_matches(glob, value) for glob in self.like) and not any(
            glob_matches(glob, value) for glob in self.unlike
        )

    @property
    def exact(self) -> str | None:
        """The only value that can fit; None when that must be found out."""
        if len(self.like) != 1 or self.unlike:
            return None
        return exact_value(self.like[0])

    def __str__(self) -> str:
        text = " or ".join(self.like)
        return text + (f", not {' or '.join(self.unlike)}" if self.unlike else "")


def _globs(value: object, where: str) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Sequence) or not given:
        raise ValueError(f"{where} takes a text or a list of texts")
    wrong = [item for item in given if not isinstance(item, str) or not item]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a text; write it in quotes")
    return tuple(given)


def parse_pattern(value: object) -> ValuePattern:
    """Read ``exact``, ``glob*``, ``[a, b*]`` or ``{like: [..], not: [..]}``; raises ValueError."""
    if isinstance(value, ValuePattern):
        return value
    if not isinstance(value, Mapping):
        if isinstance(value, str | list | tuple):
            return ValuePattern(_globs(value, "a pattern"))
        raise ValueError(f"{value!r} is not a text; write it in quotes")
    unknown = [key for key in value if key not in ("like", "not")]
    if unknown or not value:
        raise ValueError("a pattern in braces has the keys `like` and `not`, each a text or a list of texts")
    like = _globs(value["like"], "`like`") if "like" in value else ("*",)
    unlike = _globs(value["not"], "`not`") if "not" in value else ()
    return ValuePattern(like, unlike)


def _written(pattern: ValuePattern) -> object:
    if pattern.unlike:
        return {"like": list(pattern.like), "not": list(pattern.unlike)}
    return pattern.like[0] if len(pattern.like) == 1 else list(pattern.like)


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}

#: A pattern as rules write it.
Pattern = Annotated[
    ValuePattern,
    BeforeValidator(parse_pattern),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                *_TEXTS["anyOf"],
                {
                    "type": "object",
                    "properties": {"like": _TEXTS, "not": _TEXTS},
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]
