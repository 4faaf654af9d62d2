"""The story in numbers: what the shipped thresholds will see, and that nothing else comes near them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.simulated_aws import START_EPOCH
from watchtower.demo.aws import Kind
from watchtower.demo.aws.metrics import Metrics, Points, Window
from watchtower.demo.aws.statistics import statistic
from watchtower.demo.estate import Key, Selector, SiteState
from watchtower.demo.fleet import BALANCER, HOSTS, PROD, READERS
from watchtower.demo.scenario import GRID, aligned_start, demo_scenario
from watchtower.demo.shapes import DAY
from watchtower.model import Priority
from watchtower.sources.balance.score import score

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIO = demo_scenario()
GIB = 1024.0**3
#: the day's wave is somewhere else at each of these
STARTS = [START_EPOCH + hours * 3600 for hours in (0, 5, 9, 14, 20)]


class Story:
    """Reads the scenario's metrics by minutes after its start, once everything is published."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.estate = SCENARIO.estate(start)
        self._metrics = Metrics(self.estate)

    def keys(self, namespace: str, metric: str, *dimensions: str) -> list[Key]:
        """Series with exactly these dimension names."""
        wanted = Selector(namespace, metric)
        return [
            series.key
            for series in self.estate.series
            if wanted.matches(series.key) and {name for name, _ in series.key.dimensions} == set(dimensions)
        ]

    def read(self, key: Key, name: str, period: int, start: float = -30, end: float = 105) -> dict[float, float]:
        window = Window(int(self.start + start * 60), self.start + end * 60, period, self.start + DAY)
        points: Points = self._metrics.read(key, window, statistic(name))
        return {(at - self.start) / 60: value for at, value in points}


@pytest.fixture(params=STARTS)
def story(request: pytest.FixtureRequest) -> Story:
    return Story(request.param)


def named(keys: list[Key], dimension: str, value: str) -> Key:
    return next(key for key in keys if dict(key.dimensions)[dimension] == value)


def quiet(keys: list[Key], *loud: Key) -> Iterator[Key]:
    assert keys
    return (key for key in keys if key not in loud)


def test_the_cpu_of_one_reader_is_above_80_for_two_quarters_and_comes_back(story: Story) -> None:
    keys = story.keys("AWS/RDS", "CPUUtilization", "DBInstanceIdentifier")
    climbing = named(keys, "DBInstanceIdentifier", READERS[0])
    quarters = story.read(climbing, "Average", 900, start=0)
    assert quarters[0] < 80
    assert 80 < quarters[15] < 95
    assert 80 < quarters[30] < 95
    assert all(quarters[at] < 75 for at in (60, 75, 90))
    minutes = story.read(climbing, "Average", 60, start=0)
    assert all(minutes[at] < 75 for at in minutes if at >= 58)
    for key in quiet(keys, climbing):
        assert max(story.read(key, "Average", 900).values()) < 60


def test_the_readers_drift_apart_and_come_together_again(story: Story) -> None:
    """As the shipped rule weighs them: above 0.7 for ten of fifteen minutes, and chance alone stays far below."""
    keys = story.keys("AWS/RDS", "CPUUtilization", "DBInstanceIdentifier")
    busy, calm = (story.read(named(keys, "DBInstanceIdentifier", name), "Average", 60) for name in READERS)
    excess = score(np.array([[busy[at], calm[at]] for at in busy]), "excess", 10.0)
    by_minute = dict(zip(busy, excess.tolist(), strict=True))
    assert all(by_minute[at] >= 0.7 for at in range(14, 56))
    assert all(value < 0.35 for at, value in by_minute.items() if not 12 <= at < 58)


def test_no_reader_is_idle_meanwhile(story: Story) -> None:
    keys = story.keys("AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier")
    loads = [story.read(named(keys, "DBInstanceIdentifier", name), "Average", 60) for name in READERS]
    assert score(np.array([[one[at] for one in loads] for at in loads[0]]), "idle", 20.0).max() < 0.8


def error_share(story: Story) -> dict[float, float]:
    """The packs' expression: per cent of requests that failed, by minute."""
    requests, target, own = (
        story.read(story.keys("AWS/ApplicationELB", metric, "LoadBalancer")[0], "Sum", 60)
        for metric in ("RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count")
    )
    return {
        at: 100 * (target.get(at, 0) + own.get(at, 0)) / (requests[at] + own.get(at, 0))
        for at in requests
        if requests[at] >= 50
    }


def test_a_third_of_the_requests_fail_for_twelve_minutes_and_hardly_any_otherwise(story: Story) -> None:
    share = error_share(story)
    assert all(share[at] > 20 for at in range(10, 22))
    assert all(value < 2 for at, value in share.items() if not 10 <= at < 22)
    assert len(share) == 135, "an ordinary minute has enough requests to judge"


