"""AWS fails for ten minutes while alerts fire: state is held, one alert names the source, all is right afterwards.

The real daemon runs on a clock eighty times as fast, one region for each way to fail, and one that is well. In
every region web-1 is bad throughout, web-2 recovers and web-3 breaks while AWS says nothing of use.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.support.clock import START
from tests.support.daemon import free_port, until
from tests.support.service import service_on
from tests.support.simulated_aws import ACCOUNT, START_EPOCH, estate, series
from watchtower.clock import ScaledClock, epoch
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.estate import Account, Selector
from watchtower.demo.judge import Told, told
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.demo.shapes import Generator

PACE = 80.0
#: Virtual seconds after the start.
FAILS, RECOVERS, BREAKS, WORKS = 180.0, 360.0, 480.0, 780.0
HEALTHY = "us-east-1"
#: Only web-1 is withheld here; complete results of a partial answer count.
HALF = "ap-south-1"
REGIONS = {
    "eu-west-1": Kind.HTML_500,
    "eu-west-2": Kind.SERVER_ERROR,
    "eu-west-3": Kind.TIMEOUT,
    "eu-central-1": Kind.RESET,
    "eu-north-1": Kind.EXPIRED_TOKEN,
    "us-east-2": Kind.THROTTLE,
    "us-west-1": Kind.ACCESS_DENIED,
    "us-west-2": Kind.PARTIAL,
    "ap-southeast-1": Kind.INTERNAL_ERROR,
}
TOPIC = f"arn:aws:sns:{HEALTHY}:{ACCOUNT}:alerts"

RULES = """
group: shop
rules:
- alert: LatencyHigh
  cloudwatch: {namespace: Shop, metric: Latency, statistic: Maximum, period: 1m, dimensions: {Host: "*"}}
  when: {P1: "> 100"}
  recover: {when: "< 50"}
  summary: "{{ labels.Host }}: {{ value | int }} ms"
- alert: LatencyUnusual
  cloudwatch: {namespace: Shop, metric: Latency, statistic: Average, period: 1m, dimensions: {Host: "*"}}
  when: {P4: "> 100"}
"""


def turning(before: float, after: float, at: float) -> Generator:
    """A value that changes once, ``at`` seconds after the start."""
    return lambda moment: before if moment < START_EPOCH + at else after


@dataclass(frozen=True)
class Record:
    """What the audit topic heard, and how far the story went (virtual seconds)."""

    incidents: list[Told]
    ended_at: float

    def of(self, region: str, rule: str, host: str = "") -> list[Told]:
        """The incidents of one rule in one region, about one host where it is named."""
        return [
            one
            for one in self.incidents
            if one.rule == rule and one.labels["region"] == region and host in (one.labels.get("Host", ""), "")
        ]


def failing(kind: Kind, region: str, struck: Selector | None = None) -> Fault:
    """Everything the region is asked fails this way for ten minutes; of the answers' series, those ``struck``."""
    since, until_ = START_EPOCH + FAILS, START_EPOCH + WORKS
    return Fault(kind, region=region, since=since, until=until_, series=struck or Selector(), pages=0)


async def story(folder: Path) -> Record:
    account = Account(ACCOUNT, "main", (HEALTHY, *REGIONS, HALF))
    hosts = {
        "web-1": turning(300, 300, 0),
        "web-2": turning(300, 20, RECOVERS),
        "web-3": turning(20, 300, BREAKS),
    }
    members = [
        series("Latency", value, {"Host": host}, region=at) for at in account.regions for host, value in hosts.items()
    ]
    clock = ScaledClock(START, PACE)
    faults = [failing(kind, region) for region, kind in REGIONS.items()]
    faults.append(failing(Kind.PARTIAL, HALF, Selector(dimensions={"Host": "web-1"})))
    shop = estate(*members, accounts=(account,), topics=frozenset({TOPIC}))
    async with EstateServer(shop, clock, Faults(faults)) as aws:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ACCESS_KEY_ID", aws.credentials().access_key)
            environment.setenv("AWS_SECRET_ACCESS_KEY", aws.credentials().secret_key)
            environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
            settings = EngineSettings(poll_timeout=1.0)
            async with service_on(write(folder, aws, account), clock, PACE, settings):
                await until(lambda: settled(told(aws.published, START_EPOCH)), 60, "the end of every trouble")
                await clock.sleep(90)
                ended_at = epoch(clock.now()) - START_EPOCH
        return Record(told(aws.published, START_EPOCH), ended_at)


