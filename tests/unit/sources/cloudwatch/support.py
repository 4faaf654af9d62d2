"""Asks, polls and answers of GetMetricData in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.clock import START, ManualClock
from tests.support.scripted_aws import Reply, Request, Script, ScriptedAws, config_of, ok
from watchtower.clock import epoch
from watchtower.model import Answer, Observation, PollResult, Priority
from watchtower.sources.base import Ask, Place, Poll, Unit
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.cloudwatch.source import CloudWatchSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchtower.aws.clients import AwsClients

#: The tick of the tests; on every grid.
TICK = int(epoch(START))
PLACE = Place("prod", "eu-west-1")

EC2: Mapping[str, Any] = {"namespace": "AWS/EC2", "metric": "CPUUtilization", "statistic": "Average"}
ALB: Mapping[str, Any] = {"namespace": "AWS/ApplicationELB", "statistic": "Sum", "dimensions": {"LoadBalancer": "*"}}
ERRORS: Mapping[str, Any] = {
    "expression": "100 * FILL(t, 0) / r",
    "metrics": {"r": {**ALB, "metric": "RequestCount"}, "t": {**ALB, "metric": "HTTPCode_Target_5XX_Count"}},
}


def ec2(*instances: str, **more: Any) -> dict[str, Any]:
    """CPU of instances, by exact ids or a glob."""
    return {**EC2, "dimensions": {"InstanceId": list(instances)}, **more} if instances else {**EC2, **more}


def ask(rule: str, query: Mapping[str, Any], *, slots: int = 3, **more: Any) -> Ask:
    parsed = CloudWatchQuery.model_validate(query)
    return Ask(rule, parsed, int(parsed.period), slots, Priority.P3, **more)


class Polling:
    """A source over a scripted AWS, polled tick by tick; it hands each memory to the next poll."""

    def __init__(self, aws: ScriptedAws, clients: AwsClients, *asks: Ask, **config: Any) -> None:
        self.clock = ManualClock()
        self.source = CloudWatchSource(clients, config_of(aws, **config), self.clock)
        [self.unit] = self.source.plan(asks, [PLACE])
        self.memory: bytes | None = None

    async def poll(self, tick: int = TICK) -> PollResult:
        result = await self.source.poll(Poll(self.unit, tick, self.memory, self.clock.now()))
        self.memory = result.memory if result.memory is not None else self.memory
        return result


def unit_of(source: CloudWatchSource, *asks: Ask) -> Unit:
    [unit] = source.plan(asks, [PLACE])
    return unit


def answer(result: PollResult, rule: str) -> Answer:
    return next(answer for answer in result.answers if answer.rule == rule)


def only(result: PollResult, rule: str = "Cpu") -> Observation:
    [observation] = answer(result, rule).observations
    return observation


def by(result: PollResult, label: str, rule: str = "Cpu") -> dict[str, Observation]:
    return {observation.identity[label]: observation for observation in answer(result, rule).observations}


def listed(*series: Mapping[str, str]) -> Reply:
    """ListMetrics with these series."""
    return ok({"Metrics": [{"Dimensions": [{"Name": n, "Value": v} for n, v in one.items()]} for one in series]})


def instances(*ids: str) -> Reply:
    return listed(*({"InstanceId": name} for name in ids))


def result_of(
    query_id: str, points: Sequence[tuple[int, float]] = (), status: str = "Complete", message: str = ""
) -> dict[str, Any]:
    """One MetricDataResult; points are (slots before the tick, value)."""
    messages = {"Messages": [{"Code": "Note", "Value": message}]} if message else {}
    return {
        "Id": query_id,
        "Label": query_id,
        "StatusCode": status,
        "Timestamps": [float(TICK - 60 * back) for back, _ in points],
        "Values": [value for _, value in points],
        **messages,
    }


def page(*results: Mapping[str, Any], token: str | None = None, message: str = "") -> Reply:
    """One page of GetMetricData."""
    more: dict[str, Any] = {"NextToken": token} if token else {}
    if message:
        more["Messages"] = [{"Code": "Note", "Value": message}]
    return ok({"MetricDataResults": list(results), **more})


def returned(request: Request) -> list[Mapping[str, Any]]:
    """The queries of a request whose data come back."""
    return [query for query in request.body["MetricDataQueries"] if query.get("ReturnData", True)]


def dimension(query: Mapping[str, Any]) -> str:
    """The one dimension's value of a plain query."""
    [found] = query["MetricStat"]["Metric"]["Dimensions"]
    return str(found["Value"])


def every_series(value: Callable[[Mapping[str, Any]], Sequence[tuple[int, float]]] | None = None) -> Script:
    """Answer every query completely, with one point of 50 in the newest slot unless ``value`` says otherwise."""

    def script(request: Request, number: int) -> Reply:
        return page(*(result_of(q["Id"], value(q) if value else [(1, 50.0)]) for q in returned(request)))

    return script
