from __future__ import annotations

import pytest

from tests.support.simulated_aws import ACCOUNT, REGION, START_EPOCH, counting, estate, series
from watchtower.demo import shapes
from watchtower.demo.estate import Key, Outage, Overlay, Selector, SiteState, dimensions_of
from watchtower.demo.fleet import BALANCER, HOSTS, demo_estate

DAY_OF_MINUTES = range(START_EPOCH - 86_400, START_EPOCH, 60)


def test_a_minute_has_the_same_value_whoever_asks_and_whenever() -> None:
    one, other = demo_estate(START_EPOCH), demo_estate(START_EPOCH)
    for first, second in zip(one.series, other.series, strict=True):
        assert first.key == second.key
        assert first.value(START_EPOCH + 300) == second.value(START_EPOCH + 300)


def test_there_is_history_before_the_story_begins() -> None:
    cpu = next(s for s in demo_estate(START_EPOCH).series if s.key.metric == "CPUUtilization")
    assert all(cpu.value(START_EPOCH - days * 86_400) is not None for days in (1, 13, 60))


def test_a_daily_wave_stays_within_its_bounds_and_peaks_at_its_hour() -> None:
    wave = shapes.daily(7, 20, 60, peak_hour=14)
    values = {at: wave(at) or 0.0 for at in DAY_OF_MINUTES}
    assert min(values.values()) >= 20
    assert max(values.values()) <= 60
    highest = max(values, key=lambda at: values[at])
    assert abs((highest % 86_400) / 3600 - 14) < 3


def test_noise_is_spread_evenly() -> None:
    draws = [shapes.noise(3, minute) for minute in range(10_000)]
    assert 0.48 < sum(draws) / len(draws) < 0.52
    assert sum(draw < 0.1 for draw in draws) == pytest.approx(1000, abs=120)


def test_an_error_count_is_absent_where_it_would_be_zero() -> None:
    errors = next(
        s
        for s in demo_estate(START_EPOCH).series
        if s.key.metric == "HTTPCode_Target_5XX_Count" and len(s.key.dimensions) == 1
    )
    values = [errors.value(at) for at in DAY_OF_MINUTES]
    assert values.count(None) > 1000
    assert all(value is None or value >= 1 for value in values)


def test_basic_monitoring_publishes_every_five_minutes() -> None:
    cpu = next(s for s in demo_estate(START_EPOCH).series if s.key.namespace == "AWS/EC2" and s.resolution == 300)
    assert [cpu.value(START_EPOCH + at) is not None for at in (0, 60, 240, 300)] == [True, False, False, True]


def test_thirty_instances_have_thirty_names() -> None:
    assert len({host.id for host in HOSTS}) == len({host.name for host in HOSTS}) == 30


def test_an_overlay_changes_the_selected_series_while_it_lasts_and_no_other() -> None:
    incident = Overlay(
        "up", Selector(metric="Orders", dimensions={"Shop": "a*"}), 60, 180, lambda since, usual: 500 + since
    )
    world = estate(series("Orders", counting, {"Shop": "abc"}), series("Orders", counting, {"Shop": "xyz"})).suffering(
        [incident]
    )
    here = world.by_place()[ACCOUNT, REGION]
    struck = here[Key(ACCOUNT, REGION, "Shop", "Orders", dimensions_of({"Shop": "abc"}))]
    spared = here[Key(ACCOUNT, REGION, "Shop", "Orders", dimensions_of({"Shop": "xyz"}))]
    assert [struck.value(START_EPOCH + at) for at in (0, 60, 120, 180)] == [0, 500, 560, 3]
    assert [spared.value(START_EPOCH + at) for at in (0, 60, 120, 180)] == [0, 1, 2, 3]


def test_of_two_outages_the_one_that_began_last_is_seen() -> None:
    world = estate(sites={"shop": "Welcome"}).suffering(
        [], [Outage("shop", 0, 100, SiteState.FAILING), Outage("shop", 50, 60, SiteState.HANGING)]
    )
    states = [world.outage("shop", START_EPOCH + at) for at in (-1, 0, 55, 60, 100)]
    assert [state and state.state for state in states] == [
        None,
        SiteState.FAILING,
        SiteState.HANGING,
        SiteState.FAILING,
        None,
    ]


def test_the_balancer_is_published_with_each_set_of_dimensions_aws_uses() -> None:
    sets = {
        tuple(name for name, _ in s.key.dimensions)
        for s in demo_estate(START_EPOCH).series
        if s.key.metric == "RequestCount" and dict(s.key.dimensions).get("LoadBalancer") == BALANCER
    }
    assert sets == {("LoadBalancer",), ("LoadBalancer", "TargetGroup"), ("AvailabilityZone", "LoadBalancer")}
