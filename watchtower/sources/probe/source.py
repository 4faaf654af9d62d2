"""The probe source: plans units, runs each distinct probe once, and answers every rule from its memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.model import Answer, Labels, Observation, PollResult, Trouble, TroubleReason, Truth
from watchtower.redaction import mistake
from watchtower.sources.probe.attempt import Tools
from watchtower.sources.probe.confirming import awaited, half, points_of, unconfirmed
from watchtower.sources.probe.kinds.http.content import compare
from watchtower.sources.probe.memory import decode, encode, entry_of, learn, remember
from watchtower.sources.probe.plan import units_of, wishes_of
from watchtower.sources.probe.prober import Prober
from watchtower.sources.probe.resolver import ThreadedResolver
from watchtower.sources.probe.runner import Job, ProbeLimits, Runner
from watchtower.sources.probe.samples import samples_of
from watchtower.sources.probe.sight import Sight, is_loopback
from watchtower.sources.probe.tls import remaining, system_policy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from watchtower.clock import Clock
    from watchtower.model import Sample
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.probe.kinds.http.content import Content
    from watchtower.sources.probe.memory import Entry, Memory
    from watchtower.sources.probe.plan import Wish
    from watchtower.sources.probe.resolver import Resolver
    from watchtower.sources.probe.result import Result
    from watchtower.sources.probe.sight import Scope
    from watchtower.sources.probe.tls import TlsPolicy

log = structlog.get_logger("watchtower.probe")

_DAY = 86_400


class ProbeSource:
    """Probes of all kinds; keeps nothing between polls but idle resolver threads and TLS contexts."""

    name = "probe"

    def __init__(
        self,
        clock: Clock,
        limits: ProbeLimits | None = None,
        *,
        resolver: Resolver | None = None,
        tls: TlsPolicy | None = None,
        scopes: Sequence[Scope] = (),
    ) -> None:
        self._clock = clock
        self._threads = ThreadedResolver()
        prober = Prober(Tools(clock, resolver or self._threads, tls or system_policy()))
        self._sight = Sight(clock, prober, scopes)
        self._runner = Runner(clock, limits or ProbeLimits(), prober, self._sight)

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:  # noqa: ARG002 - probes have no place
        """Units by interval and by when in it they are due; where the accounts are does not matter."""
        return units_of(asks)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether this unit probes the identity's target for this rule."""
        rest = {name: value for name, value in identity.items() if name != "target"}
        mine = (ask.query for ask in unit.asks if ask.rule == rule and rest in ask.query.identities)
        return any(identity.get("target") == asked.target for query in mine for asked in query.all_targets)

    async def poll(self, poll: Poll) -> PollResult:
        """Probe every distinct target once and answer all asks; raises SourceError when nothing could be probed.

        When some failed for the first time, the unit is to be polled again after half an interval, for them alone.
        """
        before, slot, period = decode(poll.memory), _slot(poll), poll.unit.period
        self._sight.recall(before.worked)
        wishes = {ask.rule: wishes_of(ask.query) for ask in poll.unit.asks}
        jobs = {wish.probe.key: self._job(wish) for wish in chain.from_iterable(wishes.values())}
        wanted = awaited(before, slot, jobs)
        run = await self._runner.run(_only(jobs, wanted), period - half(period) if wanted else period)
        results = {key: _comparable(result, before.accepted.get(key)) for key, result in run.results.items()}
        await self._sight.acquaint(_beyond(jobs, results))
        troubles = _troubles(results)
        if results and all(_lost(result) for result in results.values()):
            raise SourceError(troubles[0].reason, troubles[0].detail)
        names = {key: job.target for key, job in jobs.items()}
        memory = self._remembered(before, poll, results, names, slot + half(period) if wanted else slot)
        memory = _expecting(memory, results, jobs, poll, wanted=wanted, troubled=bool(troubles))
        answers, mistaken = _answers(poll, wishes, results, memory, complete=not wanted)
        return PollResult(
            answers,
            encode(memory),
            (*troubles, *mistaken),
            () if wanted else _samples(wishes, results, poll),
            partial=bool(wanted),
            again=float(poll.tick + half(period)) if memory.unconfirmed and not wanted else None,
            lags=run.lags,
            missed=run.missed,
        )

    async def close(self) -> None:
        """Let the resolver's threads end."""
        await self._sight.close()
        self._threads.close()

    def _job(self, wish: Wish) -> Job:
        scope = self._sight.scope_of(wish.identity.merged(wish.target.labels))
        return Job(wish.probe, wish.target.target, scope)

    def _remembered(
        self, before: Memory, poll: Poll, results: Mapping[str, Result], wanted: Mapping[str, str], slot: int
    ) -> Memory:
        now = epoch(self._clock.now())
        memory = replace(learn(before, results), worked=self._sight.worked)
        fresh: dict[str, Entry] = {
            key: entry_of(slot, result, now, memory.accepted.get(key))
            for key, result in results.items()
            if result.success is not None
        }
        slots = max(ask.slots for ask in poll.unit.asks)
        return remember(memory, fresh, wanted, _slot(poll) - (slots - 1) * poll.unit.period)


def _comparable(result: Result, accepted: Content | None) -> Result:
    """The result; unknown where a mistake of ours keeps its content from being compared."""
    if result.content is None:
        return result
    try:
        compare(accepted or result.content, result.content)
    except Exception as error:
        log.exception("probe.failed", address=result.address)
        return replace(result, success=None, reason=mistake(error), trouble=TroubleReason.INTERNAL, content=None)
    return result


