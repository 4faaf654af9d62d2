"""What pydantic complains about, as sentences with the exact place in the file."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from watchtower.faults import Misread, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from watchtower.faults import Fault
    from watchtower.yamlfile.document import Document, Location

#: What a wrong type should have been, by pydantic's error type.
_WANTED = {
    "string_type": "text",
    "path_type": "a path",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping (`key: value`)",
    "mapping_type": "a mapping (`key: value`)",
    "model_type": "a mapping (`key: value`)",
    "model_attributes_type": "a mapping (`key: value`)",
    "dataclass_type": "a mapping (`key: value`)",
    "none_required": "empty",
    "datetime_type": "a time like 2026-12-01T22:00:00Z",
    "datetime_parsing": "a time like 2026-12-01T22:00:00Z",
    "datetime_from_date_parsing": "a time like 2026-12-01T22:00:00Z",
    "timezone_aware": "a time with its zone, like 2026-12-01T22:00:00Z",
    "url_parsing": "a URL",
    "url_type": "a URL",
}

#: The types of the errors that pydantic itself makes.
PYDANTICS_OWN = frozenset(get_args(ErrorType))

#: Limits, by pydantic's error type; the braces are keys of the error's context.
_LIMITS = {
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "multiple_of": "must be a multiple of {multiple_of:g}",
    "too_short": "needs at least {min_length} of them",
    "too_long": "may have {max_length} at most",
    "string_too_short": "may not be empty",
    "string_too_long": "may have {max_length} characters at most",
    "string_pattern_mismatch": "is written in a form that is not allowed (it must match {pattern})",
}


def mistyped(given: Iterable[str], known: Collection[str], wanted: Collection[str]) -> bool:
    """An unknown key that was told to mean one of ``wanted``: saying that this is missing would only confuse."""
    hints = [did_you_mean(key, known) for key in given if key not in known]
    return any(f"`{name}`" in hint for hint in hints for name in wanted)


def without_faulty(raw: dict[str, Any], error: ValidationError, *, by_entry: Collection[str] = ()) -> dict[str, Any]:
    """What is left of a mapping without the keys that pydantic refused.

    Of the mappings named in ``by_entry`` only the faulty entries go.
    """
    sound = dict(raw)
    for detail in error.errors(include_url=False):
        key, entry = str(detail["loc"][0]), detail["loc"][1:2]
        if key in by_entry and entry and isinstance(sound.get(key), dict):
            sound[key] = {name: value for name, value in sound[key].items() if name != entry[0]}
        else:
            sound.pop(key, None)
    return sound


def validation_faults(
    error: ValidationError, document: Document, *, model: Any = None, at: Location = ()
) -> list[Fault]:
    """Every pydantic error as a fault.

    ``at`` is where in the document the validated value stands; ``model`` is what it was validated as; its
    keys feed "did you mean".
    """
    groups: dict[Location, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        groups.setdefault(_real(document, (*at, *detail["loc"])), []).append(detail)
    faults = []
    for real, details in groups.items():
        if not _overruled(real, details, groups):
            faults.extend(_faults(real, details, document, model, at))
    return list(dict.fromkeys(faults))


def _real(document: Document, loc: Location) -> Location:
    """The part of pydantic's path that the file has: union branches and missing keys drop out."""
    real: Location = ()
    for step in loc:
        if document.holds((*real, step)):
            real = (*real, step)
    return real


def _overruled(real: Location, details: Sequence[ErrorDetails], groups: Mapping[Location, Any]) -> bool:
    """A union's other branches say nothing when one got further; a list of faulty items is not too short."""
    if not all(detail["type"] in _WANTED or detail["type"] == "too_short" for detail in details):
        return False
    return any(len(other) > len(real) and other[: len(real)] == real for other in groups)


def _faults(
    real: Location, details: Sequence[ErrorDetails], document: Document, model: Any, at: Location
) -> list[Fault]:
    wanted = list(dict.fromkeys(_WANTED[d["type"]] for d in details if d["type"] in _WANTED))
    others = [detail for detail in details if detail["type"] not in _WANTED]
    if not others and wanted:
        message = f"{_name(real)} must be {' or '.join(wanted)}, not {_shown(details[0]['input'])}"
        return [document.fault(real, message)]
    return [_fault(real, detail, document, model, at) for detail in others]