def test_one_disk_runs_low_then_nearly_full_and_is_cleaned(story: Story) -> None:
    keys = story.keys("CWAgent", "disk_used_percent", "InstanceId", "path", "device", "fstype")
    assert len(keys) == 30
    filling = named(keys, "InstanceId", next(host.id for host in HOSTS if host.name == "worker-3"))
    free = {at: 100 - used for at, used in story.read(filling, "Maximum", 300).items()}
    assert all(free[at] > 12 for at in free if at < 25 or at >= 50)
    assert all(5 < free[at] < 10 for at in (25, 30))
    assert all(free[at] < 5 for at in (35, 40, 45))
    for key in quiet(keys, filling):
        assert max(story.read(key, "Maximum", 300).values()) < 88


@pytest.mark.parametrize(
    ("namespace", "metric", "dimensions", "lowest", "highest"),
    [
        ("AWS/EC2", "StatusCheckFailed*", ("InstanceId",), 0, 0),
        ("AWS/ApplicationELB", "UnHealthyHostCount", ("LoadBalancer", "TargetGroup"), 0, 0),
        ("AWS/ELB", "SurgeQueueLength", ("LoadBalancerName",), 0, 50),
        ("AWS/ELB", "SpilloverCount", ("LoadBalancerName",), 0, 0),
        ("AWS/RDS", "DatabaseConnections", ("DBInstanceIdentifier",), 1, 300),
        ("AWS/RDS", "FreeStorageSpace", ("DBInstanceIdentifier",), 50 * GIB, 500 * GIB),
        ("AWS/RDS", "FreeLocalStorage", ("DBInstanceIdentifier",), 20 * GIB, 500 * GIB),
        ("AWS/RDS", "AuroraReplicaLag", ("DBInstanceIdentifier",), 1, 100),
        ("AWS/RDS", "ReplicaLag", ("DBInstanceIdentifier",), 0, 5),
    ],
)
def test_nothing_else_comes_near_a_threshold(
    story: Story, namespace: str, metric: str, dimensions: tuple[str, ...], lowest: float, highest: float
) -> None:
    for key in quiet(story.keys(namespace, metric, *dimensions)):
        values = story.read(key, "Average", 60).values()
        assert all(lowest <= value <= highest for value in values), key


def test_the_shop_is_down_from_minute_2_to_9_and_the_others_never(story: Story) -> None:
    down = [at for at in range(106) if story.estate.outage("shop", story.start + at * 60)]
    assert down == list(range(2, 9))
    outage = story.estate.outage("shop", story.start + 120)
    assert outage is not None
    assert (outage.state, outage.status) == (SiteState.FAILING, 503)
    others = [site for site in story.estate.sites if site != "shop"]
    assert len(others) == 2
    assert not any(story.estate.outage(site, story.start + at) for site in others for at in range(0, 6300, 10))


def test_every_get_metric_data_is_throttled_for_ninety_seconds() -> None:
    [fault] = SCENARIO.faults(START_EPOCH)
    assert (fault.kind, fault.operation, fault.times) == (Kind.THROTTLE, "GetMetricData", None)
    assert fault.until - fault.since == 90
    assert fault.since == START_EPOCH + 54 * 60


def test_the_filter_counts_the_critical_lines_of_two_minutes_and_not_those_that_cry_wolf(story: Story) -> None:
    counts = {
        group: story.read(Key(PROD.id, PROD.regions[0], "LogMetrics", f"Critical/ecs/{group}/pms", ()), "Sum", 60)
        for group in ("alba", "dante")
    }
    assert {minute for minute, count in counts["alba"].items() if count} == {26, 27}
    assert counts["alba"][26] == 1
    assert set(counts["dante"].values()) == {0.0}


def test_the_image_pushed_last_is_vulnerable_for_45_minutes_and_no_other_ever_is(story: Story) -> None:
    [registry] = story.estate.registries.values()
    worst = {}
    for minute in range(0, 105, 5):
        newest = [
            max((one for one in registry.there(minute * 60.0) if one.repository == name), key=lambda one: one.at)
            for name in ("shop/web", "shop/jobs")
        ]
        worst[minute] = sum(flaw.severity == "CRITICAL" for one in newest for flaw in one.flaws)
    assert {minute for minute, count in worst.items() if count} == set(range(20, 65, 5))
    assert set(worst.values()) == {0, 3}


def test_every_promise_can_be_kept_before_the_end() -> None:
    assert {promise.alert for promise in SCENARIO.promises} == {
        "SiteDown",
        "AlbErrors",
        "Ec2DiskLow",
        "PmsCritical",
        "RdsCpuHigh",
        "ReaderImbalance",
        "VulnerableImage",
    }
    for promise in SCENARIO.promises:
        assert promise.paged_by < promise.resolved_by < SCENARIO.duration
        assert list(promise.priorities) == sorted(promise.priorities, reverse=True)
    assert {p.alert for p in SCENARIO.promises if Priority.P1 in p.priorities} == {"SiteDown", "AlbErrors"}
    assert dict(SCENARIO.promises[1].labels) == {"LoadBalancer": BALANCER}


def test_the_story_begins_on_a_quarter_of_an_hour() -> None:
    assert aligned_start(START_EPOCH + 899.5) == START_EPOCH
    assert aligned_start(START_EPOCH + 900) == START_EPOCH + GRID
