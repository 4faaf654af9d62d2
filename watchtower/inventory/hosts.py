"""Host names that AWS knows: records of DNS zones, aliases of distributions, host rules of load balancers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.inventory.paging import pages
from watchtower.model import EMPTY, Labels

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from watchtower.inventory.paging import Calls
    from watchtower.inventory.patterns import ValuePattern

#: Records whose names are hosts; an alias is one of the first two.
_HOSTS = frozenset({"A", "AAAA", "CNAME"})
#: What a host's name consists of; names with an underscore are for machines (validation, keys of mail).
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
#: Where the tags of distributions are, and distributions themselves.
_GLOBAL = "us-east-1"


@dataclass(frozen=True, slots=True)
class Site:
    """A name on a list; ``labels`` say where it stands there, ``tags`` are those of the resource or of the list."""

    name: str
    labels: Labels = EMPTY
    tags: Labels = EMPTY


async def route53(calls: Calls, account: str, region: str, zones: ValuePattern) -> frozenset[Site]:
    """The hosts in an account's public zones.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
    """
    found: set[Site] = set()
    async for zone in _zones(calls, account, region):
        name = _plain(zone["Name"])
        if zone.get("Config", {}).get("PrivateZone") or not zones.matches(name):
            continue
        async for record in _records(calls, account, region, zone["Id"]):
            host = _plain(record["Name"])
            if record["Type"] in _HOSTS and _NAME.fullmatch(host):
                found.add(Site(host, Labels({"zone": name})))
    return frozenset(found)


async def _zones(calls: Calls, account: str, region: str) -> AsyncGenerator[dict[str, Any], None]:
    async for page in _marked(calls, account, region, "route53", "list_hosted_zones"):
        for zone in page["HostedZones"]:
            yield zone


async def _records(calls: Calls, account: str, region: str, zone: str) -> AsyncGenerator[dict[str, Any], None]:
    following: dict[str, str] = {}
    while True:
        page = await calls.call(account, region, "route53", "list_resource_record_sets", HostedZoneId=zone, **following)
        for record in page["ResourceRecordSets"]:
            yield record
        keys = ("NextRecordName", "NextRecordType", "NextRecordIdentifier")
        after = {key.replace("Next", "Start"): page[key] for key in keys if page.get(key)}
        if not page.get("IsTruncated") or after == following:
            return
        following = after


async def cloudfront(calls: Calls, account: str, region: str) -> frozenset[Site]:  # noqa: ARG001 - it has no region
    """The aliases of an account's distributions that are switched on.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html
    """
    tags = await _tags(calls, account, _GLOBAL, "cloudfront:distribution")
    found: set[Site] = set()
    async for page in _marked(calls, account, _GLOBAL, "cloudfront", "list_distributions"):
        for one in (one for one in page["DistributionList"].get("Items") or () if one["Enabled"]):
            labels = Labels({"distribution": one["Id"]})
            aliases = _hosts(one["Aliases"].get("Items"))
            found.update(Site(host, labels, tags.get(one["ARN"], EMPTY)) for host in aliases)
    return frozenset(found)


async def load_balancers(calls: Calls, account: str, region: str) -> frozenset[Site]:
    """The hosts that the rules of application load balancers name; of one without any, its own name.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
    """
    tags = await _tags(calls, account, region, "elasticloadbalancing:loadbalancer")
    found: set[Site] = set()
    async for page in _marked(calls, account, region, "elbv2", "describe_load_balancers"):
        for one in filter(_serves, page["LoadBalancers"]):
            arn = one["LoadBalancerArn"]
            labels = Labels({"load_balancer": one["LoadBalancerName"], "scheme": one.get("Scheme", "")})
            named = [host async for host in _ruled(calls, account, region, arn)]
            found.update(Site(host, labels, tags.get(arn, EMPTY)) for host in named or [one["DNSName"].lower()])
    return frozenset(found)


def _serves(balancer: dict[str, Any]) -> bool:
    state = balancer.get("State", {}).get("Code", "active")
    return balancer["Type"] == "application" and state in ("active", "active_impaired")


async def _ruled(calls: Calls, account: str, region: str, arn: str) -> AsyncGenerator[str, None]:
    async for page in _marked(calls, account, region, "elbv2", "describe_listeners", LoadBalancerArn=arn):
        for listener in page["Listeners"]:
            rules = {"ListenerArn": listener["ListenerArn"]}
            async for found in _marked(calls, account, region, "elbv2", "describe_rules", **rules):
                for host in _rule_hosts(found["Rules"]):
                    yield host


def _rule_hosts(rules: Iterable[dict[str, Any]]) -> Iterator[str]:
    for condition in (condition for rule in rules for condition in rule.get("Conditions", ())):
        if condition.get("Field") == "host-header":
            values = condition.get("HostHeaderConfig", {}).get("Values") or condition.get("Values")
            yield from _hosts(values)


async def _marked(
    calls: Calls, account: str, region: str, service: str, operation: str, **request: Any
) -> AsyncGenerator[dict[str, Any], None]:
    """Pages whose next one is asked for by ``Marker`` and announced as ``NextMarker``."""
    following: dict[str, str] = {}
    while True:
        page = await calls.call(account, region, service, operation, **request, **following)
        yield page
        marker = page.get("NextMarker") or page.get("DistributionList", {}).get("NextMarker")
        if not marker or following == {"Marker": marker}:
            return
        following = {"Marker": marker}


async def _tags(calls: Calls, account: str, region: str, kind: str) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    request = {"ResourceTypeFilters": [kind], "ResourcesPerPage": 100}
    service = "resourcegroupstaggingapi"
    async for page in pages(calls, account, region, service, "get_resources", "PaginationToken", **request):
        for mapping in page["ResourceTagMappingList"]:
            found[mapping["ResourceARN"]] = Labels([(tag["Key"], tag["Value"]) for tag in mapping.get("Tags", ())])
    return found


def _plain(name: str) -> str:
    """A DNS name as people write it; an octal escape stays, so that a wildcard is no host."""
    return name.rstrip(".").lower()


def _hosts(names: Iterable[str] | None) -> Iterator[str]:
    """The names among these that are hosts, not wildcards."""
    return (host for name in names or () if _NAME.fullmatch(host := _plain(name)))
