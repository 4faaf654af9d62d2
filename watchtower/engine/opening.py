"""When the flush may be done: not before those that may hold others back were evaluated, nor before what expired
while nobody looked, or because the clock was set forward, was evaluated once, nor before open incidents were compared
with what is true now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from watchtower.engine.startup import Gate, feeders, watchers
from watchtower.engine.steps import Steps
from watchtower.store.values import FURTHEST_RETRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.incidents.quiet import Quiet
    from watchtower.store.store import Store
    from watchtower.store.values import UnitHealth

log = structlog.get_logger("watchtower.engine")


class Opening:
    """Asked before each flush; it looks at the clocks too."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._steps = Steps(clock)
        #: What an earlier process wrote may go by a clock that was ahead; its retries may wait for a good reason.
        self._mend_beyond: float | None = FURTHEST_RETRY
        self._gate = Gate()
        self._overdue: frozenset[str] | None = None

    async def too_early(self, plan: Plan, quiet: Quiet) -> bool:
        """Whether a flush would tell what the next evaluation takes back; for a minute at most."""
        await self._follow_clock()
        if self._gate.open:
            return False
        health = await self._store.unit_health()
        if self._overdue is None:
            self._overdue = await self._find_overdue(health, plan)
        units = feeders(plan, quiet.inhibitions) | (self._overdue & plan.units.keys())
        if self._gate.look(units, health, self._clock.now(), self._clock.monotonic()):
            log.info("start.waits_for_inhibitors", missing=sorted(self._gate.missing))
        return not self._gate.open

    async def _follow_clock(self) -> None:
        step = self._steps.look()
        if step:
            log.warning("clock.stepped", seconds=round(step, 1))
        if step < 0:
            self._mend_beyond = 0.0
        if self._mend_beyond is not None:
            await self._store.clock_set_back(retries_after=self._mend_beyond)
            self._mend_beyond = None
        if step > 0:
            self._gate, self._overdue = Gate(), None

    async def _find_overdue(self, health: Sequence[UnitHealth], plan: Plan) -> frozenset[str]:
        """The units that were to look since, where an incident may no longer be what it was.

        All of them when one is due, because a silence may have ended; otherwise those that evaluate what fires in an
        open one: a page that an earlier process left unsent may be about nothing any more.
        """
        due = await self._store.next_incident_due()
        now = self._clock.now()
        overdue = frozenset(unit.id for unit in health if unit.due_at <= now and unit.last_tick is not None)
        if due is not None and due <= now:
            return overdue
        open_ones = await self._store.open_incidents()
        names = {member.name for incident in open_ones for member in incident.members if member.firing}
        return overdue & watchers(plan, names)
