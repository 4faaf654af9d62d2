"""Composites that decide nothing: no state of the rules they name makes them true, or every state does."""

from __future__ import annotations

from enum import Enum, auto
from itertools import product
from typing import TYPE_CHECKING

from watchtower.model import State
from watchtower.sources.composite import holds

if TYPE_CHECKING:
    from watchtower.sources.composite import CompositeQuery

#: Operands up to which all combinations of states are tried: 3 to the power of 8 take some hundredths of a second.
MOST_OPERANDS = 8


class Sense(Enum):
    """When a composite is true."""

    NEVER = auto()
    ONLY_UNSEEN = auto()  # only in groups whose alerts are all OK, and of those nobody knows
    ALSO_UNSEEN = auto()  # in such groups too
    SOMETIMES = auto()
    ALWAYS = auto()


def sense(query: CompositeQuery) -> Sense:
    """Try every combination of the operands' states; with more operands than that it is taken to make sense."""
    names = sorted(query.operands)
    if len(names) > MOST_OPERANDS:
        return Sense.SOMETIMES
    calm, troubled = _answers(query, names)
    if {calm} == troubled or not troubled:
        return Sense.ALWAYS if calm else Sense.NEVER
    if not (calm and query.by):
        return Sense.SOMETIMES
    return Sense.ALSO_UNSEEN if True in troubled else Sense.ONLY_UNSEEN


def _answers(query: CompositeQuery, names: list[str]) -> tuple[bool, set[bool]]:
    """What the expression says where every operand is OK, and what it can say where some are not."""
    root = query.expression.root
    calm = holds(root, dict.fromkeys(names, State.OK).get)
    troubled: set[bool] = set()
    for states in product(State, repeat=len(names)):
        if set(states) - {State.OK}:
            troubled.add(holds(root, dict(zip(names, states, strict=True)).get))
        if len(troubled) > 1:
            break
    return calm, troubled