def _fault(real: Location, detail: ErrorDetails, document: Document, model: Any, at: Location) -> Fault:
    kind = detail["type"]
    if kind == "extra_forbidden":
        siblings = document.get(real[:-1])
        known = known_keys(model, real[len(at) : -1], siblings)
        key = str(detail["loc"][-1])
        return document.fault(real, f"unknown key `{key}`{did_you_mean(key, known)}", key=True)
    if kind == "missing":
        return document.fault(real, f"`{detail['loc'][-1]}` is missing{_inside(real)}")
    if detail["loc"] and detail["loc"][-1] == "[key]":
        return document.fault(real, _sentence(real[:-1], detail).replace("`", "a key of `", 1), key=True)
    error = detail.get("ctx", {}).get("error")
    return document.fault(real, _sentence(real, detail), offset=error.offset if isinstance(error, Misread) else 0)


def _sentence(real: Location, detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", detail["msg"])) or f"{_name(real)} is not valid"
    if kind in ("literal_error", "enum"):
        return _not_one_of(real, detail["input"], re.findall(r"'([^']*)'", str(context["expected"])))
    if kind == "union_tag_invalid":
        known = re.findall(r"'([^']*)'", str(context["expected_tags"]))
        return _not_one_of((*real, str(context["discriminator"]).strip("'")), context["tag"], known)
    if kind == "union_tag_not_found":
        return f"`{str(context['discriminator']).strip(chr(39))}` is missing{_inside(real)}"
    if kind not in PYDANTICS_OWN:
        return detail["msg"]
    if kind in _LIMITS:
        return f"{_name(real)} {_LIMITS[kind].format(**context)}"
    return f"{_name(real)} is not valid: {detail['msg'].replace('Input should', 'it should')}"


def _not_one_of(real: Location, given: object, known: Sequence[str]) -> str:
    hint = did_you_mean(str(given), known)
    return f"{_name(real)} must be one of {', '.join(known)}, not {_shown(given)}{hint}"


def _name(real: Location) -> str:
    names = [step for step in real if isinstance(step, str)]
    if not names:
        return "the file"
    return f"an item of `{names[-1]}`" if isinstance(real[-1], int) else f"`{names[-1]}`"


def _inside(real: Location) -> str:
    names = [step for step in real if isinstance(step, str)]
    return f" in {_name(real)}" if names else ""


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"`{str(value)[:80]}`"


_CONTAINERS = {list: (list, tuple, Sequence), dict: (dict, Mapping)}


def known_keys(model: Any, loc: Location, siblings: object = None) -> list[str]:
    """The keys that the model knows at a path of the file; ``siblings`` tell a union's branches apart."""
    reached = list(_models(model))
    for step in loc:
        reached = [part for kind in reached for part in _step(kind, step)]
    return [name for kind in reached if _fits(kind, siblings) for name in _fields(kind)]


def _fits(kind: Any, siblings: object) -> bool:
    """No sibling contradicts the model's fixed values: a Slack channel knows nothing of PagerDuty's keys."""
    given = siblings if isinstance(siblings, dict) else {}
    return all(
        given[name] in get_args(annotation)
        for name, annotation in _fields(kind).items()
        if name in given and get_origin(annotation) is Literal
    )


def _fields(kind: Any) -> dict[str, Any]:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def _step(kind: Any, step: str | int) -> list[Any]:
    fields = _fields(kind)
    if step in fields:
        return list(_models(fields[str(step)]))
    container = list if isinstance(step, int) else dict
    if get_origin(kind) not in _CONTAINERS[container]:
        return []
    items = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return list(_models(items[-1]))


def _models(annotation: Any) -> Iterable[Any]:
    """An annotation taken apart: every model or container of a union, without Annotated."""
    if get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _models(part)
    else:
        yield annotation
