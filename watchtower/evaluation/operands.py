"""What a composite's expression says of its operands, and which of them make it so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.evaluation.wording import telling
from watchtower.model import Labels, State
from watchtower.sources.composite import All, Constant, Is, Not, Some
from watchtower.sources.composite import holds as expression_holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watchtower.model import AlertState
    from watchtower.sources.composite import CompositeQuery, Node

#: Alerts that a reason names, and whose own reasons go with a message.
_NAMED, _EVIDENCE = 3, 10


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one operand in one group, and the alerts that are in it; nobody remembers those that are OK."""

    state: State = State.OK
    alerts: tuple[AlertState, ...] = ()

    @classmethod
    def of(cls, alerts: Sequence[AlertState], *, kept: bool = False) -> Standing:
        """ALARM where any alert is in ALARM, else INSUFFICIENT_DATA where any is, else OK.

        ``kept``: an alert that fires without data counts as the ALARM it was.
        """
        alarmed = tuple(each for each in alerts if each.state is State.ALARM or (kept and each.firing))
        if alarmed:
            return cls(State.ALARM, alarmed)
        dark = tuple(each for each in alerts if each.state is State.INSUFFICIENT_DATA)
        return cls(State.INSUFFICIENT_DATA, dark) if dark else _OK


_OK = Standing()

Standings = dict[str, Standing]
Group = dict[str, list["AlertState"]]


def grouped(query: CompositeQuery, states: Iterable[AlertState]) -> dict[Labels, Group]:
    """The operands' alerts that are not OK, by the group they are in and the rule they belong to.

    A label that an alert lacks is left out of its group, as an empty one is. One that never fired may not know all its
    labels yet; it is in no group.
    """
    operands = query.operands
    groups: dict[Labels, Group] = {}
    for state in states:
        if state.state is State.OK or state.key.rule not in operands:
            continue
        group = Labels([(name, value) for name in query.by if (value := state.labels.get(name))])
        if state.firing or len(group) == len(query.by):
            groups.setdefault(group, {}).setdefault(state.key.rule, []).append(state)
    return groups


def standings(group: Group, *, kept: bool = False) -> Standings:
    """How each operand of a group stands; those that are absent are OK."""
    return {name: Standing.of(alerts, kept=kept) for name, alerts in group.items()}


def holds(node: Node, known: Mapping[str, Standing]) -> bool:
    """Whether an expression is true."""
    return expression_holds(node, lambda name: known.get(name, _OK).state)


def _responsible(node: Node, known: Mapping[str, Standing]) -> Iterator[Is | Constant]:
    """The parts that make an expression what it is: of a true OR the true ones, of a false AND the false ones."""
    if isinstance(node, Not):
        yield from _responsible(node.part, known)
    elif isinstance(node, All | Some):
        decided = holds(node, known)
        for part in node.parts:
            if holds(part, known) is decided:
                yield from _responsible(part, known)
    else:
        yield node


def because(node: Node, known: Mapping[str, Standing]) -> str:
    """Why an expression is true, or false: ``ALARM(AlbErrors): app/shop is in ALARM``."""
    return "; ".join(dict.fromkeys(_said(part, known) for part in _responsible(node, known)))


def evidence(node: Node, known: Mapping[str, Standing]) -> tuple[str, ...]:
    """The operands' alerts that make it so, each with its own reason; bounded."""
    leaves = [part for part in _responsible(node, known) if isinstance(part, Is)]
    alerts = {each.key: each for leaf in leaves for each in known.get(leaf.name, _OK).alerts}
    return tuple(f"{key}: {each.reason}" for key, each in list(alerts.items())[:_EVIDENCE])


def _said(part: Is | Constant, known: Mapping[str, Standing]) -> str:
    if isinstance(part, Constant):
        return str(part)
    standing = known.get(part.name, _OK)
    negated = "" if standing.state is part.state else "NOT "
    return f"{negated}{part}: {_stands(standing)}"


def _stands(standing: Standing) -> str:
    if standing.state is State.OK:
        return "it is OK"
    names = [" ".join(telling(each.key.identity)) for each in standing.alerts]
    if names == [""]:
        return f"it is in {standing.state}"
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown}{f' and {more} more' if more > 0 else ''} {'is' if len(names) == 1 else 'are'} in {standing.state}"
