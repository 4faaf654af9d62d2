"""Evidence between verdict and commit: who gets it, and that it costs no page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.clock import START
from tests.support.make import unit
from watchtower.clock import epoch
from watchtower.engine.judging import Judgement
from watchtower.engine.witnesses import FURTHEST, MOST, with_evidence
from watchtower.errors import SourceError
from watchtower.evaluation.outcome import Outcome
from watchtower.model import AlertKey, Labels, PollResult, Priority, State, Transition, TroubleReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Ask, Place, Poll, Unit

T = int(epoch(START))
LINES = ("CRITICAL no rooms",)


class Silent:
    """A source that has nothing to show."""

    name = "silent"

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        return []

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        return True

    async def poll(self, poll: Poll) -> PollResult:
        return PollResult(())

    async def close(self) -> None:
        pass


class Showing(Silent):
    """A source that shows the same lines of every alert, or fails, or never ends."""

    def __init__(self, *, failing: bool = False, endless: bool = False) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self._failing, self._endless = failing, endless

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        self.asked.append((identity["log_group"], since, until))
        if self._failing:
            raise SourceError(TroubleReason.FORBIDDEN, "FilterLogEvents: AccessDenied")
        if self._endless:
            await asyncio.Event().wait()
        return LINES


def fires(group: str = "/a", **changes: Any) -> Transition:
    values: dict[str, Any] = {
        "key": AlertKey("PmsCritical", Labels({"log_group": group})),
        "labels": Labels({"log_group": group}),
        "from_state": State.OK,
        "to_state": State.ALARM,
        "from_priority": None,
        "priority": Priority.P2,
        "value": 1.0,
        "reason": "1 of 1",
        "at": START,
        "datapoints": ((T - 180, None), (T - 120, 0.0), (T - 60, 2.0)),
        "firing": True,
    }
    return Transition(**{**values, **changes})


async def shown(source: Silent, *changes: Transition, patience: float = 3.0) -> list[tuple[str, ...]]:
    outcome = Outcome((), changes, evaluated=1, held=0, alarms=1, insufficient=0)
    judgement = await with_evidence(source, unit(), T, Judgement((outcome,)), patience)
    return [change.evidence for each in judgement.outcomes for change in each.transitions]


async def test_what_newly_fires_carries_the_lines_since_its_first_breach() -> None:
    source = Showing()
    assert await shown(source, fires()) == [LINES]
    assert source.asked == [("/a", T - 60, T)]


async def test_a_long_window_is_not_read_to_its_beginning() -> None:
    source = Showing()
    await shown(source, fires(datapoints=((T - 9000, 1.0), (T - 60, 1.0))))
    assert source.asked == [("/a", T - FURTHEST, T)]


async def test_what_ends_or_goes_on_or_has_its_proof_is_not_asked_for() -> None:
    source = Showing()
    ends = fires(to_state=State.OK, firing=False)
    calms = fires(from_state=State.ALARM, from_priority=Priority.P1)
    proven = fires(evidence=("its own",))
    assert await shown(source, ends, calms, proven) == [(), (), ("its own",)]
    assert source.asked == []


async def test_what_becomes_more_urgent_is_shown_again() -> None:
    rises = fires(from_state=State.ALARM, from_priority=Priority.P3)
    assert await shown(Showing(), rises) == [LINES]


async def test_of_many_that_fire_at_once_a_few_get_lines_and_all_are_told() -> None:
    found = await shown(Showing(), *(fires(f"/{n}") for n in range(MOST + 3)))
    assert found == [LINES] * MOST + [()] * 3


async def test_evidence_that_is_late_or_forbidden_costs_no_page_and_is_said_to_be_missing() -> None:
    with capture_logs() as said:
        assert await shown(Showing(endless=True), fires(), patience=0.01) == [
            ("evidence is missing: not there within 0.01 s",)
        ]
        assert await shown(Showing(failing=True), fires()) == [("evidence is missing: FilterLogEvents: AccessDenied",)]
    assert [(one["event"], one["detail"]) for one in said] == [
        ("evidence.missing", "not there within 0.01 s"),
        ("evidence.missing", "FilterLogEvents: AccessDenied"),
    ]


async def test_a_source_without_evidence_is_left_alone() -> None:
    assert await shown(Silent(), fires()) == [()]
