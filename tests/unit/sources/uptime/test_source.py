"""Burn rates as the engine asks for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watchtower.model import AlertKey, Labels, Priority
from watchtower.sources.base import Ask, Poll
from watchtower.sources.uptime.burn import PAGE
from watchtower.sources.uptime.ledger import Totals
from watchtower.sources.uptime.query import BurnQuery, SloModel
from watchtower.sources.uptime.source import UptimeSource

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watchtower.model import PollResult

TICK = 30 * 86_400 * 1_000
SITE = Labels({"target": "a.example", "kind": "http"})
QUERY = BurnQuery(
    rule="SiteDown",
    slo=SloModel(objective=99.9),
    interval=60,
    identity=("kind", "target"),
    targets={"a.example": {"tenant": "shop"}},
)
ASK = Ask("SiteDownBurn", QUERY, 60, 1, Priority.P2)


async def polled(*booked: tuple[AlertKey, Totals]) -> PollResult:
    asked: list[tuple[set[str], set[int]]] = []

    async def read(rules: Collection[str], begins: Mapping[int, int]) -> Mapping[AlertKey, Mapping[int, Totals]]:
        asked.append((set(rules), set(begins)))
        return {key: dict.fromkeys(begins, totals) for key, totals in booked}

    source = UptimeSource(read)
    [unit] = source.plan([ASK], [])
    result = await source.poll(Poll(unit, TICK, None, datetime.fromtimestamp(TICK, UTC)))
    assert asked == [({"SiteDown"}, {300, 1_800, 3_600, 21_600, 259_200, 2_592_000})]
    return result


async def test_a_target_that_burns_its_budget_is_a_series_with_its_own_labels() -> None:
    [answer] = (await polled((AlertKey("SiteDown", SITE), Totals(down=2_000, until=TICK)))).answers
    [seen] = answer.observations
    assert (seen.identity, seen.context) == (SITE, Labels({"tenant": "shop"}))
    assert seen.points == ((TICK - 60, PAGE),)


async def test_what_is_left_and_how_fast_it_burns_is_scraped() -> None:
    samples = (await polled((AlertKey("SiteDown", SITE), Totals(down=1_296, until=TICK)))).samples
    left = {sample.value for sample in samples if sample.name == "watchtower_error_budget_remaining_ratio"}
    rates = {sample.labels["window"] for sample in samples if sample.name == "watchtower_burn_rate"}
    assert [round(value, 6) for value in left] == [0.5]
    assert rates == {"5m", "30m", "1h", "6h", "3d"}


async def test_a_target_that_nobody_probes_any_more_is_no_series() -> None:
    [answer] = (await polled((AlertKey("SiteDown", SITE), Totals(down=2_000, until=TICK - 3_600)))).answers
    assert answer.observations == ()


async def test_without_a_store_nothing_is_known_and_nothing_has_vanished() -> None:
    source = UptimeSource()
    [unit] = source.plan([ASK], [])
    [answer] = (await source.poll(Poll(unit, TICK, None, datetime.fromtimestamp(TICK, UTC)))).answers
    assert (answer.observations, answer.complete) == ((), False)


def test_a_series_belongs_to_the_unit_when_its_labels_are_those_of_the_rule() -> None:
    source = UptimeSource()
    [unit] = source.plan([ASK], [])
    assert source.owns(unit, "SiteDownBurn", SITE)
    assert not source.owns(unit, "SiteDownBurn", Labels({"target": "a.example"}))
    assert not source.owns(unit, "SiteDown", SITE)
