"""A few runs of the crash matrix, and whether its judge sees what it is there to see; `make crash` plays a thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.crash_matrix.books import Ledger, Row, judge
from tests.support.crash_matrix.clock import SharedClock
from tests.support.crash_matrix.matrix import play
from tests.support.crash_matrix.report import Report
from tests.support.crash_matrix.scripts import FAULTS, VENDORS, cells, script
from tests.support.crash_matrix.world import Eye, SeenPagerDuty, SeenSlack, SeenSns, World
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyIncident

if TYPE_CHECKING:
    from pathlib import Path

SEED = 1
#: Runs of that seed, few enough for every day.
RUNS = (4, 5, 9)


@pytest.mark.long(15)
async def test_a_few_runs_of_the_crash_matrix_keep_every_promise() -> None:
    said: list[str] = []
    report = Report(SEED)
    await play(report, RUNS, jobs=len(RUNS), postgres=False, tell=said.append)

    assert report.kept, report.text()
    assert report.total.runs == len(RUNS)
    assert report.total.kills >= len(RUNS), "every run loses its process at least once"
    assert report.total.pages_delivered == report.total.pages_owed > 0


def test_the_matrix_has_every_vendor_with_every_fault_and_a_seed_gives_the_same_runs() -> None:
    matrix = cells(SEED)
    assert {(cell.channel, cell.fault) for cell in matrix} >= {(one, fault) for one in VENDORS for fault in FAULTS}
    assert len(matrix) >= 1000
    assert script(SEED, 7, matrix, postgres=True) == script(SEED, 7, cells(SEED), postgres=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A run in which nothing has happened yet."""
    clock, matrix = SharedClock.begin(), cells(SEED)
    numbers = (script(SEED, number, matrix, postgres=False) for number in range(100))
    plain = next(one for one in numbers if one.kind == "plain" and one.sites == 1)
    world = World(
        plain,
        tmp_path,
        SeenPagerDuty(clock),
        SeenSlack(clock),
        SeenSlack(clock),
        SeenSns(clock),
        Eye(),
        (1, 2),
        "sqlite:///x",
        "http://127.0.0.1:9/",
        clock,
    )
    world.slack.posted = []
    return world


def test_the_judge_sees_a_page_that_nobody_got(world: World) -> None:
    verdict = judge(world, Ledger(), {})
    assert (verdict.counts.pages_owed, verdict.counts.lost) == (4, 4)
    assert verdict.broken


def test_the_judge_sees_a_second_incident_and_a_missing_resolve(world: World) -> None:
    [target] = world.script.targets
    for _ in range(2):
        incident = PagerDutyIncident(DEMO_KEY, "k", f"{target} is down", "critical", world.pagerduty.clock.now())
        world.pagerduty.incidents.append(incident)
    verdict = judge(world, Ledger(), {})
    assert (verdict.counts.second_incidents, verdict.counts.resolves_missing) == (1, 2)


def test_the_judge_sees_a_duplicate_that_the_daemon_did_not_count(world: World) -> None:
    world.slack.posted = ["a", "b", "a"]
    rest = Ledger((Row("a", "ops", "trigger", "accepted", 2, None, open=False),))
    assert any("duplicates" in one for one in judge(world, rest, {"ops": 0}).broken)
    assert judge(world, rest, {"ops": 1}).counts.duplicates_slack == 1


def test_the_judge_sees_a_duplicate_that_the_daemon_counted_although_every_attempt_arrived_once(world: World) -> None:
    world.slack.posted = ["a", "b"]
    arrived = Row("a", "ops", "trigger", "accepted", 1, None, open=False)
    assert any("duplicates" in one for one in judge(world, Ledger((arrived,)), {"ops": 1}).broken)
    astray = Row("a", "ops", "trigger", "accepted", 2, None, open=False)
    assert not any("duplicates" in one for one in judge(world, Ledger((astray,)), {"ops": 1}).broken)


def test_what_comes_too_late_is_a_broken_promise_although_it_is_there_in_the_end(world: World) -> None:
    assert "not in time: the ends" in judge(world, Ledger(), {}, ["the ends"]).broken
