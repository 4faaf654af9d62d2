"""A picture is made within seconds from what CloudWatch tells, or from what the evaluation saw."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from PIL import Image

from tests.support.clock import ManualClock
from tests.support.make import notice
from tests.support.scripted_aws import HANG, HTML, Reply, ScriptedAws, ok, refusal
from tests.unit.graphs.drawing import BEGAN, NOW, above, member, minutes, spec
from watchtower.errors import Rejected
from watchtower.graphs.canvas import HEIGHT, WIDTH
from watchtower.graphs.series import AROUND
from watchtower.graphs.studio import Studio
from watchtower.graphspec import GraphQuery, GraphSpec
from watchtower.model import Notice, Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.aws.clients import AwsClients

P2 = Priority.P2
METRIC = {"Namespace": "Shop", "MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": "one"}]}
QUERIES = [
    {"Id": "q0", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
    {"Id": "e0", "Expression": "q0 * 2", "Period": 60, "ReturnData": True},
]
QUERY = GraphQuery("prod", "eu-west-1", orjson.dumps(QUERIES).decode(), "e0", metrics=2)
EVALUATED = minutes(1, 2, 3).points
PAST = ok({"MetricDataResults": [{"Id": "e0", "StatusCode": "Complete", "Timestamps": [BEGAN - 60], "Values": [5.0]}]})
EMPTY = ok({"MetricDataResults": [{"Id": "e0", "StatusCode": "Complete", "Timestamps": [], "Values": []}]})
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="


class Making:
    """A studio, and what it said AWS bills."""

    def __init__(self, clients: AwsClients) -> None:
        self.billed: Counter[str] = Counter()
        self.studio = Studio(clients, ManualClock(NOW), lambda rule, count: self.billed.update({rule: count}))


@pytest.fixture
def making(clients: AwsClients) -> Iterator[Making]:
    made = Making(clients)
    yield made
    made.studio.close()


def about(drawn: GraphSpec | None) -> Notice:
    return replace(notice(tier=P2), members=(replace(member(P2), graph=drawn),))


def drawable(**more: Any) -> GraphSpec:
    return spec(above(P2, 1), **{"query": QUERY, "points": EVALUATED, **more})


def size(picture: bytes) -> tuple[int, int]:
    return Image.open(BytesIO(picture)).size


async def test_the_past_is_asked_for_in_one_call_and_counted(making: Making, aws: ScriptedAws) -> None:
    aws.on("GetMetricData", PAST)
    assert size(await making.studio.paint(about(drawable()))) == (WIDTH, HEIGHT)
    [asked] = aws.asked("GetMetricData")
    assert [query["Id"] for query in asked.body["MetricDataQueries"]] == ["q0", "e0"]
    assert asked.body["StartTime"] <= BEGAN - AROUND
    assert making.billed == {"CpuHigh": 2}


@pytest.mark.parametrize(
    "answer", [refusal("AccessDenied"), HTML, EMPTY, Reply(body=b"nonsense")], ids=["forbidden", "500", "empty", "odd"]
)
async def test_without_the_past_the_evaluated_window_is_drawn(making: Making, aws: ScriptedAws, answer: Reply) -> None:
    aws.on("GetMetricData", answer)
    assert size(await making.studio.paint(about(drawable()))) == (WIDTH, HEIGHT)


async def test_nobody_waits_for_a_cloudwatch_that_hangs(impatient: AwsClients, aws: ScriptedAws) -> None:
    aws.on("GetMetricData", HANG)
    making = Making(impatient)
    try:
        assert size(await making.studio.paint(about(drawable()))) == (WIDTH, HEIGHT)
    finally:
        making.studio.close()


async def test_an_account_that_a_reload_removed_leaves_the_evaluated_window(making: Making) -> None:
    gone = replace(QUERY, account="nobody")
    assert size(await making.studio.paint(about(drawable(query=gone)))) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("drawn", [None, drawable(query=None, points=())])
async def test_nothing_to_draw_is_refused_for_good(making: Making, drawn: GraphSpec | None) -> None:
    with pytest.raises(Rejected) as refused:
        await making.studio.paint(about(drawn))
    assert refused.value.permanent


async def test_cloudwatch_draws_where_it_is_asked_to(making: Making, aws: ScriptedAws) -> None:
    aws.on("GetMetricWidgetImage", ok({"MetricWidgetImage": PIXEL}))
    assert await making.studio.paint(about(drawable()), by_aws=True) == base64.b64decode(PIXEL)
    [asked] = aws.asked("GetMetricWidgetImage")
    widget = orjson.loads(asked.body["MetricWidget"])
    assert widget["metrics"] == [
        ["Shop", "Orders", "Shop", "one", {"stat": "Sum", "period": 60, "id": "q0", "visible": False}],
        [{"expression": "q0 * 2", "period": 60, "id": "e0", "visible": True}],
    ]
    assert [(line["label"], round(line["value"])) for line in widget["annotations"]["horizontal"]] == [("P2 > 1", 1)]
    assert aws.asked("GetMetricData") == []


@pytest.mark.parametrize(
    "answer", [refusal("UnknownOperationException"), ok({"MetricWidgetImage": "bm8gcG5n"})], ids=["unknown", "no PNG"]
)
async def test_where_cloudwatch_does_not_draw_we_do(making: Making, aws: ScriptedAws, answer: Reply) -> None:
    aws.on("GetMetricWidgetImage", answer)
    aws.on("GetMetricData", PAST)
    assert size(await making.studio.paint(about(drawable()), by_aws=True)) == (WIDTH, HEIGHT)
