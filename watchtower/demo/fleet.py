"""The estate of the demo: a shop that an on-call engineer would recognise.

Thirty EC2 instances in two accounts, an Application Load Balancer, a classic one, an Aurora cluster of one
writer and two readers, an older MySQL with a replica, and three sites. Ordinary values stay far from what the
shipped rule packs call a problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.demo import shapes
from watchtower.demo.databases import Database, DatabaseCluster, Databases
from watchtower.demo.estate import Account, Estate, Key, Resource, Series, dimensions_of
from watchtower.demo.images import Flaw, PushedImage, Registry, Repository
from watchtower.demo.logs import LogFilter, LogGroup
from watchtower.demo.shapes import Generator, seed_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROD = Account("111122223333", "prod", ("eu-west-1",))
TOOLS = Account(
    "444455556666",
    "tools",
    ("us-east-1",),
    role_arn="arn:aws:iam::444455556666:role/watchtower",
    external_id="watchtower-demo",
)
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
BALANCER = "app/shop/50dc6c495c0c9188"
TARGETS = "targetgroup/shop-web/73e2d6bc24d8a067"
CLASSIC = "legacy-shop"
CLUSTER = "shop"
WRITER, READERS = "shop-1", ("shop-2", "shop-3")
LEGACY_DB, LEGACY_REPLICA = "legacy", "legacy-replica"
SITES = {
    "shop": "Welcome to the shop",
    "tickets": "Welcome to the box office",
    "docs": "Welcome to the manual",
}
PMS_LOGS = "/ecs/alba/pms"
PMS_PATTERN = '[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]'
IMAGES, OTHER_IMAGES = "shop/web", "shop/jobs"
#: What nobody is told of: every image has some of it.
USUAL_FLAWS = tuple(Flaw(f"CVE-2025-{4000 + n}", "MEDIUM" if n % 3 else "LOW", "busybox", score=4.3) for n in range(9))
GIB = 1024.0**3


@dataclass(frozen=True, slots=True)
class Host:
    """One EC2 instance: where it runs, its name and its group."""

    account: Account
    region: str
    id: str
    name: str
    group: str


def _hosts() -> tuple[Host, ...]:
    wanted = [(PROD, "web", 14), (PROD, "worker", 8), (PROD, "cache", 4), (TOOLS, "build", 4)]
    return tuple(
        Host(account, account.regions[0], f"i-{seed_of(group, str(n)):016x}0"[:19], f"{group}-{n}", group)
        for account, group, count in wanted
        for n in range(1, count + 1)
    )


HOSTS = _hosts()


def demo_estate(start: float) -> Estate:
    """The estate on an ordinary day; ``start`` is the virtual beginning in epoch seconds."""
    return Estate(
        start=start,
        accounts=(PROD, TOOLS),
        series=tuple(_all_series(start)),
        resources=_resources(),
        topics=frozenset({TOPIC}),
        sites=SITES,
        log_groups={(PROD.id, PROD.regions[0]): _log_groups()},
        publish_delay={"*": 60.0, "AWS/RDS": 75.0, "AWS/ApplicationELB": 90.0},
        databases={(PROD.id, PROD.regions[0]): _databases()},
        registries={(PROD.id, PROD.regions[0]): _registry()},
    )


def _all_series(start: float) -> Iterator[Series]:
    for host in HOSTS:
        yield from _host_series(host)
    yield from _aurora_series()
    yield from _mysql_series()
    yield from _balancer_series()
    yield from _classic_series(start)


def _series(
    place: tuple[Account, str],
    namespace: str,
    dimensions: Mapping[str, str],
    values: Mapping[str, Generator],
    resolution: int = shapes.MINUTE,
) -> Iterator[Series]:
    account, region = place
    for metric, value in values.items():
        key = Key(account.id, region, namespace, metric, dimensions_of(dimensions))
        yield Series(key, value, resolution)


def _host_series(host: Host) -> Iterator[Series]:
    place, seed = (host.account, host.region), seed_of(host.id)
    itself = {"InstanceId": host.id}
    disk = {"path": "/", "device": "nvme0n1p1", "fstype": "xfs"}
    checks = ("StatusCheckFailed", "StatusCheckFailed_System", "StatusCheckFailed_Instance")
    yield from _series(place, "AWS/EC2", itself, {check: shapes.steady(0.0) for check in checks})
    five_minutes: dict[str, Generator] = {
        "CPUUtilization": shapes.every(300, shapes.daily(seed, 6, 48)),
        "NetworkIn": shapes.every(300, shapes.whole(shapes.daily(seed ^ 1, 2e6, 4e7))),
    }
    yield from _series(place, "AWS/EC2", itself, five_minutes, resolution=300)
    agent: dict[str, Generator] = {"mem_used_percent": shapes.daily(seed ^ 2, 35, 62)}
    yield from _series(place, "CWAgent", itself, agent)
    used: dict[str, Generator] = {"disk_used_percent": shapes.creeping(seed ^ 3, 41, 72, days=21)}
    yield from _series(place, "CWAgent", {**itself, **disk}, used)


def _database(name: str, low: float, high: float) -> dict[str, Generator]:
    seed = seed_of(name)
    return {
        "CPUUtilization": shapes.daily(seed, low, high),
        "DatabaseConnections": shapes.whole(shapes.daily(seed ^ 1, 30, 140)),
        "FreeableMemory": shapes.whole(shapes.daily(seed ^ 2, 9 * GIB, 11 * GIB)),
        "ReadLatency": shapes.daily(seed ^ 3, 0.0004, 0.0011),
    }


def _databases() -> Databases:
    zones = [PROD.regions[0] + letter for letter in "abc"]
    aurora = (Database(name, CLUSTER, zone=zone) for name, zone in zip((WRITER, *READERS), zones, strict=True))
    alone = (Database(name, instance_class="db.m5.large") for name in (LEGACY_DB, LEGACY_REPLICA))
    cluster = DatabaseCluster(CLUSTER, WRITER, tags={"env": "production", "team": "shop", "tenant": "shop"})
    return Databases((cluster,), (*aurora, *alone))


def _registry() -> Registry:
    """Two repositories that ECR scans itself, each with an image that has what every image has."""
    images = (PushedImage(name, ("2026.1", "latest"), flaws=USUAL_FLAWS) for name in (IMAGES, OTHER_IMAGES))
    return Registry((Repository(IMAGES), Repository(OTHER_IMAGES)), tuple(images))


def _aurora_series() -> Iterator[Series]:
    place = (PROD, PROD.regions[0])
    for member in (WRITER, *READERS):
        seed = seed_of(member)
        values = _database(member, 14, 46) | {
            "FreeLocalStorage": shapes.whole(shapes.daily(seed ^ 4, 28 * GIB, 30 * GIB))
        }
        if member in READERS:
            values["AuroraReplicaLag"] = shapes.daily(seed ^ 5, 8, 24)
        yield from _series(place, "AWS/RDS", {"DBInstanceIdentifier": member}, values)
    writer = _database(WRITER, 14, 46)
    cluster = {"DBClusterIdentifier": CLUSTER}
    lag: dict[str, Generator] = {"AuroraReplicaLagMaximum": shapes.daily(seed_of(CLUSTER), 12, 26)}
    yield from _series(place, "AWS/RDS", cluster, writer | lag)
    yield from _series(place, "AWS/RDS", {**cluster, "Role": "WRITER"}, writer)
    yield from _series(place, "AWS/RDS", {**cluster, "Role": "READER"}, _database(READERS[0], 14, 46))
    yield from _series(place, "AWS/RDS", {"EngineName": "aurora-mysql"}, writer)


def _mysql_series() -> Iterator[Series]:
    place = (PROD, PROD.regions[0])
    for name in (LEGACY_DB, LEGACY_REPLICA):
        seed = seed_of(name)
        values = _database(name, 8, 30) | {
            "FreeStorageSpace": shapes.creeping(seed ^ 4, 140 * GIB, 96 * GIB, days=30),
            "DiskQueueDepth": shapes.daily(seed ^ 6, 0.02, 0.4),
        }
        if name == LEGACY_REPLICA:
            values["ReplicaLag"] = shapes.whole(shapes.daily(seed ^ 5, 0, 2))
        yield from _series(place, "AWS/RDS", {"DBInstanceIdentifier": name}, values)


def _log_groups() -> tuple[LogGroup, ...]:
    """The property-management system of two tenants: what it says on an ordinary day is no reason to wake anybody."""
    return tuple(
        LogGroup(name, _ordinary_lines, (LogFilter("critical", PMS_PATTERN, f"Critical{name}", default=0.0),))
        for name in (PMS_LOGS, "/ecs/dante/pms")
    )


def _ordinary_lines(minute: int) -> tuple[str, ...]:
    return (
        f"INFO {minute} bookings synchronised",
        "WARN slow answer from the channel manager",
        "INFO night audit idle",
    )


def _balancer_series() -> Iterator[Series]:
    place, seed = (PROD, PROD.regions[0]), seed_of(BALANCER)
    requests = shapes.whole(shapes.daily(seed, 420, 2600))
    few = shapes.seldom(seed ^ 1, 0.12, shapes.whole(shapes.daily(seed ^ 2, 1, 4)))
    traffic: dict[str, Generator] = {
        "RequestCount": requests,
        "HTTPCode_Target_2XX_Count": requests,
        "HTTPCode_Target_5XX_Count": few,
        "TargetResponseTime": shapes.daily(seed ^ 3, 0.04, 0.11),
    }
    alone: dict[str, Generator] = {
        "HTTPCode_ELB_5XX_Count": shapes.seldom(seed ^ 4, 0.03, shapes.steady(1.0)),
        "ActiveConnectionCount": shapes.whole(shapes.daily(seed ^ 5, 300, 1800)),
    }
    balancer = {"LoadBalancer": BALANCER}
    yield from _series(place, "AWS/ApplicationELB", balancer, traffic | alone)
    hosts: dict[str, Generator] = {
        "HealthyHostCount": shapes.steady(14.0),
        "UnHealthyHostCount": shapes.steady(0.0),
    }
    group = {**balancer, "TargetGroup": TARGETS}
    yield from _series(place, "AWS/ApplicationELB", group, traffic | hosts)
    for letter in "abc":
        zone = {**balancer, "AvailabilityZone": PROD.regions[0] + letter}
        yield from _series(place, "AWS/ApplicationELB", zone, {"RequestCount": requests})


def _classic_series(start: float) -> Iterator[Series]:
    place, seed = (PROD, PROD.regions[0]), seed_of(CLASSIC)
    values: dict[str, Generator] = {
        "RequestCount": shapes.whole(shapes.daily(seed, 40, 300)),
        "Latency": shapes.daily(seed ^ 1, 0.03, 0.09),
        "HealthyHostCount": shapes.steady(4.0),
        "UnHealthyHostCount": shapes.steady(0.0),
        "SurgeQueueLength": shapes.seldom(seed ^ 2, 0.02, shapes.steady(1.0)),
        "SpilloverCount": shapes.once(start - 9 * shapes.DAY, 2.0),
    }
    yield from _series(place, "AWS/ELB", {"LoadBalancerName": CLASSIC}, values)


def _resources() -> dict[tuple[str, str], tuple[Resource, ...]]:
    arns: dict[tuple[str, str], list[Resource]] = {}
    for host in HOSTS:
        tags = {"Name": host.name, "env": "production", "team": _TEAMS[host.group]}
        place = (host.account.id, host.region)
        arn = f"arn:aws:ec2:{host.region}:{host.account.id}:instance/{host.id}"
        arns.setdefault(place, []).append(Resource(arn, tags))
    place = (PROD.id, PROD.regions[0])
    for service, name in _NAMED:
        arn = f"arn:aws:{service}:{place[1]}:{place[0]}:{name}"
        arns[place].append(Resource(arn, {"env": "production", "team": "shop", "tenant": "shop"}))
    return {place: tuple(resources) for place, resources in arns.items()}


_TEAMS = {"web": "shop", "worker": "shop", "cache": "platform", "build": "platform"}
_NAMED = (
    ("elasticloadbalancing", f"loadbalancer/{BALANCER}"),
    ("elasticloadbalancing", TARGETS),
    ("elasticloadbalancing", f"loadbalancer/{CLASSIC}"),
    ("rds", f"cluster:{CLUSTER}"),
    *(("rds", f"db:{name}") for name in (WRITER, *READERS, LEGACY_DB, LEGACY_REPLICA)),
    ("sns", "alerts"),
)
