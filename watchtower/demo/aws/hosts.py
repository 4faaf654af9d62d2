"""Route 53, CloudFront and Elastic Load Balancing, as far as they tell which hosts there are.

https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.wire import Call, Items, Refusal
from watchtower.demo.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate
    from watchtower.demo.names import Balancer, Distribution, DnsZone

_NONE = Names()


class Hosts:
    """The simulated services."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def list_hosted_zones(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the zones, public and private."""
        zones = [_zone(zone) for zone in self._names(call).zones]
        page, more = _page(zones, call.params.get("marker"), sized(faults, Kind.PAGE_SIZE, 100))
        following = {"NextMarker": more} if more else {}
        return {"HostedZones": Items("HostedZone", page), "IsTruncated": _truth(more), **following, "MaxItems": 100}

    def list_resource_record_sets(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of a zone's records, in the order of their names."""
        zone = next((zone for zone in self._names(call).zones if zone.id == call.params["Id"]), None)
        if zone is None:
            raise Refusal("NoSuchHostedZone", f"No hosted zone found with ID: {call.params['Id']}", 404)
        records = sorted((f"{name}.", kind) for name, kind in zone.records)
        start = (call.params.get("name", ""), call.params.get("type", ""))
        rest = [record for record in records if record >= start]
        size = sized(faults, Kind.PAGE_SIZE, 300)
        following = dict(zip(("NextRecordName", "NextRecordType"), rest[size], strict=True)) if rest[size:] else {}
        page = [{"Name": name, "Type": kind, "TTL": 60} for name, kind in rest[:size]]
        said = {"ResourceRecordSets": Items("ResourceRecordSet", page), "IsTruncated": _truth(rest[size:])}
        return {**said, **following, "MaxItems": 300}

    def list_distributions(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the distributions."""
        found = [_distribution(call, one) for one in self._names(call).distributions]
        page, more = _page(found, call.params.get("Marker"), sized(faults, Kind.PAGE_SIZE, 100))
        following = {"NextMarker": more} if more else {}
        said = {"Marker": "", **following, "MaxItems": 100, "IsTruncated": _truth(more), "Quantity": len(page)}
        return {**said, "Items": Items("DistributionSummary", page)}

    def describe_load_balancers(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of a region's balancers."""
        found = [_balancer(call, one) for one in self._balancers(call)]
        page, more = _page(found, call.params.get("Marker"), sized(faults, Kind.PAGE_SIZE, 400))
        return {"LoadBalancers": page, **({"NextMarker": more} if more else {})}

    def describe_listeners(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:  # noqa: ARG002
        """The one listener of a balancer."""
        arn = self._meant(call, call.params.get("LoadBalancerArn", "")).arn(call.account)
        return {"Listeners": [{"ListenerArn": _listener(arn), "LoadBalancerArn": arn, "Protocol": "HTTPS"}]}

    def describe_rules(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:  # noqa: ARG002
        """A rule for each host, and the default one."""
        balancer = self._meant(call, call.params.get("ListenerArn", ""))
        rules = [
            {"Conditions": [{"Field": "host-header", "Values": [host], "HostHeaderConfig": {"Values": [host]}}]}
            for host in balancer.hosts
        ]
        return {"Rules": [*rules, {"Conditions": [], "IsDefault": "true"}]}

    def _names(self, call: Call) -> Names:
        return self._estate.names.get(call.account, _NONE)

    def _balancers(self, call: Call) -> list[Balancer]:
        return [one for one in self._names(call).balancers if one.region == call.region]

    def _meant(self, call: Call, arn: str) -> Balancer:
        for one in self._balancers(call):
            if arn in (one.arn(call.account), _listener(one.arn(call.account))):
                return one
        raise Refusal("LoadBalancerNotFound", f"'{arn}' not found")


def _zone(zone: DnsZone) -> dict[str, Any]:
    config = {"Comment": "", "PrivateZone": _truth(zone.private)}
    return {"Id": f"/hostedzone/{zone.id}", "Name": f"{zone.name}.", "CallerReference": zone.id, "Config": config}


def _distribution(call: Call, one: Distribution) -> dict[str, Any]:
    return {
        "Id": one.id,
        "ARN": f"arn:aws:cloudfront::{call.account}:distribution/{one.id}",
        "Status": "Deployed",
        "Aliases": {"Quantity": len(one.aliases), "Items": Items("CNAME", one.aliases)},
        "Enabled": _truth(one.enabled),
    }


def _balancer(call: Call, one: Balancer) -> dict[str, Any]:
    return {
        "LoadBalancerArn": one.arn(call.account),
        "DNSName": f"{one.name}-1234567890.{call.region}.elb.amazonaws.com",
        "LoadBalancerName": one.name,
        "Scheme": one.scheme,
        "Type": "application",
        "State": {"Code": "active"},
    }


def _listener(balancer: str) -> str:
    return f"{balancer.replace(':loadbalancer/', ':listener/')}/f2f7dc8efc522ab2"


def _page(found: Sequence[Any], marker: str | None, size: int) -> tuple[Sequence[Any], str]:
    """The page that begins at the marker, and the marker of the next; empty without one."""
    start = int(marker) if marker and marker.isdigit() else 0
    return found[start : start + size], str(start + size) if found[start + size :] else ""


def _truth(value: object) -> str:
    return str(bool(value)).lower()
