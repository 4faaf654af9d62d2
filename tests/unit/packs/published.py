"""What AWS publishes of the metrics that the packs ask for: dimension sets, statistics that mean something, unit.

RDS  https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html and .../dimensions.html,
     https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
EC2  https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
ALB  https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
ELB  https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html
Agent https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/metrics-collected-by-CloudWatch-agent.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """``always`` false: published only while it is not zero, or while somebody asks."""

    dimensions: tuple[frozenset[str], ...]
    statistics: tuple[str, ...]
    unit: str
    always: bool = True


def _sets(*names: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(one.split()) for one in names)


_DATABASE = _sets(
    "DBInstanceIdentifier", "DBClusterIdentifier", "DBClusterIdentifier Role", "DatabaseClass", "EngineName"
)
_INSTANCE = _sets("InstanceId", "AutoScalingGroupName", "ImageId", "InstanceType")
_BALANCER = _sets("LoadBalancer", "AvailabilityZone LoadBalancer")
_GROUP = _sets("LoadBalancer TargetGroup", "AvailabilityZone LoadBalancer TargetGroup")
_CLASSIC = _sets("LoadBalancerName", "AvailabilityZone", "AvailabilityZone LoadBalancerName")
_GAUGE = ("Average", "Minimum", "Maximum")

PUBLISHED = {
    ("AWS/RDS", "CPUUtilization"): Metric(_DATABASE, _GAUGE, "Percent"),
    ("AWS/RDS", "DatabaseConnections"): Metric(_DATABASE, _GAUGE, "Count"),
    ("AWS/RDS", "FreeStorageSpace"): Metric(_DATABASE, _GAUGE, "Bytes"),
    ("AWS/RDS", "FreeLocalStorage"): Metric(_DATABASE, _GAUGE, "Bytes"),
    ("AWS/RDS", "AuroraReplicaLag"): Metric(_DATABASE, _GAUGE, "Milliseconds"),
    ("AWS/RDS", "ReplicaLag"): Metric(_DATABASE, _GAUGE, "Seconds"),
    ("AWS/EC2", "StatusCheckFailed"): Metric(_INSTANCE, _GAUGE, "Count"),
    ("CWAgent", "disk_used_percent"): Metric(_sets("InstanceId path device fstype"), _GAUGE, "Percent"),
    ("AWS/ApplicationELB", "RequestCount"): Metric(_BALANCER + _GROUP, ("Sum",), "Count"),
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"): Metric(_BALANCER + _GROUP, ("Sum",), "Count", always=False),
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"): Metric(_BALANCER, ("Sum",), "Count", always=False),
    ("AWS/ApplicationELB", "HealthyHostCount"): Metric(_GROUP, _GAUGE, "Count"),
    ("AWS/ApplicationELB", "UnHealthyHostCount"): Metric(_GROUP, _GAUGE, "Count"),
    ("AWS/ELB", "HealthyHostCount"): Metric(_CLASSIC, ("Average", "Maximum"), "Count"),
    ("AWS/ELB", "SurgeQueueLength"): Metric(_CLASSIC, ("Maximum",), "Count", always=False),
    ("AWS/ELB", "SpilloverCount"): Metric(_CLASSIC, ("Sum",), "Count", always=False),
}

#: The units in which a limit may be written beside a metric that has this unit.
WRITTEN_IN = {
    "Percent": {"", "%"},
    "Count": {""},
    "Bytes": {"KiB", "MiB", "GiB", "TiB"},
    "Seconds": {"s", "m", "h"},
    "Milliseconds": {""},
}
