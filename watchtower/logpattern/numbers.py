"""JSON lines with their numbers as they are written: a float has 53 bits, and an id in a log may have more."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import orjson

#: Numbers that are kept exactly; a longer one, or one with a larger exponent, is only its text. So all are cheap.
_NUMBER = re.compile(r"[+-]?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,3})?", re.ASCII)
#: What a float may not hold: many digits in a row, or a large exponent. Few lines have it; the others are read fast.
_BEYOND_FLOAT = re.compile(r"[0-9][0-9.]{15,}|[0-9][eE][+-]?[0-9]{3}")


def as_number(text: str) -> Decimal | None:
    """The number that a text is: an integer, a decimal, or either with an exponent."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def read_json(line: str) -> Any:
    """The content of a line; None for one that is no JSON, or is nested too deeply."""
    if _BEYOND_FLOAT.search(line):
        try:
            return json.loads(line, parse_int=_integer, parse_float=_decimal, parse_constant=_refused)
        except (ValueError, RecursionError):
            pass
    try:
        return orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def _integer(text: str) -> int | str:
    return int(text) if _NUMBER.fullmatch(text) else text


def _decimal(text: str) -> float | Decimal | str:
    exact = as_number(text)
    if exact is None:
        return text
    rounded = float(text)
    return rounded if Decimal(str(rounded)) == exact else exact


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
