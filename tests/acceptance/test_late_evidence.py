"""Evidence that takes five seconds: the page leaves without it, and it follows once, in the thread and by mail.

The real daemon watches a log group; the search for its lines is answered after five real seconds. It is also stopped
while the search is under way, and the next process tells what it finds.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.support.clock import START
from tests.support.daemon import free_port, until
from tests.support.service import service_on
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from tests.support.sns_endpoint import TOPIC, SnsEndpoint
from watchtower.clock import Clock, ScaledClock
from watchtower.commands.why import explain, explanation_lines
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.logs import Chatter, LogFilter, LogGroup
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PACE = 10.0
SLOWLY, LONGER = 5.0, 40.0
GROUP = "/ecs/a/pms"
LINE = "CRITICAL no rooms, password=hunter2"
RULES = r"""
group: logs
rules:
- alert: PmsCritical
  logs: {log_group: "/ecs/*/pms", pattern: CRITICAL, period: 1m}
  when: {P2: "> 0"}
  missing: notBreaching
  recover: {when: "< 1"}
  summary: "{{ value | int }} critical lines in {{ labels.log_group }}"
"""


@dataclass
class Night:
    """The daemon's files, and everybody it talks to."""

    file: Path
    clock: Clock
    aws: EstateServer
    pagerduty: PagerDutyServer
    slack: SlackServer
    mail: SnsEndpoint

    def rings(self) -> list[str]:
        return [request.payload["event_action"] for request in self.pagerduty.requests]

    def page(self) -> str:
        """The incident's message as Slack shows it."""
        return next((str(each.blocks) for each in self.slack.messages if each.thread_ts is None), "")

    def in_thread(self) -> list[str]:
        return [str(each.blocks) for each in self.slack.messages if each.thread_ts and "EVIDENCE" in str(each.blocks)]

    def mails(self, event: str) -> list[dict[str, str]]:
        return [each for each in self.mail.published if event in each.values()]


def write(folder: Path, night: dict[str, str]) -> Path:
    (folder / "logs.yaml").write_text(RULES)
    aws = {"accounts": [{"name": "main", "regions": [REGION]}], "endpoint_url": night["aws"], "publication_delay": "0s"}
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["logs.yaml"],
        "aws": aws,
        "channels": {
            "oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": night["pagerduty"]},
            "ops": {"type": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ops", "api_url": night["slack"]},
            "audit": {"type": "sns", "topic_arn": TOPIC, "api_url": night["mail"]},
        },
        "routes": [{"channels": ["oncall", "ops", "audit"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


def talkative(_minute: int) -> tuple[str, ...]:
    return ("INFO all is well",)


@asynccontextmanager
async def falling(folder: Path, environment: pytest.MonkeyPatch, seconds: float) -> AsyncIterator[Night]:
    clock = ScaledClock(START, PACE)
    group = LogGroup(GROUP, talkative, (LogFilter("critical", "CRITICAL", "critical", default=0.0),))
    there = replace(estate(), log_groups={(ACCOUNT, REGION): (group,)}, chatter=(Chatter(GROUP, 0, 36_000, (LINE,)),))
    faults = Faults([Fault(Kind.SLOW, operation="FilterLogEvents", seconds=seconds, times=1)])
    pagerduty, slack, mail = PagerDutyServer(clock, limit=None), SlackServer(clock, pace=None), SnsEndpoint(clock)
    async with EstateServer(there, clock, faults) as aws, pagerduty, slack, mail:
        credentials = aws.credentials()
        environment.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("PD_KEY", DEMO_KEY)
        environment.setenv("SLACK_TOKEN", DEMO_TOKEN)
        addresses = {"aws": aws.url, "pagerduty": pagerduty.url, "slack": slack.url, "mail": mail.origin}
        yield Night(write(folder, addresses), clock, aws, pagerduty, slack, mail)


async def told(folder: Path, environment: pytest.MonkeyPatch, *, restart: bool) -> tuple[Night, str]:
    """The night, and the page as it was before the evidence came."""
    async with falling(folder, environment, LONGER if restart else SLOWLY) as night:
        async with service_on(night.file, night.clock, PACE):
            await until(lambda: bool(night.page() and night.mails("trigger")), 20, "the page")
            first = night.page()
            assert (night.in_thread(), night.mails("evidence")) == ([], []), "it was not there when the page left"
            if not restart:
                await until(lambda: bool(night.in_thread() and night.mails("evidence")), 20, "the evidence")
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("evidence")], "nothing is left"
        if restart:
            assert (night.in_thread(), night.mails("evidence")) == ([], [])
            async with service_on(night.file, night.clock, PACE):
                await until(lambda: bool(night.in_thread() and night.mails("evidence")), 20, "the evidence")
                await asyncio.sleep(1)
        return night, first


async def explained(folder: Path) -> str:
    found = await explain(f"sqlite:///{folder}/watchtower.db", "PmsCritical")
    return "\n".join(explanation_lines(found, "PmsCritical"))


@pytest.mark.parametrize("restart", [False, True], ids=["by the same process", "by the next process"])
def test_evidence_that_is_late_follows_the_page_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    night, first = asyncio.run(told(tmp_path, monkeypatch, restart=restart))
    assert "evidence is late: not there within 3 s" in first
    [reply], [mail] = night.in_thread(), night.mails("evidence")
    shown = "CRITICAL no rooms, password=[redacted]"
    assert shown in reply
    assert shown in mail["Message"]
    assert mail["Subject"].startswith("[P2 EVIDENCE (no new alert)] PmsCritical")
    assert "hunter2" not in str([reply, mail])
    assert night.rings() == ["trigger"], "nobody is rung for it"
    told_by_why = asyncio.run(explained(tmp_path))
    assert f"evidence: {shown}" in told_by_why
    assert re.search(r"evidence to ops/evidence: accepted .* evidence of PmsCritical that was not there", told_by_why)
    assert "oncall/evidence" not in told_by_why
