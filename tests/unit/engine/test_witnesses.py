"""Evidence between verdict and commit: who gets it, and that it costs no page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.clock import START
from tests.support.make import unit
from watchtower.clock import epoch
from watchtower.engine.archive import Archive
from watchtower.engine.judging import Judgement
from watchtower.engine.plan import Plan
from watchtower.engine.witnesses import FURTHEST, MOST, Scene, with_evidence
from watchtower.errors import SourceError
from watchtower.evaluation.outcome import Outcome
from watchtower.live import Metrics
from watchtower.lookup import Lookup
from watchtower.model import AlertKey, Labels, PollResult, Priority, State, Transition, TroubleReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Ask, Place, Poll, Unit

T = int(epoch(START))
METRICS = Metrics()
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

    def __init__(self, *, failing: TroubleReason | None = None, endless: bool = False, broken: bool = False) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self._failing, self._endless, self._broken = failing, endless, broken

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        self.asked.append((identity["log_group"], since, until))
        if self._failing:
            raise SourceError(self._failing, "FilterLogEvents: AccessDenied")
        if self._broken:
            raise ZeroDivisionError
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


async def judged(source: Silent, *changes: Transition, patience: float = 3.0) -> list[Transition]:
    outcome = Outcome((), changes, evaluated=1, held=0, alarms=1, insufficient=0)
    archive = Archive(lambda: Plan({}, {}), METRICS)
    judgement = await with_evidence(Scene(source, unit(), T, START), Judgement((outcome,)), archive, patience)
    await archive.close()
    return [change for each in judgement.outcomes for change in each.transitions]


async def shown(source: Silent, *changes: Transition) -> list[tuple[str, ...]]:
    return [change.evidence for change in await judged(source, *changes)]


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


async def test_evidence_that_is_late_costs_no_page_and_is_looked_for_again() -> None:
    with capture_logs() as said:
        [change] = await judged(Showing(endless=True), fires(), patience=0.01)
    assert change.evidence == ("evidence is late: not there within 0.01 s",)
    assert change.late == Lookup("PmsCritical", change.key.identity, T - 60, T, START)
    assert [(one["event"], one["detail"]) for one in said] == [("evidence.late", "not there within 0.01 s")]


async def test_a_search_that_is_throttled_is_looked_for_again() -> None:
    [change] = await judged(Showing(failing=TroubleReason.THROTTLED), fires())
    assert change.evidence == ("evidence is late: FilterLogEvents: AccessDenied",)
    assert change.late is not None


async def test_evidence_that_is_forbidden_costs_no_page_and_is_said_to_be_missing_for_good() -> None:
    with capture_logs() as said:
        [change] = await judged(Showing(failing=TroubleReason.FORBIDDEN), fires())
    assert change.evidence == ("evidence is missing: FilterLogEvents: AccessDenied",)
    assert change.late is None
    assert [(one["event"], one["detail"]) for one in said] == [("evidence.missing", "FilterLogEvents: AccessDenied")]


async def test_a_source_that_breaks_costs_no_page() -> None:
    with capture_logs():
        [change] = await judged(Showing(broken=True), fires())
    assert change.evidence == ("evidence is late: ZeroDivisionError while it was looked for",)


async def test_what_became_of_it_is_counted() -> None:
    before = {outcome: METRICS.evidence.labels(outcome)._value.get() for outcome in ("in_time", "late", "missing")}
    await judged(Showing(), fires("/a"), fires("/b"))
    await judged(Showing(endless=True), fires(), patience=0.01)
    await judged(Showing(failing=TroubleReason.FORBIDDEN), fires())
    after = {outcome: METRICS.evidence.labels(outcome)._value.get() - was for outcome, was in before.items()}
    assert after == {"in_time": 2, "late": 1, "missing": 1}


async def test_a_source_without_evidence_is_left_alone() -> None:
    assert await shown(Silent(), fires()) == [()]
