"""What a tick of a probe says of its targets' time: spans to be booked. Pure.

A result stands for the time since the last one, for a period at most: what lies before was not watched, or, where polls
failed, not known. Only results are booked, never the alert: an alert waits for a second opinion, users do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.model import AlertKey, Truth
from watchtower.sources.uptime.ledger import FINE, HOUR, Spent, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchtower.model import Answer, Observation
    from watchtower.rulebook.rule import Rule

    #: Whether a series is in maintenance now.
    Planned = Callable[[Rule, Observation], bool]

#: Sources whose series say whether a target is up.
_TELLING = frozenset({"probe", "heartbeat"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that a tick answers for, in epoch seconds: what it saw is since ``begin``, what was lost since ``lost``.

    ``slot`` is the start of the newest slot.
    """

    lost: int
    begin: int
    end: int
    slot: int

    @classmethod
    def of(cls, tick: int, period: int, last_tick: int | None, failing_since: float | None) -> Stretch:
        """From the last committed tick to this one; ``failing_since``: when polls of the unit began to fail."""
        begin = max(tick - period, last_tick if last_tick is not None else tick - period)
        lost = begin
        if failing_since is not None and last_tick is not None:
            lost = min(begin, max(last_tick, int(failing_since)))
        return cls(lost, min(begin, tick), tick, tick - period)


def accounted(rule: Rule) -> bool:
    """Whether the rule's series say whether a target is up."""
    return rule.source in _TELLING and getattr(rule.query, "value", "success") == "success"


def spent(rule: Rule, answer: Answer, stretch: Stretch, planned: Planned) -> Iterator[Spent]:
    """The spans of every series of a rule that is accounted."""
    width = FINE if rule.slo else HOUR
    for each in answer.observations:
        state = _state(each, stretch.slot)
        if state is None:
            continue
        key, maintained = AlertKey(rule.name, each.identity), planned(rule, each)
        for what, start, end in ((Watched.UNKNOWN, stretch.lost, stretch.begin), (state, stretch.begin, stretch.end)):
            if start < end:
                yield Spent(key, Watched.MAINTENANCE if maintained else what, start, end, width)


def _state(each: Observation, slot: int) -> Watched | None:
    """None: nothing was asked, or what came is not of this slot."""
    if each.truth is Truth.NOT_FETCHED:
        return Watched.UNKNOWN
    if each.truth is not Truth.VALUE or not each.points or each.points[-1][0] < slot:
        return None
    return Watched.UP if each.points[-1][1] >= 1 else Watched.DOWN
