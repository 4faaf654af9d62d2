"""Patterns for space-delimited lines: a name for each field, conditions on them, ``...`` for any number of fields.

Whether the last field takes all that is left of a line AWS does not say; its own examples ask for it, and so does the
idiom ``[(w1="*this*") && (w1!="*that*")]``, which is why it does here. A pattern with ``...`` says itself where fields
may be left over, so that there each field is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.logpattern.conditions import read_condition
from watchtower.logpattern.operands import Node, read_test

if TYPE_CHECKING:
    from watchtower.logpattern.scanner import Cursor

_CLOSING = {'"': '"', "[": "]"}

#: The number of an item between commas, and a name in it.
Place = tuple[int, str]
Row = Mapping[Place, Node]


@dataclass(slots=True)
class Item:
    """What stands between two commas: the names in it in their order, and what must hold; neither for a bare comma."""

    names: list[str] = field(default_factory=list)
    holds: Callable[[Row], bool] | None = None
    ellipsis: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """``slots`` are the names of the fields in order, None for one without; ``gap`` is where the ``...`` stands."""

    items: tuple[Item, ...]
    slots: tuple[str | None, ...]
    gap: int | None
    places: Mapping[Place, int]

    def matches(self, line: str) -> bool:
        """Whether a filter with this pattern counts the line."""
        if not self.items:
            return True
        values = self._values(line)
        if values is None:
            return False
        row = {place: Node.of_text(values[slot]) for place, slot in self.places.items()}
        return all(item.holds(row) for item in self.items if item.holds is not None)

    def extract(self, line: str) -> dict[str, str] | None:
        """The values of a line that matches: by ``$name``, or by ``$number`` where a field has none."""
        if not self.matches(line):
            return None
        texts = [line[start + quoted : end - quoted] for start, end, quoted in _split(line)]
        if not self.items:
            return {f"${number}": text for number, text in enumerate(texts, 1)}
        if self.gap is None:
            values = self._values(line) or ()
            return {f"${name or at}": value for at, (name, value) in enumerate(zip(self.slots, values, strict=True), 1)}
        behind = len(texts) - (len(self.slots) - self.gap)
        names = [*self.slots[: self.gap], *[None] * (behind - self.gap), *self.slots[self.gap :]]
        return {f"${name or at}": text for at, (name, text) in enumerate(zip(names, texts, strict=True), 1)}

    def _values(self, line: str) -> Sequence[str] | None:
        """The value of each slot; None when the line has too few fields."""
        spans = _split(line)
        count = len(self.slots)
        if len(spans) < count:
            return None
        texts = [line[start + quoted : end - quoted] for start, end, quoted in spans]
        if self.gap is not None:
            return texts[: self.gap] + texts[len(texts) - (count - self.gap) :]
        if len(spans) > count:
            texts[count - 1] = line[spans[count - 1][0] :].rstrip()
        return texts[:count]


def _split(line: str) -> list[tuple[int, int, int]]:
    """The fields of a line as (start, end, 1 if it stands between quotes or brackets, else 0), in linear time."""
    spans: list[tuple[int, int, int]] = []
    unclosed: set[str] = set()
    at, length = 0, len(line)
    while at < length:
        if line[at].isspace():
            at += 1
            continue
        closing = _CLOSING.get(line[at], "")
        end = line.find(closing, at + 1) if closing and closing not in unclosed else -1
        if end >= 0:
            spans.append((at, end + 1, 1))
            at = end + 1
            continue
        unclosed.add(closing)
        start = at
        while at < length and not line[at].isspace():
            at += 1
        spans.append((start, at, 0))
    return spans


def read_fields(cursor: Cursor) -> Fields:
    """The whole pattern as fields; the cursor stands on its first bracket."""
    start = cursor.at
    cursor.at += 1
    items: list[Item] = []
    cursor.skip_space()
    while not cursor.take("]"):
        items.append(_read_item(cursor, len(items)))
        cursor.skip_space()
        if cursor.take(","):
            cursor.skip_space()
            if cursor.here == "]":
                items.append(Item())
        elif not cursor.here:
            cursor.fail("the bracket is never closed", start)
        elif cursor.here != "]":
            cursor.fail("`,` or `]` is missing here")
    cursor.skip_space()
    if cursor.here:
        cursor.fail("nothing may stand behind the closing bracket")
    return _resolved(cursor, items)


def _read_item(cursor: Cursor, number: int) -> Item:
    if cursor.here == ",":
        return Item()
    if cursor.take("..."):
        return Item(ellipsis=True)
    item = Item()
    item.holds = read_condition(cursor, lambda: _read_leaf(cursor, item, number))
    return item


def _read_leaf(cursor: Cursor, item: Item, number: int) -> Callable[[Row], bool]:
    name = cursor.take_while(_named)
    if not name:
        cursor.fail("the name of a field is missing here")
    if name not in item.names:
        item.names.append(name)
    cursor.skip_space()
    test, place = read_test(cursor), (number, name)
    return (lambda _row: True) if test is None else (lambda row: test(row[place]))


def _named(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "_-$@.")


def _resolved(cursor: Cursor, items: Sequence[Item]) -> Fields:
    """Which field each name means: its item's own, another item's, or one of its own right behind.

    AWS's example ``status_code = 4* && bytes > 1000`` names two fields between two commas.
    """
    heads = {item.names[0] for item in items if item.names}
    slots: list[str | None] = []
    places: dict[Place, int] = {}
    gap: int | None = None
    for number, item in enumerate(items):
        if item.ellipsis:
            if gap is not None:
                cursor.fail("`...` may stand in a pattern once", cursor.text.rindex("..."))
            gap = len(slots)
            continue
        own = [name for name in item.names[1:] if name not in heads]
        if not item.names:
            slots.append(None)
        for name in (*item.names[:1], *own):
            places[number, name] = len(slots)
            slots.append(name)
    for number, item in enumerate(items):
        for name in item.names:
            places.setdefault((number, name), slots.index(name))
    return Fields(tuple(items), tuple(slots), gap, places)
