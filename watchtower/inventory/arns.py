"""Which dimension values a resource's ARN stands for, by CloudWatch namespace.

ARN shapes: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.faults import did_you_mean
from watchtower.model import Labels

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ArnRule:
    """Resources of one type and how their ARN (after the account number) spells dimension values.

    The groups of ``pattern`` are named after dimensions.
    """

    resource_type: str
    pattern: re.Pattern[str]


def _rule(resource_type: str, pattern: str) -> ArnRule:
    return ArnRule(resource_type, re.compile(pattern))


_LOAD_BALANCER = (
    _rule("elasticloadbalancing:loadbalancer", r"loadbalancer/(?P<LoadBalancer>(?:app|net|gwy)/.+)"),
    _rule("elasticloadbalancing:targetgroup", r"(?P<TargetGroup>targetgroup/.+)"),
)
_RDS = (
    _rule("rds:db", r"db:(?P<DBInstanceIdentifier>.+)"),
    _rule("rds:cluster", r"cluster:(?P<DBClusterIdentifier>.+)"),
)
_ECS = (
    _rule("ecs:cluster", r"cluster/(?P<ClusterName>.+)"),
    _rule("ecs:service", r"service/(?P<ClusterName>[^/]+)/(?P<ServiceName>.+)"),
)

#: How alike (0 to 1) a name that is not known must be to one that is, to be a mistake.
_NEARLY = 0.85

#: namespace → how the ARNs of its resources are read.
NAMESPACES: Mapping[str, tuple[ArnRule, ...]] = {
    "AWS/ApiGateway": (_rule("apigateway", r"/apis/(?P<ApiId>[^/]+)"),),
    "AWS/ApplicationELB": _LOAD_BALANCER,
    "AWS/CloudFront": (_rule("cloudfront:distribution", r"distribution/(?P<DistributionId>.+)"),),
    "AWS/DynamoDB": (_rule("dynamodb:table", r"table/(?P<TableName>[^/]+)"),),
    "AWS/EBS": (_rule("ec2:volume", r"volume/(?P<VolumeId>.+)"),),
    "AWS/EC2": (_rule("ec2:instance", r"instance/(?P<InstanceId>.+)"),),
    "AWS/ECS": _ECS,
    "AWS/EFS": (_rule("elasticfilesystem:file-system", r"file-system/(?P<FileSystemId>.+)"),),
    "AWS/ELB": (_rule("elasticloadbalancing:loadbalancer", r"loadbalancer/(?P<LoadBalancerName>[^/]+)"),),
    "AWS/ElastiCache": (_rule("elasticache:cluster", r"cluster:(?P<CacheClusterId>.+)"),),
    "AWS/Kinesis": (_rule("kinesis:stream", r"stream/(?P<StreamName>.+)"),),
    "AWS/Lambda": (_rule("lambda:function", r"function:(?P<FunctionName>[^:]+)"),),
    "AWS/NATGateway": (_rule("ec2:natgateway", r"natgateway/(?P<NatGatewayId>.+)"),),
    "AWS/NetworkELB": _LOAD_BALANCER,
    "AWS/RDS": _RDS,
    "AWS/S3": (_rule("s3", r"(?P<BucketName>[^/]+)"),),
    "AWS/SNS": (_rule("sns", r"(?P<TopicName>[^:]+)"),),
    "AWS/SQS": (_rule("sqs", r"(?P<QueueName>[^:]+)"),),
    "CWAgent": (_rule("ec2:instance", r"instance/(?P<InstanceId>.+)"),),
    "ECS/ContainerInsights": _ECS,
}


def misspelt(namespace: str, dimension: str) -> str:
    """The hint at a dimension of the namespace that is nearly the one given; empty when that may be right.

    Agents name the dimensions of their own namespaces as they are told to, so only those of AWS are judged.
    """
    if not namespace.startswith("AWS/"):
        return ""
    known = {name for rule in NAMESPACES.get(namespace, ()) for name in rule.pattern.groupindex}
    return "" if dimension in known else did_you_mean(dimension, known, cutoff=_NEARLY)


def resource_types(namespace: str) -> list[str]:
    """What the tagging API must be asked for to find the resources of a namespace."""
    return sorted({rule.resource_type for rule in NAMESPACES[namespace]})


def dimensions_of(namespace: str, arn: str) -> list[Labels]:
    """The dimension values an ARN stands for in a namespace; none when it is no resource of it."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return []
    service = parts[2]
    found = []
    for rule in NAMESPACES[namespace]:
        match = rule.pattern.fullmatch(parts[5]) if rule.resource_type.split(":")[0] == service else None
        if match:
            found.append(Labels(match.groupdict()))
    return found
