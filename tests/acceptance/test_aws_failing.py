"""AWS fails for ten minutes while alerts fire: state is held, one alert names the source, all is right afterwards.

The real daemon runs on a clock forty times as fast, one region for each way to fail, and one that is well. In every
region web-1 is bad throughout, web-2 recovers and web-3 breaks while AWS says nothing of use. Times are virtual
seconds since the failure began.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.support.clock import START
from tests.support.daemon import free_port, until
from tests.support.service import service_on
from tests.support.simulated_aws import ACCOUNT, estate, series, use_keys
from watchtower.clock import ScaledClock, epoch
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.estate import Account, Selector
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watchtower.demo.estate import Series
    from watchtower.demo.pagerduty import PagerDutyIncident

PACE = 40.0
#: A poll gives up after two real seconds; retries are as rare as a busy machine can follow at this pace.
SETTINGS = EngineSettings(poll_timeout=2.0, retry_first=20.0)
RECOVERS, BREAKS = 180.0, 300.0
#: The failure lasts at least so long, and until everybody who should hear of something meanwhile has heard.
LASTS = 600.0
#: The source is named after five minutes, and a look at what fails is taken every fifteen seconds.
NAMED = 300.0
HEALTHY = "us-east-1"
#: Only web-1 is withheld here; complete results of a partial answer count.
HALF = "ap-south-1"
REGIONS = {
    "eu-west-1": Kind.HTML_500,
    "eu-west-3": Kind.TIMEOUT,
    "eu-north-1": Kind.EXPIRED_TOKEN,
    "us-east-2": Kind.THROTTLE,
    "us-west-2": Kind.PARTIAL,
}
ALL = (HEALTHY, *REGIONS, HALF)
#: Credentials are an account's: the region where they expire belongs to one of its own, entered by a role.
ROLE = "arn:aws:iam::222233334444:role/watchtower"
OTHER = Account("222233334444", "other", ("eu-north-1",), role_arn=ROLE)
MAIN = Account(ACCOUNT, "main", tuple(region for region in ALL if region not in OTHER.regions))

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
  when: {P1: "> 100"}  # a storm carries what is less urgent
  recover: {when: "< 50"}
"""


def owner(region: str) -> Account:
    """The account that a region is watched in."""
    return OTHER if region in OTHER.regions else MAIN


@dataclass(frozen=True)
class Heard:
    """One incident as PagerDuty has it; ``log`` is what came after its first page."""

    rule: str
    labels: Mapping[str, str]
    severity: str
    paged_at: float
    resolved_at: float | None
    log: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Record:
    """Everything PagerDuty heard of, and when AWS worked again."""

    incidents: tuple[Heard, ...]
    works: float

    def of(self, region: str, rule: str, host: str = "") -> list[Heard]:
        """The incidents of one rule in one region, about one host where it is named."""
        return [
            one
            for one in self.incidents
            if one.rule == rule and one.labels["region"] == region and host in (one.labels.get("Host", ""), "")
        ]


class Story:
    """The estate, and the moment from which it fails."""

    def __init__(self) -> None:
        self.clock = ScaledClock(START, PACE)
        self.pagerduty = PagerDutyServer(self.clock, limit=None)
        self.faults = Faults()
        self.began = math.inf
        self.works = math.inf

    def series(self, region: str) -> list[Series]:
        hosts = {"web-1": (300.0, 300.0, 0.0), "web-2": (300.0, 20.0, RECOVERS), "web-3": (20.0, 300.0, BREAKS)}
        return [self._turning(region, host, *values) for host, values in hosts.items()]

    def _turning(self, region: str, host: str, before: float, after: float, at: float) -> Series:
        def value(moment: float) -> float:
            return before if moment < self.began + at else after

        return series("Latency", value, {"Host": host}, region=region, account=owner(region).id)

    def fail(self) -> None:
        """From now on every region but one answers in its own wrong way."""
        self.began = epoch(self.clock.now())
        for region, kind in REGIONS.items():
            self._strike(kind, region, Selector())
        self._strike(Kind.PARTIAL, HALF, Selector(dimensions={"Host": "web-1"}))

    def _strike(self, kind: Kind, region: str, struck: Selector) -> None:
        self.faults.add(Fault(kind, region=region, account=owner(region).id, series=struck, pages=0))

    def work(self) -> None:
        """From now on AWS is well."""
        self.faults.clear()
        self.works = epoch(self.clock.now()) - self.began

    def heard(self) -> tuple[Heard, ...]:
        """Everything PagerDuty heard of so far."""
        events = [request.payload for request in self.pagerduty.requests]
        pages = {event["dedup_key"]: event["payload"] for event in events if event["event_action"] == "trigger"}
        return tuple(
            self._heard(one, pages[one.key]["custom_details"]["members"][0]) for one in self.pagerduty.incidents
        )

    def _heard(self, incident: PagerDutyIncident, member: Mapping[str, Mapping[str, str]]) -> Heard:
        return Heard(
            rule=str(member["rule"]),
            labels=member["labels"],
            severity=incident.severity,
            paged_at=epoch(incident.opened_at) - self.began,
            resolved_at=None if incident.resolved_at is None else epoch(incident.resolved_at) - self.began,
            log=tuple(incident.log),
            summary=str(member["summary"]),
        )

    def told(self, host: str) -> set[tuple[str, str]]:
        """The rules and regions that told of a host."""
        return {(one.rule, one.labels["region"]) for one in self.heard() if one.labels.get("Host") == host}

    def told_everywhere(self, host: str) -> bool:
        """Both rules have told of a host in every region."""
        return len(self.told(host)) == 2 * len(ALL)

    def heard_meanwhile(self) -> bool:
        """Each failing region is named, and where web-3 can be seen it is told."""
        named = {one.labels["region"] for one in self.heard() if one.rule == "WatchtowerSourceFailing"}
        return named == {*REGIONS, HALF} and len(self.told("web-3")) == 2 * len((HEALTHY, HALF))

    def over(self) -> bool:
        """Everywhere web-3 is told, web-2 and the sources are well."""
        ending = [one for one in self.heard() if one.labels.get("Host") not in ("web-1", "web-3")]
        return self.told_everywhere("web-3") and all(one.resolved_at is not None for one in ending)


