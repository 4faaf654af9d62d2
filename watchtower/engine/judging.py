"""A poll's answers judged, rule by rule: the roll is called, then the evaluation; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.evaluation.journal import steps, unseen
from watchtower.evaluation.judge import Outcome, judge
from watchtower.evaluation.roll import Called, Census, Register, Roll, call, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.model import AlertKey, AlertState, Answer
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Source, Unit
    from watchtower.store.values import ClaimedUnit


@dataclass(frozen=True, slots=True)
class Session:
    """What the answers of one poll are judged by."""

    plan: Plan
    unit: Unit
    claimed: ClaimedUnit
    tick: int
    now: datetime
    environment: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all answers change; ``roll`` and ``census`` are None where the unit's stay as they are.

    ``mistakes`` are errors that nobody expected, by the rule that was judged; it keeps its state.
    """

    outcomes: tuple[Outcome, ...] = ()
    roll: bytes | None = None
    census: tuple[Census, ...] | None = None
    mistakes: Mapping[str, Exception] = field(default_factory=dict)


def judge_answers(session: Session, answers: Sequence[Answer], known: Sequence[AlertState]) -> Judgement:
    """Judge every answer whose rule the plan has; ``known`` are the remembered alerts of these rules.

    A rule that was not answered keeps its roll; one that left the unit is forgotten.
    """
    unit, claimed = session.unit, session.claimed
    mine = {ask.rule for ask in unit.asks}
    rolls = {rule: roll for rule, roll in decode(claimed.roll).items() if rule in mine}
    censuses = {census.rule: census for census in claimed.census if census.rule in mine}
    outcomes: list[Outcome] = []
    mistakes: dict[str, Exception] = {}
    for answer in answers:
        try:
            called, outcome = _judge_one(session, answer, known, rolls.get(answer.rule), censuses.get(answer.rule))
        except Exception as error:  # noqa: BLE001 - what is wrong with one rule must not hold up the others; it is told
            mistakes[answer.rule] = error
            continue
        rolls[answer.rule] = called.roll
        if called.census is not None:
            censuses[answer.rule] = called.census
        outcomes.append(outcome)
    return replace(_changed(claimed, tuple(outcomes), encode(rolls), censuses.values()), mistakes=mistakes)


def _judge_one(
    session: Session, answer: Answer, known: Sequence[AlertState], roll: Roll | None, census: Census | None
) -> tuple[Called, Outcome]:
    unit, claimed, rule = session.unit, session.claimed, session.plan.rules[answer.rule]
    source = session.plan.sources[unit.source]
    previous = _owned(source, unit, rule, known)
    register = Register(_own(source, unit, rule, roll or Roll()), census, frozenset(key.identity for key in previous))
    again = claimed.last_tick is not None and session.tick <= claimed.last_tick
    called = call(rule, answer, register, tick=session.tick, again=again, limit=session.plan.series_limit)
    outcome = judge(
        rule,
        called.answer,
        previous,
        tick=session.tick,
        period=unit.period,
        now=session.now,
        environment=session.environment,
        absent=called.vanished,
    )
    return called, _logged(session, rule, called.answer, previous, outcome)


def _own(source: Source, unit: Unit, rule: Rule, roll: Roll) -> Roll:
    """The roll without series that another unit has by now: here they would be missed, and told as vanished."""
    mine = frozenset(identity for identity in roll.known if source.owns(unit, rule.name, identity))
    return roll if mine == roll.known else replace(roll, known=mine)


def _logged(
    session: Session, rule: Rule, answer: Answer, previous: Mapping[AlertKey, AlertState], outcome: Outcome
) -> Outcome:
    """The outcome with all that is to be logged; a series that could not be seen is told when that begins."""
    found = list(steps(rule, answer, previous, outcome))
    if session.claimed.failing_since is None:
        found.extend(unseen(rule, answer, previous, session.now))
    return replace(outcome, log=(*outcome.log, *found)) if found else outcome


def _changed(claimed: ClaimedUnit, outcomes: tuple[Outcome, ...], roll: bytes, censuses: Iterable[Census]) -> Judgement:
    census = tuple(sorted(censuses, key=lambda one: one.rule))
    return Judgement(
        outcomes,
        roll if roll != claimed.roll else None,
        census if census != claimed.census else None,
    )


def _owned(source: Source, unit: Unit, rule: Rule, known: Sequence[AlertState]) -> dict[AlertKey, AlertState]:
    return {
        state.key: state
        for state in known
        if state.key.rule == rule.name and source.owns(unit, rule.name, state.key.identity)
    }
