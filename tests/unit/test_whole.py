"""A model whose checks over several keys run on what could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from watchtower.schema import Model
from watchtower.yamlfile import Whole, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails


class Part(Model):
    size: int
    colour: str = "red"


class Box(Whole):
    low: int = 0
    high: int = 10
    parts: tuple[Part, ...] = ()

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        if self.low > self.high and not {"low", "high"} & set(unread):
            yield told_at(("low",), "low is above high")
        if not self.parts and "parts" not in unread:
            yield told_at((), "an empty box")


PARTS = [{"size": 1}]


def told(**box: Any) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(ValidationError) as caught:
        Box.model_validate(box)
    return {error["loc"]: error["msg"] for error in caught.value.errors()}


def test_a_sound_box_is_read() -> None:
    assert Box.model_validate({"low": 1, "parts": PARTS}).parts == (Part(size=1),)


def test_a_faulty_key_does_not_hide_what_the_others_ask_of_each_other() -> None:
    assert told(low=20, parts=[{"size": "big"}])["low",] == "low is above high"
    assert set(told(low=20, parts=[{"size": 1}, {}])) == {("low",), ("parts", 1, "size")}


def test_nothing_follows_from_a_faulty_key() -> None:
    assert set(told(low="much", high=-5, parts=PARTS)) == {("low",)}
    assert set(told(parts="none")) == {("parts",)}


def test_an_unknown_key_hides_nothing_wherever_it_stands() -> None:
    assert set(told(low=20, parts=[{"size": 1, "weight": 2}])) == {("low",), ("parts", 0, "weight")}
    assert set(told(low=20, lid=True)) == {("lid",), ("low",), ()}


def test_a_mistyped_key_leaves_the_one_it_means_unknown() -> None:
    assert set(told(part=PARTS)) == {("part",)}
    assert set(told(low=20, hihg=30, parts=PARTS)) == {("hihg",)}


def test_what_is_no_mapping_is_told_as_such() -> None:
    with pytest.raises(ValidationError, match="valid dictionary"):
        Box.model_validate(["low"])
