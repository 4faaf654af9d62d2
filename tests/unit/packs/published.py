"""What AWS publishes of the metrics that the packs ask for: dimension sets, statistics that mean something, unit.

RDS  https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html and .../dimensions.html,
     https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
EC2  https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
ALB  https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
ELB  https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html
Lambda https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
Scheduler https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
CloudFront https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
Route 53 https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html
SES  https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
EFS  https://docs.aws.amazon.com/efs/latest/ug/efs-metrics.html
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

_FUNCTION = _sets("FunctionName", "FunctionName Resource", "")
_DISTRIBUTION = _sets("DistributionId Region")
_MAIL = _sets("")

PUBLISHED |= {
    ("AWS/Lambda", "Invocations"): Metric(_FUNCTION, ("Sum",), "Count"),
    ("AWS/Lambda", "Errors"): Metric(_FUNCTION, ("Sum",), "Count"),
    ("AWS/Lambda", "Throttles"): Metric(_FUNCTION, ("Sum",), "Count"),
    ("AWS/Scheduler", "InvocationAttemptCount"): Metric(_sets("ScheduleGroup", ""), ("Sum",), "Count"),
    ("AWS/Scheduler", "InvocationDroppedCount"): Metric(_sets("ScheduleGroup", ""), ("Sum",), "Count", always=False),
    ("AWS/Scheduler", "TargetErrorCount"): Metric(_sets("ScheduleGroup", ""), ("Sum",), "Count", always=False),
    ("AWS/CloudFront", "Requests"): Metric(_DISTRIBUTION, ("Sum",), "Count"),
    ("AWS/CloudFront", "TotalErrorRate"): Metric(_DISTRIBUTION, ("Average",), "Percent"),
    ("AWS/Route53", "HealthCheckStatus"): Metric(_sets("HealthCheckId"), ("Minimum", "Average"), "Count"),
    ("AWS/SES", "Reputation.BounceRate"): Metric(_MAIL, _GAUGE, "Count"),
    ("AWS/SES", "Reputation.ComplaintRate"): Metric(_MAIL, _GAUGE, "Count"),
    ("AWS/SES", "Send"): Metric(_MAIL, ("Sum",), "Count"),
    ("AWS/SES", "Reject"): Metric(_MAIL, ("Sum",), "Count", always=False),
    ("AWS/EFS", "BurstCreditBalance"): Metric(_sets("FileSystemId"), _GAUGE, "Bytes"),
}

#: The units in which a limit may be written beside a metric that has this unit.
WRITTEN_IN = {
    "Percent": {"", "%"},
    "Count": {""},
    "Bytes": {"KiB", "MiB", "GiB", "TiB"},
    "Seconds": {"s", "m", "h"},
    "Milliseconds": {""},
}
