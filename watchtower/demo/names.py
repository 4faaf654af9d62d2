"""What of the simulated estate has a host name: DNS zones, distributions, load balancers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsZone:
    """A hosted zone; ``records`` are names with their types."""

    id: str
    name: str
    records: tuple[tuple[str, str], ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class Distribution:
    """A CloudFront distribution."""

    id: str
    aliases: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Balancer:
    """An application load balancer, with the hosts that the rules of its one listener name."""

    name: str
    region: str
    hosts: tuple[str, ...] = ()
    scheme: str = "internet-facing"

    def arn(self, account: str) -> str:
        """Its ARN."""
        place = f"arn:aws:elasticloadbalancing:{self.region}:{account}"
        return f"{place}:loadbalancer/app/{self.name}/50dc6c495c0c9188"


@dataclass(frozen=True, slots=True)
class Names:
    """Everything with a name in one account."""

    zones: tuple[DnsZone, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    balancers: tuple[Balancer, ...] = ()
