"""Host names as an AWS that we did not write lists them: zones, distributions, load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.moto import HOME_REGION as REGION
from watchtower.clock import SystemClock
from watchtower.inventory.hosts import Site
from watchtower.inventory.patterns import ValuePattern
from watchtower.inventory.sites import SiteInventory, SiteKey
from watchtower.model import Labels

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients


async def listed(clients: AwsClients, kind: str, **key: Any) -> frozenset[Site]:
    inventory = SiteInventory(clients, SystemClock(), 300)
    known = await inventory.sites(SiteKey(kind, account="home", region=REGION, **key))
    await inventory.close()
    assert known.fresh, known.detail
    assert known.items is not None
    return known.items


async def zone(clients: AwsClients, name: str, *records: tuple[str, str], private: bool = False) -> None:
    call = {"VPC": {"VPCRegion": REGION, "VPCId": "vpc-1"}} if private else {}
    config = {"PrivateZone": private, "Comment": ""}
    made = await clients.call(
        "home",
        REGION,
        "route53",
        "create_hosted_zone",
        Name=name,
        CallerReference=name,
        HostedZoneConfig=config,
        **call,
    )
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {"Name": host, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": _value(kind)}]},
        }
        for host, kind in records
    ]
    for start in range(0, len(changes), 100):
        await clients.call(
            "home",
            REGION,
            "route53",
            "change_resource_record_sets",
            HostedZoneId=made["HostedZone"]["Id"],
            ChangeBatch={"Changes": changes[start : start + 100]},
        )


def _value(kind: str) -> str:
    return {"A": "192.0.2.1", "AAAA": "2001:db8::1", "CNAME": "other.example.net.", "TXT": '"x"'}[kind]


async def test_the_hosts_of_public_zones_are_found_page_by_page(clients: AwsClients) -> None:
    many = [(f"site-{number:03}.example.com", "CNAME") for number in range(320)]
    odd = [
        ("*.example.com", "A"),
        ("_dmarc.example.com", "TXT"),
        ("_x.example.com", "CNAME"),
        ("note.example.com", "TXT"),
    ]
    await zone(
        clients,
        "example.com.",
        *many,
        *odd,
        ("example.com", "A"),
        ("WWW.example.com", "A"),
        ("www.example.com", "AAAA"),
    )
    await zone(clients, "internal.example.com.", ("db.internal.example.com", "A"), private=True)
    await zone(clients, "example.org.", ("www.example.org", "A"))
    labels = Labels({"zone": "example.com"})
    expected = {Site(name, labels) for name, _ in many} | {Site(n, labels) for n in ("example.com", "www.example.com")}
    assert await listed(clients, "route53", zones=ValuePattern(("*.com",))) == expected


async def test_the_aliases_of_distributions_are_found(clients: AwsClients) -> None:
    for number, enabled in ((1, True), (2, False)):
        config = {
            "CallerReference": str(number),
            "Aliases": {"Quantity": 2, "Items": [f"www-{number}.example.com", "*.example.com"]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "o",
                        "DomainName": "o.example.com",
                        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
                    }
                ],
            },
            "Comment": "",
            "Enabled": enabled,
        }
        await clients.call("home", "us-east-1", "cloudfront", "create_distribution", DistributionConfig=config)
    [site] = await listed(clients, "cloudfront")
    assert site.name == "www-1.example.com"
    assert site.labels["distribution"]


async def test_the_hosts_that_load_balancers_serve_are_found_with_their_tags(clients: AwsClients) -> None:
    there = (await clients.call("home", REGION, "ec2", "describe_subnets"))["Subnets"]
    vpc, subnets = there[0]["VpcId"], [subnet["SubnetId"] for subnet in there[:2]]

    async def elb(operation: str, **request: Any) -> dict[str, Any]:
        return await clients.call("home", REGION, "elbv2", operation, **request)

    tags = [{"Key": "env", "Value": "production"}]
    shop = (await elb("create_load_balancer", Name="shop", Subnets=subnets, Scheme="internet-facing", Tags=tags))[
        "LoadBalancers"
    ][0]
    plain = (await elb("create_load_balancer", Name="plain", Subnets=subnets, Scheme="internal"))["LoadBalancers"][0]
    group = await elb("create_target_group", Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}]
    listener = await elb(
        "create_listener", LoadBalancerArn=shop["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward
    )
    hosts = {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com", "*.example.com"]}}
    arn = listener["Listeners"][0]["ListenerArn"]
    await elb("create_rule", ListenerArn=arn, Priority=1, Conditions=[hosts], Actions=forward)

    found = {site.name: site for site in await listed(clients, "alb")}
    assert set(found) == {"shop.example.com", plain["DNSName"].lower()}
    assert found["shop.example.com"].labels == Labels({"load_balancer": "shop", "scheme": "internet-facing"})
    assert found["shop.example.com"].tags == Labels({"env": "production"})
    assert found[plain["DNSName"].lower()].labels["scheme"] == "internal"
