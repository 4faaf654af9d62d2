"""RDS: clusters, instances, and the maintenance that waits for them.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.clock import from_epoch
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Items, Refusal
from watchtower.demo.databases import Database, DatabaseCluster, Databases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate

_NONE = Databases()


class Rds:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def describe_db_clusters(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the clusters with their members as they are now."""
        found = [self._cluster(call, cluster) for cluster in self._databases(call).clusters]
        return self._page(call, faults, "DBClusters", "DBCluster", found)

    def describe_db_instances(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the instances, those of clusters too."""
        found = [self._instance(call, one) for one in self._databases(call).there(self._since(call))]
        return self._page(call, faults, "DBInstances", "DBInstance", found)

    def describe_pending_maintenance_actions(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the instances that something waits for."""
        found = [_pending(call, one) for one in self._databases(call).there(self._since(call)) if one.pending]
        return self._page(call, faults, "PendingMaintenanceActions", "ResourcePendingMaintenanceActions", found)

    def _databases(self, call: Call) -> Databases:
        return self._estate.databases.get((call.account, call.region), _NONE)

    def _since(self, call: Call) -> float:
        return call.at - self._estate.start

    def _page(
        self, call: Call, faults: Sequence[Fault], name: str, item: str, found: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        same = {key: value for key, value in call.params.items() if key != "Marker"}
        mark = fingerprint(call.account, call.region, call.operation, same)
        marker = call.params.get("Marker")
        if marker:
            followed = self._pager.follow(marker, mark)
            if followed is None:
                raise _invalid("The marker is not one of this request.")
            page, more, _ = followed
        else:
            size = sized(faults, Kind.PAGE_SIZE, _page_size(call))
            pages = cut(found, size, empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {**({"Marker": more} if more else {}), name: Items(item, page)}

    def _cluster(self, call: Call, cluster: DatabaseCluster) -> dict[str, Any]:
        databases, since = self._databases(call), self._since(call)
        writer = databases.writer(cluster, since)
        members = [_member(one, writer) for one in databases.there(since) if one.cluster == cluster.id]
        tags = [{"Key": key, "Value": value} for key, value in cluster.tags.items()]
        return {
            "DBClusterIdentifier": cluster.id,
            "Status": "available",
            "Engine": cluster.engine,
            "DBClusterMembers": Items("DBClusterMember", members),
            "DBClusterArn": _arn(call, f"cluster:{cluster.id}"),
            "TagList": Items("Tag", tags),
        }

    def _instance(self, call: Call, one: Database) -> dict[str, Any]:
        belongs = {"DBClusterIdentifier": one.cluster} if one.cluster else {}
        return {
            "DBInstanceIdentifier": one.id,
            "DBInstanceClass": one.instance_class,
            "Engine": "aurora-mysql" if one.cluster else "mysql",
            "DBInstanceStatus": "available",
            "InstanceCreateTime": f"{from_epoch(self._estate.start + one.created):%Y-%m-%dT%H:%M:%SZ}",
            "AvailabilityZone": one.zone,
            "PromotionTier": one.tier,
            "PerformanceInsightsEnabled": str(one.insights).lower(),
            "DBInstanceArn": _arn(call, f"db:{one.id}"),
            **belongs,
        }


def _member(one: Database, writer: str) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": one.id,
        "IsClusterWriter": str(one.id == writer).lower(),
        "DBClusterParameterGroupStatus": "in-sync",
        "PromotionTier": one.tier,
    }


def _pending(call: Call, one: Database) -> dict[str, Any]:
    details = [{"Action": action, "Description": f"{action} is available"} for action in one.pending]
    return {
        "ResourceIdentifier": _arn(call, f"db:{one.id}"),
        "PendingMaintenanceActionDetails": Items("PendingMaintenanceAction", details),
    }


def _arn(call: Call, resource: str) -> str:
    return f"arn:aws:rds:{call.region}:{call.account}:{resource}"


def _page_size(call: Call) -> int:
    given = call.params.get("MaxRecords", "100")
    if not given.isdecimal() or not 20 <= int(given) <= 100:
        raise _invalid(f"Invalid value {given} for MaxRecords. Must be between 20 and 100")
    return int(given)


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterValue", message)
