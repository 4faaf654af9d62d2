"""Probes of three hundred domains that nobody listed, found on the simulated AWS."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.clock import ManualClock
from tests.support.place import signed_in
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.estate import Resource
from watchtower.demo.names import Balancer, Distribution, DnsZone, Names
from watchtower.inventory.sites import SiteInventory
from watchtower.model import Priority, TroubleReason
from watchtower.sources.base import Ask
from watchtower.sources.probe.finding import Finder, Found
from watchtower.sources.probe.query import ProbeQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig

INTERVAL = 300.0
SHOP = Balancer("shop", REGION, ("shop.example.com", "*.example.com"))
NAMES = Names(
    zones=(
        DnsZone("Z1", "example.com", tuple((f"site-{number:03}.example.com", "A") for number in range(310))),
        DnsZone(
            "Z2", "example.org", (("www.example.org", "CNAME"), ("www.example.org", "TXT"), ("\\052.example.org", "A"))
        ),
        DnsZone("Z3", "internal", (("db.internal", "A"),), private=True),
    ),
    distributions=(Distribution("E1", ("www.example.com",)), Distribution("E2", ("old.example.com",), enabled=False)),
    balancers=(
        SHOP,
        Balancer("bare", REGION),
        Balancer("inside", REGION, scheme="internal"),
        Balancer("far", "us-east-1"),
    ),
)


class World:
    """One process after the other, looking at the same estate."""

    def __init__(self, clients: AwsClients, config: AwsConfig, clock: ManualClock, faults: Faults) -> None:
        self.clock, self.faults = clock, faults
        self._finder = Finder(SiteInventory(clients, clock, INTERVAL), config)

    async def found(self, **targets: object) -> Found:
        query = ProbeQuery.model_validate({"http": {"url": "https://{{ target }}/"}, "targets": targets})
        return await self._finder.find(Ask("SiteDown", query, 60, 3, Priority.P1))


@asynccontextmanager
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    clock, faults = ManualClock(), Faults()
    tags = {(ACCOUNT, REGION): (Resource(SHOP.arn(ACCOUNT), {"tenant": "acme", "env": "production"}),)}
    simulated = estate(names={ACCOUNT: NAMES}, resources=tags)
    async with (
        EstateServer(simulated, clock, faults) as server,
        signed_in(monkeypatch, server, label_tags=["tenant"]) as (config, clients),
    ):
        yield World(clients, config, clock, faults)


async def test_three_hundred_domains_of_public_zones_need_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch) as there:
        found = await there.found(**{"from": "route53"})
        assert len(found.targets) == 311
        assert dict(found.targets["www.example.org"].labels) == {"zone": "example.org"}
        assert "db.internal" not in found.targets
        assert set((await there.found(**{"from": "route53", "zones": "*.org"})).targets) == {"www.example.org"}


async def test_aliases_and_the_hosts_of_balancers_are_found_with_their_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch) as there:
        assert set((await there.found(**{"from": "cloudfront"})).targets) == {"www.example.com"}
        public = (await there.found(**{"from": "alb"})).targets
        assert set(public) == {"shop.example.com", f"bare-1234567890.{REGION}.elb.amazonaws.com"}
        assert dict(public["shop.example.com"].labels) == {"load_balancer": "shop", "tenant": "acme"}
        assert set((await there.found(**{"from": "alb", "tags": {"env": "prod*"}})).targets) == {"shop.example.com"}


async def test_a_listing_that_is_refused_later_keeps_the_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch) as there:
        assert len((await there.found(**{"from": "route53"})).targets) == 311
        there.faults.add(Fault(Kind.ACCESS_DENIED, operation="ListHostedZones"))
        there.clock.advance(INTERVAL)
        found = await there.found(**{"from": "route53"})
        assert len(found.targets) == 311
        assert found.complete
        [trouble] = found.troubles
        assert (trouble.reason, trouble.account) == (TroubleReason.FORBIDDEN, "main")
