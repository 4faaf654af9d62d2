"""The composition root: what a configuration makes of sources, channels, routes and work units."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from watchtower.aws.clients import AwsClients
from watchtower.engine.plan import Plan, build_plan
from watchtower.incidents.quiet import Quiet, compile_quiet
from watchtower.incidents.routing import Route, compile_routes
from watchtower.inventory.databases import DatabaseInventory
from watchtower.inventory.sites import SiteInventory
from watchtower.notifiers.base import Doors
from watchtower.notifiers.table import NOTIFIERS
from watchtower.sources.announced.table import make_resource_sources
from watchtower.sources.balance.source import BalanceSource
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.source import CloudWatchSource
from watchtower.sources.ecr.source import EcrSource
from watchtower.sources.heartbeat.source import HeartbeatSource
from watchtower.sources.inspector.source import InspectorSource
from watchtower.sources.logs.source import LogsSource
from watchtower.sources.probe.finding import Finder
from watchtower.sources.probe.following import FollowingProbes
from watchtower.sources.probe.sight import scopes_of
from watchtower.sources.probe.source import ProbeSource
from watchtower.sources.rds.balance import RdsBalanceSource
from watchtower.sources.rds.topology_source import RdsTopologySource
from watchtower.sources.uptime.source import UptimeSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.config import Config, Loaded
    from watchtower.notifiers.base import Notifier
    from watchtower.sources.base import Source
    from watchtower.sources.uptime.source import Read


@asynccontextmanager
async def open_doors(config: Config) -> AsyncIterator[Doors]:
    """The two doors to the outside: HTTP and AWS."""
    async with aiohttp.ClientSession() as http:
        aws = AwsClients(config.aws)
        try:
            yield Doors(http, aws)
        finally:
            await aws.close()


def make_sources(config: Config, aws: AwsClients, clock: Clock, uptime: Read | None = None) -> dict[str, Source]:
    """Every source that a rule may ask, by name."""
    metrics = CloudWatchSource(aws, config.aws, clock)
    databases = DatabaseInventory(aws, clock, config.aws.discovery_interval)
    sources: list[Source] = [
        metrics,
        BalanceSource(metrics, config.aws),
        RdsBalanceSource(aws, config.aws, databases),
        RdsTopologySource(config.aws, databases),
        LogsSource(aws, config.aws, clock),
        EcrSource(aws, config.aws, clock),
        InspectorSource(aws, config.aws, clock),
        HeartbeatSource(),
        *make_resource_sources(aws, config.aws, clock),
        FollowingProbes(
            ProbeSource(clock, scopes=scopes_of(config.probes, _home(config))),
            Finder(SiteInventory(aws, clock, config.aws.discovery_interval), config.aws),
        ),
        UptimeSource(uptime),
    ]
    return {source.name: source for source in sources}


def _home(config: Config) -> str:
    """The region whose endpoint shows whether AWS can be reached: the first that is configured."""
    return next((region for account in config.aws.accounts for region in account.regions), "us-east-1")


def make_notifiers(config: Config, doors: Doors) -> dict[str, Notifier]:
    """Every configured channel, by name."""
    return {name: NOTIFIERS[channel.type].build(name, channel, doors) for name, channel in config.channels.items()}


def make_routes(config: Config) -> tuple[Route, ...]:
    """The routes in their order."""
    return compile_routes(config.routes)


def make_quiet(config: Config) -> Quiet:
    """The mute windows and inhibitions."""
    return compile_quiet(config.mute, config.inhibit)


def make_plan(loaded: Loaded, sources: dict[str, Source], now: datetime | None = None) -> Plan:
    """All work units of the configuration, at this time."""
    config = loaded.config
    places = [Place(account.name, region) for account in config.aws.accounts for region in account.regions]
    return build_plan(
        loaded.rules,
        sources,
        places,
        discovery_interval=config.aws.discovery_interval,
        series_limit=config.series_limit,
        windows=make_quiet(config).mutes,
        now=now,
    )
