"""One tick of one unit: claim, poll, evaluate, commit. Nothing is held in memory between ticks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import epoch, from_epoch
from watchtower.engine.accounting import booked
from watchtower.engine.failing import blinded_rules, still_failing
from watchtower.engine.graphing import with_graphs
from watchtower.engine.judging import Judgement, Session, judge_answers
from watchtower.engine.plan import due_at, newest_slot, skipped_slots
from watchtower.engine.polling import PASSING, failed, poll, without
from watchtower.engine.witnesses import Scene, with_evidence
from watchtower.errors import StoreError
from watchtower.sources.base import Listener, Mover, Poll
from watchtower.store.values import TickCommit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.archive import Archive
    from watchtower.engine.plan import Plan
    from watchtower.engine.settings import EngineSettings
    from watchtower.engine.writer import Writer
    from watchtower.evaluation.outcome import Outcome
    from watchtower.live import Live
    from watchtower.model import PollResult
    from watchtower.sources.base import Received, Source, Unit
    from watchtower.sources.uptime.ledger import Spent
    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit

log = structlog.get_logger("watchtower.tick")


@dataclass(frozen=True, slots=True)
class Ticker:
    """Runs ticks; every collaborator is handed in."""

    store: Store
    writer: Writer
    live: Live
    clock: Clock
    settings: EngineSettings
    environment: str
    archive: Archive

    async def run(self, plan: Plan, unit: Unit, claimed: ClaimedUnit) -> bool:
        """Claimed unit in, committed tick out; whether transitions were committed."""
        began = self.clock.monotonic()
        now = self.clock.now()
        tick = newest_slot(unit, now)
        self.live.metrics.tick_lag.observe(max(0.0, epoch(now) - epoch(claimed.due_at)))

        claimed = still_failing(claimed, now)
        source = plan.sources[unit.source]
        request = Poll(unit, tick, claimed.memory, now, await self._received(source, unit), claimed.nudged_at)
        polled = await poll(source, request, self.settings.poll_timeout)
        session = Session(plan, unit, claimed, tick, now, self.environment)
        polled, judgement, uptime = await self._judged(session, polled)
        commit = tick_commit(unit, claimed, tick, polled, judgement, self.clock.now(), self.settings)
        polled_for = unit.fingerprint if isinstance(source, Mover) else ""
        commit = replace(commit, wakes=plan.wakes(commit.states), uptime=uptime, fingerprint=polled_for)
        committed = await self.writer.commit(commit)

        self._account(unit, claimed, tick, polled, committed)
        self._say(unit, claimed, tick, polled, judgement.outcomes, committed, self.clock.monotonic() - began)
        return committed and bool(commit.transitions)

    async def _received(self, source: Source, unit: Unit) -> tuple[Received, ...]:
        if isinstance(source, Listener) and source.hears(unit):
            return await self.store.received(unit.source)
        return ()

    async def _judged(self, session: Session, polled: PollResult) -> tuple[PollResult, Judgement, tuple[Spent, ...]]:
        """What the answers mean; a mistake of ours in finding that out is a poll that failed."""
        unit, source = session.unit, session.plan.sources[session.unit.source]
        try:
            judgement = await self._judge(session, polled)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged and told with its reason
            return failed(unit, error), Judgement(), ()
        polled = without(polled, unit, judgement.mistakes)
        scene = Scene(source, unit, session.tick, session.now)
        judgement = await with_evidence(scene, judgement, self.archive)
        try:
            return polled, with_graphs(session.plan, unit, judgement), await booked(self.store, session, polled)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - what is drawn and booked must not cost the page
            return replace(polled, troubles=(*polled.troubles, *failed(unit, error).troubles)), judgement, ()

    async def _judge(self, session: Session, polled: PollResult) -> Judgement:
        answers = [answer for answer in polled.answers if answer.rule in session.plan.rules]
        if not answers:
            return Judgement()
        known = await self.store.alert_states([answer.rule for answer in answers], include_memories=True)
        return judge_answers(session, answers, known)

    def _account(self, unit: Unit, claimed: ClaimedUnit, tick: int, polled: PollResult, committed: bool) -> None:
        metrics = self.live.metrics
        for trouble in polled.troubles:
            metrics.poll_failures.labels(trouble.source, trouble.account, trouble.region, trouble.reason.value).inc()
        for rule, count in polled.billed.items():
            metrics.bill(rule, count)
        if not committed:
            metrics.ticks_fenced.inc()
            return
        metrics.ticks.labels(unit.source).inc()
        metrics.ticks_skipped.inc(skipped_slots(unit, claimed.last_tick, tick))
        for lag in polled.lags:
            metrics.probe_lag.observe(lag)
        metrics.probe_missed.inc(polled.missed)
        if polled.answers and not polled.partial:
            self.live.samples.put(unit.id, polled.samples, period=unit.period, grace=unit.delay)

    def _say(
        self,
        unit: Unit,
        claimed: ClaimedUnit,
        tick: int,
        polled: PollResult,
        outcomes: Sequence[Outcome],
        committed: bool,
        took: float,
    ) -> None:
        for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
            log.warning("template.failed", unit=unit.id, note=note)
        log.info(
            "tick",
            unit=unit.id,
            tick=from_epoch(tick).isoformat(),
            seconds=round(took, 3),
            skipped=skipped_slots(unit, claimed.last_tick, tick),
            evaluated=sum(outcome.evaluated for outcome in outcomes),
            alarms=sum(outcome.alarms for outcome in outcomes),
            insufficient=sum(outcome.insufficient for outcome in outcomes),
            pending=sum(outcome.pending for outcome in outcomes),
            held=sum(outcome.held for outcome in outcomes),
            transitions=sum(len(outcome.transitions) for outcome in outcomes),
            troubles=[f"{trouble.detail} ({trouble.reason})" for trouble in polled.troubles],
            committed=committed,
        )


def tick_commit(
    unit: Unit,
    claimed: ClaimedUnit,
    tick: int,
    polled: PollResult,
    judgement: Judgement,
    now: datetime,
    settings: EngineSettings,
) -> TickCommit:
    """Everything the tick changes. A poll that failed keeps its slot and comes back before the next one is due."""
    failing = bool(polled.troubles)
    furthest = from_epoch(epoch(now) + unit.every)  # a clock set back during the poll makes nobody wait for the past
    next_due = min(due_at(unit, tick + unit.every), furthest)
    if polled.again is not None:
        next_due = min(next_due, max(now, from_epoch(polled.again)))
    passing = any(trouble.reason in PASSING for trouble in polled.troubles)
    if passing:
        next_due = min(next_due, from_epoch(epoch(now) + retry_delay(claimed.failures, settings)))
    return TickCommit(
        unit=unit.id,
        epoch=claimed.epoch,
        due_at=next_due,
        last_tick=tick if polled.answers or not failing else None,
        memory=polled.memory,
        failing_since=min(claimed.failing_since or now, now) if failing else None,
        failures=claimed.failures + 1 if failing else 0,
        failure="; ".join(f"{trouble.detail} ({trouble.reason})" for trouble in polled.troubles)[:1000],
        states=tuple(state for outcome in judgement.outcomes for state in outcome.states),
        transitions=tuple(change for outcome in judgement.outcomes for change in outcome.transitions),
        log=tuple(entry for outcome in judgement.outcomes for entry in outcome.log),
        roll=judgement.roll,
        census=judgement.census,
        woken=claimed.woken,
        blinded=blinded_rules(unit, polled),
        reasons=tuple(sorted({trouble.reason for trouble in polled.troubles})),
        silent=failing and not polled.answers,
    )


def retry_delay(failures: int, settings: EngineSettings) -> float:
    """Seconds until a failed poll is tried again: doubling, bounded."""
    return float(min(settings.retry_most, settings.retry_first * 2 ** min(failures, 16)))
