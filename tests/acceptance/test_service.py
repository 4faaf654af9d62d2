"""The service in this process: what a start leaves behind, and a reload that changes the accounts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.clock import ManualClock
from tests.support.daemon import free_port, until
from watchtower import config as configuration
from watchtower.clock import SystemClock
from watchtower.demo.aws.server import EstateServer
from watchtower.demo.fleet import demo_estate
from watchtower.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from watchtower.clock import Clock

CONFIG = """
environment: test
store: sqlite:///watchtower.db
listen: 127.0.0.1:{port}
rules: [rules.yaml]
aws:
  endpoint_url: {aws}
  publication_delay: 0s
  accounts:
{accounts}
channels:
  ops: {{type: slack, webhook_url: {{env: WEBHOOK}}}}
routes:
- {{channels: [ops]}}
"""

RULES = """
group: ec2
rules:
- alert: CpuHigh
  cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: 5m,
    dimensions: {InstanceId: "*"}}
  when: {P3: "> 99"}
"""

PROD = "  - {name: prod, regions: [eu-west-1]}"


@asynccontextmanager
async def serving(path: Path, clock: Clock) -> AsyncIterator[Service]:
    service = Service(path, configuration.load(path), clock=clock)
    running = asyncio.create_task(service.run())
    try:
        await until(lambda: not service.live.waiting_for, 60, "the start")
        yield service
    finally:
        service.stop()
        await running


def write(folder: Path, aws: str, accounts: str) -> Path:
    (folder / "rules.yaml").write_text(RULES)
    path = folder / "watchtower.yaml"
    port = free_port() if not path.exists() else path.read_text().split("127.0.0.1:")[1].split("\n")[0]
    path.write_text(CONFIG.format(port=port, aws=aws, accounts=accounts))
    return path


async def test_waiting_for_the_store_is_over_once_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that ended on purpose must not be called late half a minute later."""
    monkeypatch.setenv("WEBHOOK", "https://hooks.slack.com/services/T0/B0/x")
    clock = ManualClock()
    async with serving(write(tmp_path, "http://127.0.0.1:9", PROD), clock) as service:
        clock.advance(40)
        await until(lambda: not service.live.unready(), 20, f"ready, not {service.live.unready()!r}")


async def test_a_reload_takes_over_a_new_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    async with EstateServer(demo_estate(clock.now().timestamp() // 900 * 900), clock) as aws:
        tools = next(account for account in aws.estate.accounts if account.role_arn)
        credentials = aws.credentials()
        monkeypatch.setenv("WEBHOOK", "https://hooks.slack.com/services/T0/B0/x")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        monkeypatch.setenv("EXTERNAL_ID", tools.external_id or "")
        path = write(tmp_path, aws.url, PROD)
        async with serving(path, clock) as service:
            await until(lambda: aws.calls["GetMetricData"] > 0, 60, "a first poll")
            assert not aws.calls["AssumeRole"]

            role = f'role_arn: "{tools.role_arn}", external_id: {{env: EXTERNAL_ID}}'
            write(tmp_path, aws.url, f"{PROD}\n  - {{name: tools, regions: [us-east-1], {role}}}")
            await service.reload()

            before = aws.calls["GetMetricData"]
            await until(lambda: aws.calls["AssumeRole"] == 1, 60, "the new account's session")
            await until(lambda: aws.calls["GetMetricData"] > before, 60, "the new account's poll")
