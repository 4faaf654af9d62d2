"""Watchtower's own alerts: what is wrong with the watcher is an alert like any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.engine.audit import audit_debts
from watchtower.engine.blindness import PROBER_BLIND, blind_concerns, still_blind
from watchtower.engine.concern import Concern
from watchtower.engine.deafness import deaf_concerns, still_deaf
from watchtower.engine.failing import SOURCE_FAILING, in_doubt, source_concerns
from watchtower.engine.headcount import SERIES_LIMIT, WITHOUT_SERIES, rule_concerns
from watchtower.engine.plan import SELF, due_at
from watchtower.engine.steps import Steps
from watchtower.engine.undelivered import channel_concerns, unheard
from watchtower.evaluation.own import own_transition
from watchtower.incidents.fallback import DELIVERY_FAILING, RESOLVE_OWED
from watchtower.model import AlertKey, Labels, Priority
from watchtower.store.values import TickCommit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.engine.writer import Writer
    from watchtower.live import Live
    from watchtower.live.canary import CanaryHealth
    from watchtower.model import AlertState, Transition
    from watchtower.store.store import Store
    from watchtower.store.values import ChannelHealth, ClaimedUnit, OutboxDepth, UnitHealth

#: A tick this much later than its due time, in seconds beyond its period, is late.
TICK_LATE_AFTER = 120
#: After a start everything is overdue; nothing is called late before this many seconds of uptime.
SETTLING = 60

#: `watchtower why` looks back this far: transitions, decisions, ended incidents.
KEPT = timedelta(days=30)
#: Clock seconds between two rounds of forgetting.
PRUNE_EVERY = 3600.0

TICK_LATE = "WatchtowerTickLate"
OWN_ALERTS = frozenset(
    {SOURCE_FAILING, PROBER_BLIND, TICK_LATE, DELIVERY_FAILING, RESOLVE_OWED, WITHOUT_SERIES, SERIES_LIMIT}
)
#: What is not judged right after a start; an alert of it that fires goes on meanwhile.
_SETTLING = frozenset({TICK_LATE, DELIVERY_FAILING, RESOLVE_OWED})


def concerns(
    health: Sequence[UnitHealth],
    outbox: Sequence[OutboxDepth],
    channels: Mapping[str, ChannelHealth],
    plan: Plan,
    now: datetime,
    uptime: float,
    canaries: Mapping[str, CanaryHealth] | None = None,
    lost: Collection[str] = (),
) -> list[Concern]:
    """Everything that is wrong with the watcher at ``now``."""
    sources = [*source_concerns(health, plan, now), *blind_concerns(health, plan, now)]
    found = [*sources, *rule_concerns(health, plan, now)]
    if uptime >= SETTLING:
        found.extend(_late_ticks(health, now))
        found.extend(channel_concerns(outbox, channels, now, canaries, lost))
    return found


def _late_ticks(health: Sequence[UnitHealth], now: datetime) -> Iterable[Concern]:
    late = [unit for unit in health if (now - unit.due_at).total_seconds() > max(TICK_LATE_AFTER, 2 * unit.period)]
    if late:
        worst = max(late, key=lambda unit: now - unit.due_at)
        behind = format_duration((now - worst.due_at).total_seconds())
        yield Concern(
            TICK_LATE,
            Labels(),
            Priority.P2,
            f"{len(late)} work units are late, {worst.id} by {behind}",
            "the engine does not keep up with its plan",
        )


def unsettled(known: Iterable[AlertKey], uptime: float) -> frozenset[AlertKey]:
    """The alerts of which nothing can be said yet: a restart ends no trouble."""
    return frozenset(key for key in known if key.rule in _SETTLING) if uptime < SETTLING else frozenset()


def own_changes(
    found: Sequence[Concern],
    known: Mapping[AlertKey, AlertState],
    *,
    now: datetime,
    environment: str,
    doubtful: Collection[AlertKey] = (),
) -> tuple[tuple[AlertState, ...], tuple[Transition, ...]]:
    """What changes among the own alerts: new and raised ones begin, those no longer found end.

    Those that are ``doubtful`` go on: after a restart an outage is not over because nobody has asked yet.
    """
    states: list[AlertState] = []
    transitions: list[Transition] = []
    wanted = {concern.key: concern for concern in found}
    ended = [state for key, state in known.items() if state.firing and key not in wanted and key not in doubtful]
    for concern in found:
        state, change = own_transition(
            concern.name,
            concern.identity,
            known.get(concern.key),
            firing=True,
            priority=concern.priority,
            summary=concern.summary,
            reason=concern.reason,
            now=now,
            environment=environment,
        )
        states.append(state)
        transitions.extend([change] if change else [])
    for previous in ended:
        state, change = own_transition(
            previous.key.rule,
            previous.key.identity,
            previous,
            firing=False,
            priority=previous.priority or Priority.P3,
            summary=f"{previous.key.rule} is over",
            reason="no longer so",
            now=now,
            environment=environment,
        )
        states.append(state)
        transitions.extend([change] if change else [])
    return tuple(states), tuple(transitions)


class SelfWatch:
    """The tick of Watchtower's own alerts: claimed, fenced and committed like any other."""

    def __init__(self, store: Store, writer: Writer, live: Live, clock: Clock, environment: str) -> None:
        self._store = store
        self._writer = writer
        self._live = live
        self._clock = clock
        self._environment = environment
        self._started = clock.monotonic()
        self._pruned: float | None = None
        self._steps = Steps(clock)

    async def run(self, plan: Plan, claimed: ClaimedUnit) -> bool:
        """Look at the store's own figures, commit what changed; whether there are transitions to flush."""
        now = self._clock.now()
        self._steps.look()
        health = [self._aged(unit) for unit in await self._store.unit_health()]
        lost = {place for place in await self._store.places_owed() if not self._live.reaches(*place)}
        waiting = await self._store.outbox(lost)
        outbox = [replace(depth, oldest=self._steps.lasting(depth.oldest)) for depth in waiting]
        known = {state.key: state for state in await self._store.alert_states(OWN_ALERTS)}
        channels = await self._store.channel_health()
        canaries = self._live.canaries
        queues, elapsed = self._live.queues, self._clock.monotonic()
        gone = {channel for channel, _ in lost}
        found = concerns(health, outbox, channels, plan, now, self._uptime(), canaries, gone)
        found += deaf_concerns(queues, elapsed)
        doubtful = in_doubt(health) | still_blind(health) | unheard(canaries) | unsettled(known, self._uptime())
        doubtful |= still_deaf(queues, elapsed)
        states, transitions = own_changes(found, known, now=now, environment=self._environment, doubtful=doubtful)
        tick = int(now.timestamp())
        commit = TickCommit(
            unit=SELF.id,
            epoch=claimed.epoch,
            due_at=due_at(SELF, tick + SELF.period),
            last_tick=tick,
            memory=None,
            failing_since=None,
            failures=0,
            failure="",
            states=states,
            transitions=transitions,
            wakes=plan.wakes(states),
        )
        committed = await self._writer.commit(commit)
        await audit_debts(self._store, self._environment, now)
        await self._prune(now)
        return committed and bool(transitions)

    async def _prune(self, now: datetime) -> None:
        """Forget what is old, after the tick and rarely: a store that only grows is an outage in a year."""
        elapsed = self._clock.monotonic()
        if self._pruned is None or elapsed - self._pruned >= PRUNE_EVERY:
            self._pruned = elapsed
            await self._store.prune(before=now - KEPT)

    def _aged(self, unit: UnitHealth) -> UnitHealth:
        """A unit's health in which a clock that was set forward makes nothing older than it is."""
        failing = unit.failing_since and self._steps.lasting(unit.failing_since)
        return replace(unit, due_at=self._steps.lasting(unit.due_at), failing_since=failing)

    def _uptime(self) -> float:
        return (self._clock.monotonic() - self._started) / self._live.pace
