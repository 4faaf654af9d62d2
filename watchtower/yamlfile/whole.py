"""What can be told of a mapping although some of its keys are faulty: one mistake hides no other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from watchtower.faults import did_you_mean
from watchtower.schema import Model
from watchtower.yamlfile.wording import PYDANTICS_OWN, known_keys

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: A path into the value that is being read.
Place = tuple[str | int, ...]


def told_at(place: Place, message: str) -> InitErrorDetails:
    """A fault at a place below the field or model that is being read."""
    return InitErrorDetails(type=PydanticCustomError("fault", "{message}", {"message": message}), loc=place, input=None)


def told(faults: Sequence[InitErrorDetails]) -> ValidationError:
    """The error that carries these faults out of a validator."""
    return ValidationError.from_exception_data("faults", list(faults))


class Whole(Model):
    """A model with checks over several keys, which run on what could be read of them. Each key has a default."""

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:  # noqa: ARG002
        """What is wrong with the keys together; those ``unread`` are faulty, so that nothing follows from them."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _every_fault(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            whole = handler(value)
        except ValidationError as error:
            raise told([*map(_again, error.errors()), *cls._of_the_rest(value, error, handler)]) from None
        if found := list(whole.faults(())):
            raise told(found)
        return whole

    @classmethod
    def _of_the_rest(
        cls, value: Any, error: ValidationError, handler: ModelWrapValidatorHandler[Self]
    ) -> list[InitErrorDetails]:
        if not isinstance(value, Mapping):
            return []
        rest, unread = readable(cls, value, error)
        try:
            return list(handler(rest).faults(unread))
        except ValidationError:
            return []  # what a faulty key left behind is faulty too: its own fault comes first


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """An error of a validation that is over, for one that goes on."""
    kind, context = detail["type"], detail.get("ctx", {})
    known = kind if kind in PYDANTICS_OWN else PydanticCustomError("fault", "{message}", {"message": detail["msg"]})
    return InitErrorDetails(type=known, loc=detail["loc"], input=detail["input"], ctx=context)


def readable(
    model: Any, raw: Mapping[str, Any], error: ValidationError, *, by_entry: Collection[str] = ()
) -> tuple[dict[str, Any], set[str]]:
    """What is left of a mapping without its faults, and the keys of which nothing is known any more.

    An unknown key that means nothing is left out wherever it stands; one that was told to mean another key leaves that
    one unknown. Of the mappings named in ``by_entry`` only the faulty entries go.
    """
    rest, unread = dict(raw), set[str]()
    for detail in error.errors(include_url=False):
        place = detail["loc"]
        meant = _meant(model, raw, detail) if detail["type"] == "extra_forbidden" else None
        if meant == "" or (place[0] in by_entry and len(place) > 1):
            rest = _without(rest, place if meant == "" else place[:2])
        else:
            rest.pop(str(place[0]), None)
            unread.add(meant if meant and len(place) == 1 else str(place[0]))
    return rest, unread


def _meant(model: Any, raw: Mapping[str, Any], detail: ErrorDetails) -> str:
    """The key that an unknown one stands for, empty when none is close."""
    *inside, key = detail["loc"]
    known = known_keys(model, tuple(inside), _inside(raw, inside))
    hint = did_you_mean(str(key), known)
    return next((name for name in known if f"`{name}`" in hint), "")


def _inside(value: Any, place: Sequence[str | int]) -> Any:
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _without(value: Any, place: Place) -> Any:
    """A copy of nested mappings and lists in which the entry at ``place`` is missing."""
    step, further = place[0], place[1:]
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if further or key != step}
        return {**kept, step: _without(kept[step], further)} if further and step in kept else kept
    if isinstance(value, list) and isinstance(step, int) and further:
        return [_without(item, further) if number == step else item for number, item in enumerate(value)]
    return value
