"""`watchtower demo`: the real daemon on a simulated estate, in compressed time, with a narrator."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import watchtower
from watchtower import config as configuration
from watchtower.clock import ScaledClock, SystemClock, epoch, from_epoch
from watchtower.demo.aws.faults import Faults
from watchtower.demo.aws.server import EstateServer
from watchtower.demo.judge import told, verdicts
from watchtower.demo.narrator import Narrator
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.scenario import aligned_start, demo_scenario
from watchtower.demo.sites import Sites
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.settings import EngineSettings
from watchtower.logs import configure_logs
from watchtower.service import Service

if TYPE_CHECKING:
    from watchtower.clock import Clock
    from watchtower.config import Loaded
    from watchtower.demo.estate import Account
    from watchtower.demo.scenario import Scenario

CONFIG = """\
environment: demo
store: sqlite:///watchtower.db
listen: {listen}
rules: [rules/]
aws:
  endpoint_url: {aws}
  accounts:
{accounts}
channels:
  oncall: {{type: pagerduty, routing_key: {{env: DEMO_ROUTING_KEY}}, api_url: "{pagerduty}"}}
  ops: {{type: slack, token: {{env: DEMO_SLACK_TOKEN}}, channel: "#ops", api_url: "{slack}"}}
  audit: {{type: sns, topic_arn: "{topic}", api_url: "{aws}"}}
routes:
- {{name: urgent, match: ['priority=~"P1|P2"'], channels: [oncall, ops, audit]}}
- {{name: rest, channels: [ops, audit], group_wait: 30s}}
"""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the daemon, on loopback."""

    scenario: Scenario
    start: float
    clock: Clock
    aws: EstateServer
    sites: Sites
    pagerduty: PagerDutyServer
    slack: SlackServer


async def run_demo(*, once: bool, speed: float, listen: str, rules: Path | None) -> bool:
    """Run the scenario; with ``once`` end with it and say whether it went as promised."""
    folder = Path(tempfile.mkdtemp(prefix="watchtower-demo-"))
    start = aligned_start(SystemClock().now().timestamp())
    clock = ScaledClock(from_epoch(start), speed)
    async with AsyncExitStack() as stack:
        world = await _open(stack, start, clock)
        config = _write_files(folder, world, listen, rules)
        loaded = configuration.load(config)
        log = stack.enter_context((folder / "watchtower.log").open("w"))
        configure_logs(log)
        service = Service(config, loaded, clock=clock, settings=EngineSettings().at_pace(speed), pace=speed)
        narrator = Narrator(world.scenario, world.start, clock, world.aws, world.pagerduty, world.slack)
        narrator.say(_greeting(loaded, folder, listen, speed, world.scenario))
        await _run(service, narrator, world, once=once)
        return _judge(world, narrator) if once else True


async def _open(stack: AsyncExitStack, start: float, clock: Clock) -> World:
    scenario = demo_scenario()
    estate = scenario.estate(start)
    faults = Faults(scenario.faults(start))
    aws = await stack.enter_async_context(EstateServer(estate, clock, faults))
    sites = await stack.enter_async_context(Sites(estate, clock))
    pagerduty = await stack.enter_async_context(PagerDutyServer(clock))
    slack = await stack.enter_async_context(SlackServer(clock))
    return World(scenario, start, clock, aws, sites, pagerduty, slack)


def _write_files(folder: Path, world: World, listen: str, rules: Path | None) -> Path:
    """A folder as a user would have it: a configuration, rules beside it, the sites' addresses in a file."""
    credentials = world.aws.credentials()
    os.environ.update(
        AWS_ACCESS_KEY_ID=credentials.access_key,
        AWS_SECRET_ACCESS_KEY=credentials.secret_key,
        AWS_EC2_METADATA_DISABLED="true",
        DEMO_ROUTING_KEY=DEMO_KEY,
        DEMO_SLACK_TOKEN=DEMO_TOKEN,
    )
    shutil.copytree(rules or packs(), folder / "rules", ignore=shutil.ignore_patterns("tests"))
    if rules is None:
        shutil.copy(Path(__file__).parent / "rules" / "sites.yaml", folder / "rules")
    (folder / "rules" / "sites.txt").write_text("".join(f"{url}\n" for url in world.sites.urls.values()))
    estate = world.aws.estate
    accounts = "\n".join(
        f"  - {{name: {account.name}, regions: [{', '.join(account.regions)}]{_role(account)}}}"
        for account in estate.accounts
    )
    config = folder / "watchtower.yaml"
    config.write_text(
        CONFIG.format(
            listen=listen,
            aws=world.aws.url,
            accounts=accounts,
            pagerduty=world.pagerduty.url,
            slack=world.slack.url,
            topic=min(estate.topics),
        )
    )
    return config


def _role(account: Account) -> str:
    """How an account is entered; its external id is a secret, so it comes from the environment."""
    if account.role_arn is None:
        return ""
    if account.external_id is None:
        return f', role_arn: "{account.role_arn}"'
    os.environ["DEMO_EXTERNAL_ID"] = account.external_id
    return f', role_arn: "{account.role_arn}", external_id: {{env: DEMO_EXTERNAL_ID}}'


def packs() -> Path:
    """The shipped rule packs: inside the wheel, or beside the package in a checkout."""
    package = Path(watchtower.__file__).parent
    shipped = package / "packs"
    return shipped if shipped.is_dir() else package.parent / "rules"


def _greeting(loaded: Loaded, folder: Path, listen: str, speed: float, scenario: Scenario) -> str:
    minutes = scenario.duration / speed / 60
    return (
        f"{len(loaded.rules)} rules watch a simulated estate; {scenario.duration / 60:.0f} virtual minutes pass "
        f"in {minutes:.1f} real ones\n"
        f"metrics: http://{listen}/metrics   files and log: {folder}"
    )


async def _run(service: Service, narrator: Narrator, world: World, *, once: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    telling = [asyncio.create_task(narrator.run(), name="narrator")]
    if once:
        telling.append(asyncio.create_task(_end(service, world), name="end"))
    try:
        await service.run()
    finally:
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)
    narrator.tell_news()


async def _end(service: Service, world: World) -> None:
    remaining = world.start + world.scenario.duration - epoch(world.clock.now())
    await world.clock.sleep(max(0.0, remaining))
    service.stop()


def _judge(world: World, narrator: Narrator) -> bool:
    incidents = told(world.aws.published, world.start)
    found = verdicts(world.scenario, incidents, world.pagerduty.incidents, world.slack.messages)
    for kept, sentence in found:
        narrator.say(f"  {'kept  ' if kept else 'BROKEN'}  {sentence}")
    calls = ", ".join(f"{name} {count}" for name, count in sorted(world.aws.calls.items()))
    narrator.say(f"  AWS calls: {calls}; {world.aws.metrics_billed} metrics billed")
    return all(kept for kept, _ in found)
