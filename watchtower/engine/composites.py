"""The tick of all composites: claimed, fenced and committed like any other, on what the store remembers of the others.

It is due in the commit that changes an alert which a composite reads, when a period that holds one back ends, and
otherwise once a minute. What is committed while it runs makes it due again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import epoch
from watchtower.engine.plan import COMPOSITES, SELF
from watchtower.engine.selfwatch import OWN_ALERTS
from watchtower.engine.startup import Gate
from watchtower.evaluation.composite import due, judge_composites
from watchtower.sources.composite import HEARTBEAT
from watchtower.store.values import TickCommit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.engine.writer import Writer
    from watchtower.evaluation.outcome import Outcome
    from watchtower.live import Live
    from watchtower.model import AlertState
    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit

log = structlog.get_logger("watchtower.tick")

#: Seconds until it is looked again whether the rules that composites read were asked.
_LOOK_AGAIN = 1.0


class Composites:
    """Judges the composites of a plan."""

    def __init__(self, store: Store, writer: Writer, live: Live, clock: Clock, environment: str) -> None:
        self._store = store
        self._writer = writer
        self._live = live
        self._clock = clock
        self._environment = environment
        self._plan: Plan | None = None
        self._gate = Gate()

    async def run(self, plan: Plan, claimed: ClaimedUnit) -> bool:
        """Claimed unit in, committed tick out; whether there are transitions to flush."""
        now = self._clock.now()
        if await self._too_early(plan, now):
            await self._writer.commit(_postponed(claimed, now))
            return False
        names = plan.read.union(rule.name for rule in plan.composites)
        known = await self._store.alert_states(names)
        outcomes = judge_composites(plan.composites, known, now, self._environment)
        commit = _commit(claimed, known, outcomes, now)
        committed = await self._writer.commit(commit)
        self._say(outcomes, now, committed)
        return committed and bool(commit.transitions)

    async def _too_early(self, plan: Plan, now: datetime) -> bool:
        """After a start, and for new rules, nothing is known of what was never asked: OK(x) would be a guess."""
        if plan is not self._plan:
            self._plan, self._gate = plan, Gate()
        if not self._gate.open:
            health = await self._store.unit_health()
            if self._gate.look(_feeders(plan), health, now, self._clock.monotonic()):
                log.info("composites.wait_for_operands", missing=sorted(self._gate.missing))
        return not self._gate.open

    def _say(self, outcomes: Sequence[Outcome], now: datetime, committed: bool) -> None:
        metrics = self._live.metrics
        if committed:
            metrics.ticks.labels(COMPOSITES.partition("/")[0]).inc()
        else:
            metrics.ticks_fenced.inc()
        for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
            log.warning("template.failed", unit=COMPOSITES, note=note)
        log.info(
            "tick",
            unit=COMPOSITES,
            tick=now.isoformat(),
            evaluated=sum(outcome.evaluated for outcome in outcomes),
            alarms=sum(outcome.alarms for outcome in outcomes),
            insufficient=sum(outcome.insufficient for outcome in outcomes),
            transitions=sum(len(outcome.transitions) for outcome in outcomes),
            committed=committed,
        )


def _feeders(plan: Plan) -> frozenset[str]:
    """The units that evaluate what composites read."""
    units = {unit.id for unit in plan.units.values() if any(ask.rule in plan.read for ask in unit.asks)}
    return frozenset((units | ({SELF.id} if plan.read & OWN_ALERTS else set())) - {COMPOSITES})


def _commit(
    claimed: ClaimedUnit, known: Sequence[AlertState], outcomes: Sequence[Outcome], now: datetime
) -> TickCommit:
    states = tuple(state for outcome in outcomes for state in outcome.states)
    after = {state.key: state for state in (*known, *states)}
    next_due = min(filter(None, (due(after.values()), now + timedelta(seconds=HEARTBEAT))))
    return TickCommit(
        unit=claimed.id,
        epoch=claimed.epoch,
        due_at=next_due,
        last_tick=int(epoch(now)),
        memory=None,
        failing_since=None,
        failures=0,
        failure="",
        states=states,
        transitions=tuple(change for outcome in outcomes for change in outcome.transitions),
        woken=claimed.woken,
    )


def _postponed(claimed: ClaimedUnit, now: datetime) -> TickCommit:
    return TickCommit(
        unit=claimed.id,
        epoch=claimed.epoch,
        due_at=now + timedelta(seconds=_LOOK_AGAIN),
        last_tick=None,
        memory=None,
        failing_since=None,
        failures=0,
        failure="",
    )
