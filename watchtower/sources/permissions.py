"""What each source must be allowed to call: IAM actions, and when a query needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from watchtower.inventory.patterns import exact_value

#: An action and whether a query needs it.
Needs = Mapping[str, Callable[[Any], bool]]


def _if(needed: Callable[[Any], bool], *actions: str) -> Needs:
    return dict.fromkeys(actions, needed)


def _always(*actions: str) -> Needs:
    return _if(lambda _: True, *actions)


def _follows(kind: str) -> Callable[[Any], bool]:
    return lambda query: query.where is not None and query.where.kind == kind


_METRICS = _always("cloudwatch:GetMetricData")
_TAGS = "tag:GetResources"
_TASKS = ("ecs:ListTasks", "ecs:DescribeTasks")
_CLUSTERS = _always("rds:DescribeDBClusters", "rds:DescribeDBInstances")

NEEDS: Mapping[str, Needs] = MappingProxyType(
    {
        "cloudwatch": {**_METRICS, **_always("cloudwatch:ListMetrics"), **_if(lambda query: bool(query.tags), _TAGS)},
        "balance": {**_METRICS, **_always("cloudwatch:ListMetrics"), **_if(lambda query: bool(query.tags), _TAGS)},
        "logs": {
            **_METRICS,
            **_always("logs:DescribeMetricFilters"),
            **_if(lambda query: any(exact_value(one) is None for one in query.groups.like), "logs:DescribeLogGroups"),
            **_if(lambda query: query.pattern is not None, "logs:TestMetricFilter"),
            **_if(lambda query: query.evidence > 0, "logs:FilterLogEvents"),
        },
        "rds_balance": {**_CLUSTERS, **_METRICS},
        "rds_topology": {**_CLUSTERS, **_always("rds:DescribePendingMaintenanceActions")},
        "ec2_events": _always("ec2:DescribeInstanceStatus"),
        "asg": _always("autoscaling:DescribeAutoScalingGroups"),
        "quota": {**_METRICS, **_always("servicequotas:ListServiceQuotas")},
        "health": _always("health:DescribeEvents"),
        "ecs": {
            **_always("ecs:ListClusters"),
            **_if(lambda query: query.value == "exits", *_TASKS, "ecs:DescribeTaskDefinition"),
            **_if(lambda query: query.value != "exits", "ecs:ListServices", "ecs:DescribeServices"),
        },
        "ses": _always("ses:GetAccount"),
        "ecr": {
            **_always("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:DescribeImageScanFindings"),
            **_always("ecr:BatchGetImage"),
            # What enhanced scanning found is Inspector's: ECR passes it on to whoever may read it there.
            **_always("inspector2:ListFindings", "inspector2:ListCoverage"),
            **_if(lambda query: query.images == "in_use", "ecs:ListClusters", *_TASKS),
        },
        "inspector": {
            **_if(lambda query: query.value != "uncovered", "inspector2:ListFindings"),
            **_if(lambda query: query.value == "uncovered", "inspector2:ListCoverage"),
        },
        "probe": {
            **_if(_follows("route53"), "route53:ListHostedZones", "route53:ListResourceRecordSets"),
            **_if(_follows("cloudfront"), "cloudfront:ListDistributions"),
            **_if(
                _follows("alb"),
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
            ),
            **_if(lambda query: _follows("cloudfront")(query) or _follows("alb")(query), _TAGS),
        },
    }
)

#: Sources whose resources' tags are asked of the Tagging API where tags become labels.
TAGGED = frozenset({"cloudwatch", "balance"})