def write(folder: Path, aws: EstateServer, account: Account) -> Path:
    (folder / "shop.yaml").write_text(RULES)
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["shop.yaml"],
        "aws": {
            "accounts": [{"name": account.name, "regions": list(account.regions)}],
            "endpoint_url": aws.url,
            "publication_delay": "0s",
        },
        "channels": {"audit": {"type": "sns", "topic_arn": TOPIC, "api_url": aws.url}},
        "routes": [{"channels": ["audit"], "group_by": ["alert", "account", "region", "Host"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


def settled(incidents: list[Told]) -> bool:
    """The last host that broke is told everywhere, and every source is well again."""
    broken = {one.labels["region"] for one in incidents if one.labels.get("Host") == "web-3"}
    failing = [one for one in incidents if one.rule == "WatchtowerSourceFailing"]
    return len(broken) == len(REGIONS) + 2 and all(one.resolved_at for one in failing)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The story is run once for all sentences about it."""
    return asyncio.run(story(tmp_path_factory.mktemp("failing")))


every_failure = pytest.mark.parametrize("region", REGIONS, ids=lambda region: str(REGIONS[region]))


@every_failure
def test_nothing_resolves_and_nothing_new_fires_while_aws_fails(record: Record, region: str) -> None:
    for rule in ("LatencyHigh", "LatencyUnusual"):
        [web_1], [web_2], [web_3] = (record.of(region, rule, host) for host in ("web-1", "web-2", "web-3"))

        assert web_1.paged_at < FAILS
        assert web_1.resolves == 0
        assert web_2.resolved_at is not None
        assert web_2.resolved_at >= WORKS
        assert web_3.paged_at >= WORKS


@every_failure
def test_one_alert_at_p3_names_the_source_after_five_minutes_and_ends_with_the_failure(
    record: Record, region: str
) -> None:
    [failing] = record.of(region, "WatchtowerSourceFailing")

    assert failing.priority == "P3"
    assert failing.labels["account"] == "main"
    assert FAILS + 300 <= failing.paged_at < WORKS
    assert failing.resolved_at is not None
    assert failing.resolved_at >= WORKS
    assert (failing.triggers, failing.resolves) == (1, 1)


@every_failure
def test_all_alerts_are_right_afterwards_and_each_was_told_once(record: Record, region: str) -> None:
    for rule in ("LatencyHigh", "LatencyUnusual"):
        incidents = record.of(region, rule)
        still = [one.labels["Host"] for one in incidents if one.resolves == 0]

        assert sorted(still) == ["web-1", "web-3"]
        assert all((one.triggers, one.resolves) in ((1, 0), (1, 1)) for one in incidents)


def test_what_a_partial_answer_does_hold_is_judged_at_once(record: Record) -> None:
    [web_1], [web_2], [web_3] = (record.of(HALF, "LatencyHigh", host) for host in ("web-1", "web-2", "web-3"))

    assert web_1.resolves == 0
    assert web_2.resolved_at is not None
    assert RECOVERS <= web_2.resolved_at < WORKS
    assert BREAKS <= web_3.paged_at < WORKS
    assert len(record.of(HALF, "WatchtowerSourceFailing")) == 1


def test_a_region_that_is_well_goes_on_as_if_nothing_had_happened(record: Record) -> None:
    [web_2], [web_3] = (record.of(HEALTHY, "LatencyHigh", host) for host in ("web-2", "web-3"))

    assert web_2.resolved_at is not None
    assert RECOVERS <= web_2.resolved_at < WORKS
    assert BREAKS <= web_3.paged_at < WORKS
    assert record.of(HEALTHY, "WatchtowerSourceFailing") == []


def test_nobody_hears_of_anything_else(record: Record) -> None:
    assert {one.rule for one in record.incidents} == {"LatencyHigh", "LatencyUnusual", "WatchtowerSourceFailing"}
    assert record.ended_at > WORKS
