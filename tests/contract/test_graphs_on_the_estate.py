"""From a rule's query to a picture, through an AWS that answers as CloudWatch does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.support.clock import ManualClock
from tests.support.make import notice, unit
from tests.support.place import signed_in
from tests.support.simulated_aws import REGION, counting, estate, series
from tests.unit.graphs.drawing import above, spec
from watchtower.demo.aws import EstateServer
from watchtower.graphs.canvas import HEIGHT, WIDTH
from watchtower.graphs.series import asked, window
from watchtower.graphs.studio import Studio
from watchtower.model import Labels, Priority
from watchtower.sources.base import Ask
from watchtower.sources.cloudwatch.chart import chart
from watchtower.sources.cloudwatch.query import CloudWatchQuery

if TYPE_CHECKING:
    from watchtower.graphspec import GraphQuery

HOUR = 3600
SHOP = {"Shop": "one"}
IDENTITY = Labels({"account": "main", "region": REGION, **SHOP})
ORDERS = {"namespace": "Shop", "metric": "Orders", "statistic": "Sum", "dimensions": {"Shop": "*"}}
DOUBLED = {"expression": "2 * m", "metrics": {"m": ORDERS}}


def query_of(**query: Any) -> GraphQuery:
    ask = Ask("Orders", CloudWatchQuery.model_validate(query), 60, 3, Priority.P2)
    made = chart(unit(account="main", region=REGION), ask, IDENTITY)
    assert made is not None
    return made


@pytest.mark.parametrize(("query", "factor"), [(ORDERS, 1), (DOUBLED, 2)], ids=["metric", "math"])
async def test_the_past_comes_as_the_evaluation_would_see_it_and_becomes_a_picture(
    monkeypatch: pytest.MonkeyPatch, query: dict[str, Any], factor: int
) -> None:
    clock = ManualClock()
    clock.advance(4 * HOUR)
    async with (
        EstateServer(estate(series("Orders", counting, SHOP)), clock) as server,
        signed_in(monkeypatch, server) as (_, clients),
    ):
        billed: Counter[str] = Counter()
        studio = Studio(clients, clock, lambda rule, metrics: billed.update({rule: metrics}))
        try:
            drawn = spec(above(Priority.P2, 100), query=query_of(**query))
            told = notice(tier=Priority.P2, at=clock.now())
            past = await asked(clients, query_of(**query), window(drawn, clock.now(), clock.now()))
            told = replace(told, members=(replace(told.members[0], graph=drawn),))
            pictures = [await studio.paint(told), await studio.paint(told, by_aws=True)]
        finally:
            studio.close()
    assert [value for _, value in past.points][:2] == [60.0 * factor, 61.0 * factor]
    assert len(past.points) == 180
    assert [Image.open(BytesIO(picture)).size for picture in pictures] == [(WIDTH, HEIGHT), (1, 1)]
    assert billed == {"CpuHigh": 1}
