"""Values in a JSON body, named in JMESPath: the language that users of AWS know from --query.

It has neither loops nor regular expressions, so that a rule's expression costs time by the body's size alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import jmespath
import orjson
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHOWN = 100


def _sound(expression: str) -> str:
    try:
        _compiled(expression)
    except JMESPathError as error:
        hint = "; it is written without the leading $." if expression.startswith("$") else ""
        words = str(error).split("\n", 1)[0].rstrip(":")
        raise ValueError(f"{expression!r} is no JMESPath expression: {words}{hint}") from None
    return expression


@lru_cache(maxsize=1_024)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


#: An expression of https://jmespath.org.
JsonPath = Annotated[str, AfterValidator(_sound)]


def fault_of_json(body: str, wanted: Mapping[str, Any], shown: Callable[[str, int], str]) -> str:
    """Why the values of a body are not those that are wanted by their expressions; empty when they are."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "the body is not JSON"
    for expression, value in wanted.items():
        try:
            found = _compiled(expression).search(document)
        except (JMESPathError, RecursionError) as error:
            return f"{expression} cannot be read from the body: {shown(str(error).partition(chr(10))[0], _SHOWN)}"
        if found != value or isinstance(found, bool) != isinstance(value, bool):
            return f"{expression} is {shown(_written(found), _SHOWN)}, expected {shown(_written(value), _SHOWN)}"
    return ""


def _written(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:
        return "a value too deep to be shown"  # what orjson reads it does not always write
