"""The logs source against the simulated estate and against moto: filters found, metrics polled, lines as evidence."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import structlog
from structlog.testing import capture_logs

from tests.support.clock import ManualClock
from tests.support.simulated_aws import MAIN, START_EPOCH, estate, use_keys
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.clock import SystemClock, epoch
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.logs import Chatter, LogFilter, LogGroup
from watchtower.engine.archive import Archive
from watchtower.engine.plan import Plan
from watchtower.errors import SourceError
from watchtower.inventory.log_filters import LogInventory
from watchtower.live import Metrics
from watchtower.lookup import Lookup
from watchtower.model import Labels, Priority, TroubleReason, Truth
from watchtower.sources.base import Ask, Place, Poll
from watchtower.sources.logs.evidence import MAX_PAGES
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.logs.source import LogsSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchtower.model import Observation, PollResult

REGION, OTHER = "eu-west-1", "us-east-1"
IDIOM = '[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]'
SPACED = '[ (w1 = "*CRITICAL*")  &&  (w1 != "*Errore da Ignorare*") ]'
TICK = START_EPOCH + 600
BAD = ("CRITICAL no rooms, password=hunter2", "CRITICAL Errore da Ignorare", "CRITICAL no keys")


def quiet(_minute: int) -> tuple[str, ...]:
    return ("INFO all is well", "INFO still well")


def group(name: str, *filters: LogFilter) -> LogGroup:
    return LogGroup(name, quiet, filters)


def critical(metric: str, **more: Any) -> LogFilter:
    return LogFilter("critical", SPACED, metric, **more)


class Logs:
    """A source over the estate, polled tick by tick; it hands each memory to the next poll."""

    server: EstateServer

    def __init__(self, url: str, clock: ManualClock) -> None:
        self.clock = clock
        self.config = AwsConfig.model_validate(
            {"accounts": [{"name": "main", "regions": [REGION, OTHER]}], "endpoint_url": url}
        )
        self.clients = AwsClients(self.config)
        self.memory: bytes | None = None
        self.source = self.fresh()

    def fresh(self) -> LogsSource:
        return LogsSource(self.clients, self.config, self.clock)

    async def poll(self, query: dict[str, Any] | None = None, tick: int = TICK, region: str = REGION) -> PollResult:
        self.clock.advance(tick + 30 - epoch(self.clock.now()))
        self.unit = self.plan(query or {"log_group": "/ecs/*/pms", "pattern": IDIOM}, region)
        result = await self.source.poll(Poll(self.unit, tick, self.memory, self.clock.now()))
        self.memory = result.memory if result.memory is not None else self.memory
        return result

    def plan(self, query: dict[str, Any], region: str = REGION) -> Any:
        ask = Ask("PmsCritical", LogsQuery.model_validate(query), 60, 3, Priority.P2)
        return next(unit for unit in self.source.plan([ask], [Place("main", region)]))

    async def evidence(self, log_group: str = "/ecs/a/pms") -> tuple[str, ...]:
        return await self.source.evidence(self.unit, "PmsCritical", identity(log_group), TICK - 60, TICK)


def identity(log_group: str) -> Labels:
    return Labels({"account": "main", "region": REGION, "log_group": log_group})


def by_group(result: PollResult) -> dict[str, Observation]:
    [answer] = result.answers
    return {each.identity["log_group"]: each for each in answer.observations}


@pytest_asyncio.fixture
async def logs(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Logs]:
    groups = (
        group("/ecs/a/pms", critical("a", default=0.0)),
        group("/ecs/b/pms", critical("b", until=900), LogFilter("words", "pool", "b-words")),
        group("/ecs/a/shop"),
    )
    simulated = replace(
        estate(),
        log_groups={(MAIN.id, REGION): groups, (MAIN.id, OTHER): groups},
        chatter=(Chatter("/ecs/a/pms", 540, 600, BAD),),
    )
    clock = ManualClock()
    async with EstateServer(simulated, clock, Faults()) as server:
        use_keys(monkeypatch, server.credentials())
        opened = Logs(server.url, clock)
        opened.server = server
        yield opened
        await opened.clients.close()


@pytest_asyncio.fixture
async def moto(moto_url: str) -> AsyncIterator[Logs]:
    opened = Logs(moto_url, ManualClock(SystemClock().now()))
    yield opened
    await opened.clients.close()


async def test_lines_that_come_slowly_are_there_for_who_asks_again_and_were_asked_for_once(logs: Logs) -> None:
    await logs.poll()
    logs.server.faults.add(Fault(Kind.SLOW, operation="FilterLogEvents", seconds=0.3, times=1))
    lookup = Lookup("PmsCritical", identity("/ecs/a/pms"), TICK - 60, TICK, logs.clock.now())
    archive = Archive(lambda: Plan({}, {}), Metrics())
    with pytest.raises(SourceError, match=r"not there within 0\.05 s") as late:
        await archive.read(lookup, 0.05, (logs.source, logs.unit))
    assert late.value.reason == TroubleReason.TIMEOUT
    assert await archive.read(lookup, 20) == ("CRITICAL no rooms, password=[redacted]", "CRITICAL no keys")
    assert logs.server.calls["FilterLogEvents"] == 2, "an empty page and one with the lines"
    await archive.close()


async def test_each_log_group_is_a_series_with_what_its_filter_counted(logs: Logs) -> None:
    with capture_logs() as said:
        result = await logs.poll()
        await logs.poll(tick=TICK + 60)

    seen = by_group(result)
    assert seen["/ecs/a/pms"].points == ((TICK - 180, 0.0), (TICK - 120, 0.0), (TICK - 60, 2.0))
    assert (seen["/ecs/b/pms"].points, seen["/ecs/b/pms"].truth) == ((), Truth.NO_DATA)
    assert (set(seen), result.troubles, result.billed) == ({"/ecs/a/pms", "/ecs/b/pms"}, (), {"PmsCritical": 2})
    assert seen["/ecs/a/pms"].identity == identity("/ecs/a/pms")
    # Listed once an interval, and compared once with CloudWatch's own reading, which agrees.
    assert (logs.server.calls["DescribeMetricFilters"], logs.server.calls["TestMetricFilter"], said) == (1, 1, [])


async def test_a_filter_can_be_named_and_its_own_pattern_finds_the_evidence(logs: Logs) -> None:
    result = await logs.poll({"log_group": "/ecs/a/pms", "filter": "critical", "evidence": 1})

    assert (list(by_group(result)), result.troubles) == (["/ecs/a/pms"], ())
    assert await logs.evidence() == ("CRITICAL no rooms, password=[redacted]",)
    assert logs.server.calls["DescribeLogGroups"] == 0


async def test_a_filter_that_disappears_is_a_fault_and_its_series_keeps_its_state(logs: Logs) -> None:
    await logs.poll()
    await logs.poll(tick=TICK + 360)
    result = await logs.poll(tick=TICK + 420)  # that half of what there was is gone is doubted once

    [trouble] = result.troubles
    assert (trouble.source, trouble.reason) == ("logs", "invalid")
    assert trouble.detail.startswith("PmsCritical: /ecs/b/pms: no metric filter with this pattern; `watchtower log-fi")
    truths = {name: each.truth for name, each in by_group(result).items()}
    assert truths == {"/ecs/a/pms": Truth.VALUE, "/ecs/b/pms": Truth.NOT_FETCHED}


async def test_a_listing_that_fails_keeps_what_was_found_also_over_a_restart(logs: Logs) -> None:
    await logs.poll()
    logs.server.faults.add(Fault(Kind.ACCESS_DENIED, operation="Describe*"))
    logs.source = logs.fresh()

    result = await logs.poll({"log_group": ["/ecs/a/pms"], "pattern": IDIOM})

    assert by_group(result)["/ecs/a/pms"].truth is Truth.VALUE
    assert {trouble.reason for trouble in result.troubles} == {"forbidden"}


async def test_one_region_that_forbids_fails_alone_and_an_account_may_forbid_the_comparison(logs: Logs) -> None:
    logs.server.faults.add(Fault(Kind.ACCESS_DENIED, operation="TestMetricFilter"))
    logs.server.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribeMetricFilters", region=OTHER))

    with capture_logs() as said:
        assert by_group(await logs.poll())["/ecs/a/pms"].truth is Truth.VALUE
        await logs.poll(tick=TICK + 60)
    assert (said, logs.server.calls["TestMetricFilter"]) == ([], 1)

    logs.memory = None
    with pytest.raises(SourceError, match="DescribeMetricFilters"):
        await logs.poll(region=OTHER)


async def test_a_log_group_that_was_deleted_is_gone(logs: Logs) -> None:
    await logs.poll()
    kept = replace(logs.server.estate, log_groups={(MAIN.id, REGION): (group("/ecs/a/pms", critical("a")),)})
    async with EstateServer(kept, logs.clock) as server:
        after = Logs(server.url, logs.clock)
        after.memory = logs.memory
        [answer] = (await after.poll()).answers
        await after.clients.close()
    assert answer.gone == (identity("/ecs/b/pms"),)


async def test_the_evidence_is_the_lines_that_match_behind_an_empty_page_without_their_secrets(logs: Logs) -> None:
    await logs.poll()
    assert await logs.evidence() == ("CRITICAL no rooms, password=[redacted]", "CRITICAL no keys")
    assert logs.server.calls["FilterLogEvents"] == 2

    logs.server.faults.add(Fault(Kind.EMPTY_PAGE, operation="FilterLogEvents", pages=50))
    with structlog.testing.capture_logs() as said:
        assert await logs.evidence() == ("lines may be missing: 10 pages were read, and CloudWatch Logs has more",)
    [missing] = [one for one in said if one["event"] == "evidence.missing"]
    assert "/ecs/a/pms" in missing["alert"]
    assert logs.server.calls["FilterLogEvents"] == 2 + MAX_PAGES


async def test_moto_has_the_filter_and_the_lines(moto: Logs) -> None:
    """Moto makes no metric of a filter, lists one name twice, and reads two words only as both."""
    call = functools.partial(moto.clients.call, "main", REGION, "logs")
    await call("create_log_group", logGroupName="/app")
    await call("create_log_stream", logGroupName="/app", logStreamName="one")
    transformation = {"metricName": "errors", "metricNamespace": "LogMetrics", "metricValue": "1"}
    for _ in range(2):
        await call(
            "put_metric_filter",
            logGroupName="/app",
            filterName="errors",
            filterPattern="ERROR timeout",
            metricTransformations=[transformation],
        )
    now = SystemClock().now().timestamp()
    lines = ["INFO fine", "ERROR token=abcdefgh timeout", "ERROR other"]
    said = [{"timestamp": int(now * 1000) + n, "message": line} for n, line in enumerate(lines)]
    await call("put_log_events", logGroupName="/app", logStreamName="one", logEvents=said)
    tick = int(now) // 60 * 60 + 60

    result = await moto.poll({"log_group": "/a*", "pattern": "ERROR   timeout"}, tick=tick)

    assert (by_group(result)["/app"].truth, result.troubles) == (Truth.NO_DATA, ())
    found = await moto.source.evidence(moto.unit, "PmsCritical", identity("/app"), tick - 120, tick)
    assert found == ("ERROR token=[redacted] timeout",)


async def test_a_listing_reads_every_page_and_keeps_below_five_calls_a_second(logs: Logs) -> None:
    logs.server.faults.add(Fault(Kind.PAGE_SIZE, operation="Describe*", pages=1))
    clock = SystemClock()
    inventory, began = LogInventory(logs.clients, clock, 300), clock.monotonic()

    filters = await inventory.filters("main", REGION)

    assert filters.items is not None
    assert {each.name for each in filters.items} == {"critical", "words"}
    assert logs.server.calls["DescribeMetricFilters"] == 3
    assert clock.monotonic() - began >= 2 * 0.2
