"""What the daemon says of the uptime of its targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.stores import tick, unit
from watchtower.clock import epoch
from watchtower.engine.uptime import UptimeFigures
from watchtower.model import AlertKey, Labels
from watchtower.sources.uptime.ledger import Spent, Watched
from watchtower.web.uptime import PATH

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig


def key(target: str) -> AlertKey:
    return AlertKey("SiteDown", Labels({"target": target, "kind": "http"}))


async def booked(rig: Rig) -> None:
    """Two sites, watched for an hour with a break of ten minutes."""
    start = int(epoch(rig.clock.now()))
    spans = (
        Spent(key("shop"), Watched.UP, start, start + 1_800),
        Spent(key("shop"), Watched.DOWN, start + 2_400, start + 2_700),
        Spent(key("shop"), Watched.UNKNOWN, start + 2_700, start + 3_000),
        Spent(key("shop"), Watched.MAINTENANCE, start + 3_000, start + 3_600),
        Spent(key("site"), Watched.UP, start, start + 3_600),
    )
    await rig.store.sync_units([unit()])
    [claimed] = await rig.store.claim_units("a", limit=1, lease=30)
    await rig.store.commit_ticks([replace(tick("u1", claimed.epoch), uptime=spans)])
    rig.clock.advance(3_600)


async def test_each_targets_time_is_told_by_what_it_was_the_worst_first(rig: Rig) -> None:
    await booked(rig)
    told = await rig.get(f"{PATH}?window=1d")

    assert (told["window"], told["total"]) == ("1d", 2)
    assert [one["labels"]["target"] for one in told["series"]] == ["shop", "site"]
    assert told["series"][0] == {
        "alert": "SiteDown",
        "labels": {"kind": "http", "target": "shop"},
        "ratio": pytest.approx(1_800 / 2_100),
        "seconds": {"up": 1_800, "down": 300, "maintenance": 600, "unknown": 300, "unwatched": 600},
    }


async def test_a_target_and_a_rule_can_be_chosen(rig: Rig) -> None:
    await booked(rig)
    assert [one["labels"]["target"] for one in (await rig.get(f"{PATH}?target=site"))["series"]] == ["site"]
    assert (await rig.get(f"{PATH}?alert=Other"))["series"] == []


@pytest.mark.parametrize("window", ["soon", "1s", "1000d"])
async def test_a_window_that_cannot_be_is_refused(rig: Rig, window: str) -> None:
    refused = await rig.ask("GET", f"{PATH}?window={window}")
    assert refused.status == 400
    assert refused.data["error"].startswith("window: ")


async def test_the_scrape_says_the_ratio_by_window_and_the_seconds_by_state(rig: Rig) -> None:
    await booked(rig)
    figures = UptimeFigures(rig.store, rig.live, rig.clock)
    assert await figures.step() == 60
    async with rig.client.get("/metrics?family=watchtower") as response:
        text = await response.text()

    assert 'watchtower_uptime_ratio{alert="SiteDown",kind="http",target="site",window="30d"} 1\n' in text
    down = 'watchtower_uptime_seconds{alert="SiteDown",kind="http",state="down",target="shop",window="30d"} 300\n'
    assert down in text
    assert text.count("watchtower_uptime_ratio{") == 4


async def test_a_month_is_added_up_once_a_minute_at_most(rig: Rig) -> None:
    await booked(rig)
    figures = UptimeFigures(rig.store, rig.live, rig.clock)
    await figures.step()
    rig.clock.advance(20)
    await rig.store.close()
    assert await figures.step() == 40
