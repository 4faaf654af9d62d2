"""One region is forbidden and one is throttled: every other region's alerts are on time.

The real daemon looks at instances in five regions on a clock forty times as fast. Two minutes into the story AWS
schedules the retirement of an instance in each of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from tests.support.clock import START
from tests.support.daemon import free_port, until
from tests.support.service import service_on
from tests.support.simulated_aws import ACCOUNT, START_EPOCH, estate, use_keys
from watchtower.clock import ScaledClock, epoch
from watchtower.demo.announced import Announced, Machine, Planned
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.estate import Account
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PACE = 40.0
SCHEDULED = 120.0
PERIOD = 60.0
#: Virtual seconds that a busy machine may take on top of the period.
SLACK = 60.0
FORBIDDEN, THROTTLED = "eu-west-3", "us-west-2"
WELL = ("eu-west-1", "us-east-1", "ap-south-1")
REGIONS = (*WELL, FORBIDDEN, THROTTLED)

RULES = """
group: ec2
rules:
- alert: Ec2Retirement
  ec2_events: {period: 1m}
  when: {P2: "> 0"}
  recover: {when: "< 1"}
  summary: "{{ labels.resource }}: {{ reason }}"
"""


def write(folder: Path, aws: str, pagerduty: str) -> Path:
    (folder / "ec2.yaml").write_text(RULES)
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["ec2.yaml"],
        "aws": {"accounts": [{"name": "main", "regions": list(REGIONS)}], "endpoint_url": aws},
        "channels": {"oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": pagerduty}},
        "routes": [{"channels": ["oncall"], "group_by": ["alert", "account", "region", "resource"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


async def paged(folder: Path, environment: pytest.MonkeyPatch) -> dict[str, float]:
    """When each region's retirement was paged, in virtual seconds after the start."""
    clock = ScaledClock(START, PACE)
    faults = Faults(
        [Fault(Kind.ACCESS_DENIED, region=FORBIDDEN), Fault(Kind.THROTTLE, region=THROTTLED)],
    )
    machines = (Machine("i-1", events=(Planned(since=SCHEDULED),)), Machine("i-2"))
    there = estate(
        accounts=(Account(ACCOUNT, "main", REGIONS),),
        announced={(ACCOUNT, region): Announced(machines=machines) for region in REGIONS},
    )
    pagerduty = PagerDutyServer(clock, limit=None)

    def told() -> dict[str, float]:
        heard: dict[str, float] = {}
        for request in pagerduty.requests:
            if request.payload["event_action"] == "trigger":
                member = request.payload["payload"]["custom_details"]["members"][0]
                opened = next(one for one in pagerduty.incidents if one.key == request.payload["dedup_key"])
                if member["rule"] == "Ec2Retirement":
                    heard[member["labels"]["region"]] = epoch(opened.opened_at) - START_EPOCH
        return heard

    async with EstateServer(there, clock, faults) as aws, pagerduty:
        use_keys(environment, aws.credentials())
        environment.setenv("PD_KEY", DEMO_KEY)
        async with service_on(write(folder, aws.url, pagerduty.url), clock, PACE, EngineSettings(retry_first=20.0)):
            await until(lambda: set(told()) >= set(WELL), 60, "the pages of the regions that are well")
            assert faults.struck[Kind.ACCESS_DENIED] > 0
            assert faults.struck[Kind.THROTTLE] > 0
    return told()


def test_a_forbidden_and_a_throttled_region_make_no_other_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = asyncio.run(paged(tmp_path, monkeypatch))
    assert set(heard) == set(WELL)
    assert all(at <= SCHEDULED + PERIOD + SLACK for at in heard.values()), heard
    assert all(at >= SCHEDULED for at in heard.values()), heard
