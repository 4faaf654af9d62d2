"""A finding is told once: over a restart, another scan and a tag that moves; its fix resolves it.

The real daemon asks Inspector every minute on a clock sixty times as fast.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from tests.support.clock import START
from tests.support.daemon import free_port, until
from tests.support.registries import BAD, WEB
from tests.support.service import service_on
from tests.support.simulated_aws import ACCOUNT, REGION, estate, use_keys
from watchtower.clock import ScaledClock, epoch
from watchtower.demo.aws import EstateServer
from watchtower.demo.images import Flaw, PushedImage, Registry
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PACE = 60.0
FOUND, ALSO, FIXED = 70.0, 250.0, 400.0

RULES = """
group: inspector
rules:
- alert: NewFinding
  inspector: {new_only: true, period: 1m}
  when: {P2: "> 0"}
  missing: notBreaching
  recover: {when: "< 1"}
  summary: "{{ labels.resource }}: {{ reason }}"
"""


def write(folder: Path, aws: str, pagerduty: str, slack: str) -> Path:
    (folder / "inspector.yaml").write_text(RULES)
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["inspector.yaml"],
        "aws": {"accounts": [{"name": "main", "regions": [REGION]}], "endpoint_url": aws},
        "channels": {
            "oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": pagerduty},
            "ops": {"type": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ops", "api_url": slack},
        },
        "routes": [{"channels": ["oncall", "ops"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


def story() -> Registry:
    """An old image with old flaws; one flaw is published, and the image is rebuilt with it under the same tag."""
    new = Flaw("CVE-2026-1", package="zlib", since=FOUND, until=FIXED)
    also = Flaw("CVE-2026-2", package="curl", since=ALSO, until=FIXED)
    scans = ((0.0, "ACTIVE"),)
    first = PushedImage("akai/web", ("latest",), flaws=(*BAD, new), scans=scans)
    rebuilt = PushedImage("akai/web", ("latest",), 200.0, flaws=(*BAD, new, also), scans=scans)
    return Registry((WEB,), (first, rebuilt), enhanced=True)


async def told(folder: Path, environment: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """What PagerDuty heard, and the text that Slack showed before the end."""
    clock = ScaledClock(START, PACE)
    pagerduty, slack = PagerDutyServer(clock, limit=None), SlackServer(clock)

    def heard() -> list[str]:
        return [request.payload["event_action"] for request in pagerduty.requests]

    def shown() -> list[str]:
        return [str(message.blocks) for message in slack.messages if message.visible and not message.broadcast]

    there = estate(registries={(ACCOUNT, REGION): story()})
    async with EstateServer(there, clock) as aws, pagerduty, slack:
        use_keys(environment, aws.credentials())
        environment.setenv("PD_KEY", DEMO_KEY)
        environment.setenv("SLACK_TOKEN", DEMO_TOKEN)
        file = write(folder, aws.url, pagerduty.url, slack.url)
        async with service_on(file, clock, PACE):
            await until(lambda: "trigger" in heard(), 60, "the page of the new finding")
        async with service_on(file, clock, PACE):
            await until(lambda: any("CVE-2026-2" in text for text in shown()), 60, "the other finding in Slack")
            [both] = shown()
            assert epoch(clock.now()) < epoch(START) + FIXED
            await until(lambda: "resolve" in heard(), 60, "the end")
    return heard(), [both]


def test_a_finding_is_told_once_and_its_fix_resolves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, [shown] = asyncio.run(told(tmp_path, monkeypatch))
    assert heard == ["trigger", "resolve"]
    assert "CVE-2026-1 in zlib" in shown, "one more finding is an update of the message, which says both"
    assert "CVE-2026-CRITICAL" not in shown, "what was there at the first look is told to nobody"