async def told_by(story: Story, folder: Path, environment: pytest.MonkeyPatch) -> Record:
    shop = estate(*(one for region in ALL for one in story.series(region)), accounts=(MAIN, OTHER))
    async with EstateServer(shop, story.clock, story.faults) as aws, story.pagerduty:
        use_keys(environment, aws.credentials())
        environment.setenv("PD_KEY", DEMO_KEY)
        file = write(folder, aws.url, story.pagerduty.url)
        async with service_on(file, story.clock, PACE, SETTINGS):
            await until(lambda: story.told_everywhere("web-2"), 60, "the first pages")
            story.fail()
            await story.clock.sleep(LASTS)
            await until(story.heard_meanwhile, 60, "every failing source, and what can be seen in spite of it")
            story.work()
            await until(story.over, 60, "the end of every trouble")
            await story.clock.sleep(90)
    return Record(story.heard(), story.works)


def write(folder: Path, aws: str, pagerduty: str) -> Path:
    (folder / "shop.yaml").write_text(RULES)
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["shop.yaml"],
        "aws": {
            "accounts": [
                {"name": MAIN.name, "regions": list(MAIN.regions)},
                {"name": OTHER.name, "regions": list(OTHER.regions), "role_arn": ROLE},
            ],
            "endpoint_url": aws,
            "publication_delay": "0s",
        },
        "channels": {"oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": pagerduty}},
        "routes": [{"channels": ["oncall"], "group_by": ["alert", "account", "region", "Host"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The story is run once for all sentences about it."""
    with pytest.MonkeyPatch.context() as environment:
        return asyncio.run(told_by(Story(), tmp_path_factory.mktemp("failing"), environment))


every_failure = pytest.mark.parametrize("region", REGIONS, ids=lambda region: str(REGIONS[region]))


@every_failure
def test_nothing_resolves_and_nothing_new_fires_while_aws_fails(record: Record, region: str) -> None:
    for rule in ("LatencyHigh", "LatencyUnusual"):
        [web_1], [web_2], [web_3] = (record.of(region, rule, host) for host in ("web-1", "web-2", "web-3"))

        assert web_1.paged_at < 0
        assert web_1.resolved_at is None
        assert web_2.resolved_at is not None
        assert web_2.resolved_at >= record.works
        assert web_3.paged_at >= record.works


@every_failure
def test_one_alert_at_p3_names_the_source_after_five_minutes_and_ends_with_the_failure(
    record: Record, region: str
) -> None:
    [failing] = record.of(region, "WatchtowerSourceFailing")

    assert failing.severity == "warning"
    assert (failing.labels["account"], failing.labels["source"]) == (owner(region).name, "cloudwatch")
    assert NAMED <= failing.paged_at < record.works
    assert failing.resolved_at is not None
    assert failing.resolved_at >= record.works
    assert failing.log == ("resolve",)


@every_failure
def test_all_alerts_are_right_afterwards_and_each_was_told_once(record: Record, region: str) -> None:
    for rule in ("LatencyHigh", "LatencyUnusual"):
        ends = {one.labels["Host"]: one.log for one in record.of(region, rule)}

        assert ends == {"web-1": (), "web-2": ("resolve",), "web-3": ()}


def test_what_a_partial_answer_does_hold_is_judged_at_once(record: Record) -> None:
    [web_1], [web_2], [web_3] = (record.of(HALF, "LatencyHigh", host) for host in ("web-1", "web-2", "web-3"))

    assert web_1.resolved_at is None
    assert web_2.resolved_at is not None
    assert RECOVERS <= web_2.resolved_at < record.works
    assert BREAKS <= web_3.paged_at < record.works
    [failing] = record.of(HALF, "WatchtowerSourceFailing")
    assert "answers only in part" in failing.summary
    assert "2 rules cannot be seen, or not wholly" in failing.summary


def test_where_nothing_is_answered_the_alert_says_so(record: Record) -> None:
    [failing] = record.of("eu-west-1", "WatchtowerSourceFailing")

    assert failing.summary.startswith("cloudwatch main eu-west-1 has not answered for ")


def test_a_region_that_is_well_goes_on_as_if_nothing_had_happened(record: Record) -> None:
    [web_2], [web_3] = (record.of(HEALTHY, "LatencyHigh", host) for host in ("web-2", "web-3"))

    assert web_2.resolved_at is not None
    assert RECOVERS <= web_2.resolved_at < record.works
    assert BREAKS <= web_3.paged_at < record.works
    assert record.of(HEALTHY, "WatchtowerSourceFailing") == []


def test_nobody_hears_of_anything_else(record: Record) -> None:
    assert {one.rule for one in record.incidents} == {"LatencyHigh", "LatencyUnusual", "WatchtowerSourceFailing"}
