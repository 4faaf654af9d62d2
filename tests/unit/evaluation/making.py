"""Rules and stories for the tests of evaluation: datapoints go in one tick at a time, what is told comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from watchtower.clock import from_epoch
from watchtower.evaluation.judge import Outcome, judge
from watchtower.model import (
    EMPTY,
    NOTHING,
    AlertKey,
    AlertState,
    Answer,
    Labels,
    Observation,
    Priority,
    Transition,
    Truth,
)
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Level, Missing, Recover, Rule
from watchtower.templates import Template

#: A Monday, midnight.
START = 1_767_571_200
MINUTE = 60
DB = Labels({"account": "test", "region": "eu-west-1", "DBInstanceIdentifier": "db-1"})


def condition(text: str | None) -> Condition | None:
    return None if text is None else Condition.parse(text)


def templates(texts: dict[str, str] | None) -> dict[str, Template]:
    return {name: Template(text) for name, text in (texts or {}).items()}


def level(priority: str, text: str, of: str = "1 of 1", labels: dict[str, str] | None = None) -> Level:
    needed, periods = map(int, of.split(" of "))
    return Level(Priority[priority], Condition.parse(text), needed, periods, templates(labels))


def recover(of: str, when: str | None = None) -> Recover:
    needed, periods = map(int, of.split(" of "))
    return Recover(condition(when), needed, periods)


def rule(
    *levels: Level,
    missing: Missing = Missing.MISSING,
    recovery: Recover | None = None,
    slots: int | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    summary: str | None = None,
    runbook: str | None = None,
    notify: bool = True,
    source: str = "cloudwatch",
    **over_time: Any,
) -> Rule:
    return Rule(
        name="RdsCpuHigh",
        group="rds",
        source=source,
        query=None,
        period=MINUTE,
        levels=levels,
        missing=missing,
        recover=recovery,
        slots=slots or max([one.of for one in levels] + [recovery.of if recovery else 0]) + 2,
        labels=templates(labels),
        annotations=templates(annotations),
        summary=Template(summary) if summary else None,
        runbook=Template(runbook) if runbook else None,
        accounts=(),
        regions=(),
        enabled=True,
        notify=notify,
        file="rules/rds.yaml",
        line=4,
        **over_time,
    )


@dataclass
class Story:
    """One series of a rule, told tick by tick: ``50 85 _ ! 60``; ``_`` is missing, ``!`` a poll that failed."""

    rule: Rule
    identity: Labels = DB
    context: Labels = EMPTY
    reason: str = ""
    states: dict[AlertKey, AlertState] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    ticks: int = 0
    _points: list[tuple[int, float]] = field(default_factory=list)
    last: Outcome | None = None

    @property
    def key(self) -> AlertKey:
        return AlertKey(self.rule.name, self.identity)

    @property
    def state(self) -> AlertState | None:
        return self.states.get(self.key)

    @property
    def tick(self) -> int:
        return START + self.ticks * MINUTE

    def feed(self, story: str) -> Story:
        for token in story.split():
            self.outcome(token)
        return self

    def miss(self, token: str) -> None:
        """A tick that nobody runs; its datapoint is there for the next."""
        if token not in ("_", "!"):
            self._points.append((self.tick, float(token)))
        self.ticks += 1

    def outcome(self, token: str) -> Outcome:
        self.miss(token)
        truth = Truth.NOT_FETCHED if token == "!" else Truth.VALUE
        return self.judge(Observation(self.identity, tuple(self._points), truth, self.context, self.reason))

    def judge(
        self,
        *observations: Observation,
        complete: bool = True,
        gone: tuple[Labels, ...] = (),
        absent: tuple[Labels, ...] = (),
    ) -> Outcome:
        outcome = judge(
            self.rule,
            Answer(self.rule.name, observations, complete, gone),
            self.states,
            tick=self.tick,
            period=MINUTE,
            now=from_epoch(self.tick + 5),
            environment="production",
            absent=absent,
        )
        self._remember(outcome)
        return outcome

    def _remember(self, outcome: Outcome) -> None:
        self.last = outcome
        for state in outcome.states:
            self.states[state.key] = state
            if state.state == "OK" and not state.firing and state.memory == NOTHING:
                del self.states[state.key]
        for each in outcome.transitions:
            self.transitions.append(each)
            self.told.append(
                f"{self.ticks}: {each.from_state} -> {each.to_state}{f' {each.priority}' if each.priority else ''}"
            )