def _beyond(jobs: Mapping[str, Job], results: Mapping[str, Result]) -> list[Scope]:
    """The scopes of those that were asked over a network."""
    asked = (jobs[key].scope for key, result in results.items() if not is_loopback(result.address))
    return list({scope.name: scope for scope in asked if scope is not None}.values())


def _only(jobs: Mapping[str, Job], wanted: Collection[str]) -> Mapping[str, Job]:
    """The jobs that are wanted, all where none is named."""
    return {key: jobs[key] for key in wanted} if wanted else jobs


def _expecting(
    memory: Memory,
    results: Mapping[str, Result],
    jobs: Mapping[str, Job],
    poll: Poll,
    *,
    wanted: frozenset[str],
    troubled: bool,
) -> Memory:
    """The memory with what is to be looked at again; while a poll in trouble is repeated, that is the second look."""
    slot = _slot(poll)
    if wanted:
        waiting = frozenset(key for key in wanted if results[key].success is None)
    elif troubled:
        waiting = frozenset()
    else:
        timeouts = {key: job.probe.timeout for key, job in jobs.items()}
        waiting = unconfirmed(memory, results, timeouts, slot, poll.unit.period)
    return replace(memory, unconfirmed=waiting, unconfirmed_at=slot if waiting else 0)


def _lost(result: Result) -> bool:
    """Nothing is known, for a reason that is no blindness: that is told of each series, with its own alert."""
    return result.success is None and result.trouble is not TroubleReason.BLIND


def _slot(poll: Poll) -> int:
    """The start of the slot that ends at the tick, on the unit's own grid."""
    unit = poll.unit
    return poll.tick - unit.period - (poll.tick - unit.offset) % unit.period


def _answers(
    poll: Poll, wishes: Mapping[str, list[Wish]], results: Mapping[str, Result], memory: Memory, *, complete: bool
) -> tuple[tuple[Answer, ...], tuple[Trouble, ...]]:
    """The answers to all rules, and what kept one from being made: the others' stay."""
    answers: list[Answer] = []
    troubles: list[Trouble] = []
    for ask in poll.unit.asks:
        known = (wish for wish in wishes[ask.rule] if wish.probe.key in results)
        try:
            found = tuple(_observation(ask, wish, results[wish.probe.key], memory, poll) for wish in known)
        except Exception as error:
            log.exception("probe.rule_failed", rule=ask.rule, unit=poll.unit.id)
            troubles.append(Trouble("probe", "", "", TroubleReason.INTERNAL, f"{ask.rule}: {mistake(error)}"))
        else:
            answers.append(Answer(ask.rule, found, complete=complete))
    return tuple(answers), tuple(troubles)


def _observation(ask: Ask, wish: Wish, result: Result, memory: Memory, poll: Poll) -> Observation:
    since = _slot(poll) - (ask.slots - 1) * ask.period
    found = points_of(memory.of(wish.probe.key), ask.query.value, _slot(poll), ask.period)
    points = tuple(point for point in found if point[0] >= since)
    return Observation(
        identity=wish.identity,
        points=points,
        truth=_truth(result, points),
        context=_context(wish, result),
        reason=_reason(ask, result, points, memory.accepted.get(wish.probe.key)),
        evidence=result.evidence,
    )


def _reason(ask: Ask, result: Result, points: tuple[tuple[int, float], ...], accepted: Content | None) -> str:
    """What explains the value that the rule looks at: days are explained by the certificate, not by its refusal."""
    if ask.query.value == "content" and result.content is not None and accepted is not None:
        return compare(accepted, result.content)[1]
    if ask.query.value == "certificate_days" and result.expires is not None and points:
        return remaining(points[-1][1] * _DAY)
    return result.reason


def _truth(result: Result, points: tuple[tuple[int, float], ...]) -> Truth:
    if result.success is None:
        return Truth.NOT_FETCHED
    return Truth.VALUE if points else Truth.NO_DATA


def _context(wish: Wish, result: Result) -> Labels:
    seen = {"phase": result.phase, "address": result.address}
    return Labels(dict(wish.target.labels)).merged({name: value for name, value in seen.items() if value})


def _troubles(results: Mapping[str, Result]) -> tuple[Trouble, ...]:
    """One for each cause, however many targets it touched."""
    causes = {result.reason: result.trouble for result in results.values() if result.trouble is not None}
    return tuple(Trouble("probe", "", "", kind, detail) for detail, kind in causes.items())


def _samples(wishes: Mapping[str, list[Wish]], results: Mapping[str, Result], poll: Poll) -> tuple[Sample, ...]:
    """One set by distinct probe that is known."""
    probes: dict[str, tuple[str, dict[str, str]]] = {}
    for rule in sorted(wishes):
        for wish in wishes[rule]:
            probes.setdefault(wish.probe.key, (wish.probe.kind, _series(wish, rule, poll.unit.shared)))
    known = {key: result for key, result in results.items() if result.success is not None}
    return tuple(chain.from_iterable(samples_of(*probes[key], result, _slot(poll)) for key, result in known.items()))


def _series(wish: Wish, rule: str, shared: Collection[str]) -> dict[str, str]:
    """The labels of a probe's series; where a target is probed in several ways, one must not hide another's failure."""
    labels = {"target": wish.target.target}
    if "family" in wish.identity:
        labels["family"] = wish.identity["family"]
    return {**labels, "url": wish.probe.job.shown, "rule": rule} if wish.target.target in shared else labels
