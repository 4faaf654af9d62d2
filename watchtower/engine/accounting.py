"""Books what a tick of probes saw of its targets' time; maintenance that was announced is neither up nor down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.evaluation.labels import known_labels
from watchtower.evaluation.uptime import Stretch, accounted, spent
from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchtower.engine.judging import Session
    from watchtower.incidents.quiet import Mute
    from watchtower.incidents.silences import Silence
    from watchtower.model import Answer, Labels, Observation, PollResult
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.uptime.ledger import Spent
    from watchtower.store.store import Store


@dataclass(frozen=True, slots=True)
class Works:
    """The maintenance that is going on: windows of the configuration, and what somebody started."""

    windows: tuple[Mute, ...] = ()
    started: tuple[Silence, ...] = ()

    @classmethod
    def going_on(cls, windows: Sequence[Mute], silences: Sequence[Silence], now: datetime) -> Works:
        """Those of these that are maintenance and hold now."""
        return cls(
            tuple(each for each in windows if each.maintenance and each.window.active(now)),
            tuple(each for each in silences if each.maintenance and each.active(now)),
        )

    def cover(self, labels: Labels) -> bool:
        """Whether an alert with these labels is meant by any of it."""
        meant = (*(each.matchers for each in self.windows), *(each.matchers for each in self.started))
        return any(matches_all(matchers, labels) for matchers in meant)


async def booked(store: Store, session: Session, polled: PollResult) -> tuple[Spent, ...]:
    """The spans of time that this tick is the word on; none of a slot that was booked before."""
    rules = session.plan.rules
    answers = [answer for answer in polled.answers if answer.rule in rules and accounted(rules[answer.rule])]
    claimed = session.claimed
    if not answers or (claimed.last_tick is not None and session.tick <= claimed.last_tick):
        return ()
    works = Works.going_on(session.plan.windows, await store.silences(), session.now)
    return tuple(span for answer in answers for span in _spans(session, rules[answer.rule], answer, works))


def _spans(session: Session, rule: Rule, answer: Answer, works: Works) -> tuple[Spent, ...]:
    claimed = session.claimed
    failing = None if claimed.failing_since is None else epoch(claimed.failing_since)
    stretch = Stretch.of(session.tick, session.unit.period, claimed.last_tick, failing)

    def planned(rule: Rule, each: Observation) -> bool:
        return works.cover(known_labels(rule, each, session.environment, None))

    return tuple(spent(rule, answer, stretch, planned))
