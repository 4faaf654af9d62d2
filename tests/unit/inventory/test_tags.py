from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clock import ManualClock
from tests.support.scripted_aws import Reply, Request, ScriptedAws, ok, refusal
from watchtower.inventory.arns import NAMESPACES, dimensions_of, resource_types
from watchtower.inventory.tags import Resource, TaggedResources, TagInventory, taggable
from watchtower.model import Labels
from watchtower.model import TroubleReason as Why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.aws.clients import AwsClients

EC2 = "arn:aws:ec2:eu-west-1:111111111111:instance/i-1"
LB = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/shop/50dc"
TG = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:targetgroup/web/73e2"


@pytest.mark.parametrize(
    ("namespace", "arn", "dimensions"),
    [
        ("AWS/EC2", EC2, {"InstanceId": "i-1"}),
        ("CWAgent", EC2, {"InstanceId": "i-1"}),
        ("AWS/EBS", "arn:aws:ec2:eu-west-1:1:volume/vol-1", {"VolumeId": "vol-1"}),
        ("AWS/RDS", "arn:aws:rds:eu-west-1:1:db:shop-1", {"DBInstanceIdentifier": "shop-1"}),
        ("AWS/RDS", "arn:aws:rds:eu-west-1:1:cluster:shop", {"DBClusterIdentifier": "shop"}),
        ("AWS/ApplicationELB", LB, {"LoadBalancer": "app/shop/50dc"}),
        ("AWS/ApplicationELB", TG, {"TargetGroup": "targetgroup/web/73e2"}),
        ("AWS/ELB", "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/old", {"LoadBalancerName": "old"}),
        ("AWS/ECS", "arn:aws:ecs:eu-west-1:1:cluster/prod", {"ClusterName": "prod"}),
        ("AWS/ECS", "arn:aws:ecs:eu-west-1:1:service/prod/web", {"ClusterName": "prod", "ServiceName": "web"}),
        ("AWS/ElastiCache", "arn:aws:elasticache:eu-west-1:1:cluster:mem", {"CacheClusterId": "mem"}),
        ("AWS/Lambda", "arn:aws:lambda:eu-west-1:1:function:resize", {"FunctionName": "resize"}),
        ("AWS/SQS", "arn:aws:sqs:eu-west-1:1:orders", {"QueueName": "orders"}),
        ("AWS/SNS", "arn:aws:sns:eu-west-1:1:alerts", {"TopicName": "alerts"}),
        ("AWS/S3", "arn:aws:s3:::pictures", {"BucketName": "pictures"}),
        ("AWS/DynamoDB", "arn:aws:dynamodb:eu-west-1:1:table/users", {"TableName": "users"}),
        ("AWS/EFS", "arn:aws:elasticfilesystem:eu-west-1:1:file-system/fs-1", {"FileSystemId": "fs-1"}),
        ("AWS/CloudFront", "arn:aws:cloudfront::1:distribution/E1", {"DistributionId": "E1"}),
        ("AWS/NATGateway", "arn:aws:ec2:eu-west-1:1:natgateway/nat-1", {"NatGatewayId": "nat-1"}),
        ("AWS/NetworkELB", LB.replace("app/", "net/"), {"LoadBalancer": "net/shop/50dc"}),
    ],
)
def test_an_arn_stands_for_dimension_values(namespace: str, arn: str, dimensions: dict[str, str]) -> None:
    assert dimensions_of(namespace, arn) == [Labels(dimensions)]


@pytest.mark.parametrize(
    ("namespace", "arn"),
    [
        ("AWS/EC2", "arn:aws:ec2:eu-west-1:1:volume/vol-1"),
        ("AWS/ELB", LB),
        ("AWS/SQS", "arn:aws:sns:eu-west-1:1:alerts"),
        ("AWS/EC2", "not an arn"),
    ],
)
def test_an_arn_of_something_else_stands_for_nothing(namespace: str, arn: str) -> None:
    assert dimensions_of(namespace, arn) == []


def test_every_known_namespace_says_what_to_list() -> None:
    assert all(resource_types(namespace) for namespace in NAMESPACES)
    assert taggable("AWS/RDS")
    assert not taggable("Shop")


def resources(**tags_by_arn: Mapping[str, str]) -> frozenset[Resource]:
    arns = {"lb": LB, "tg": TG, "ec2": EC2}
    return frozenset(Resource(arns[name], Labels(tags)) for name, tags in tags_by_arn.items())


def test_a_resource_is_found_by_the_dimensions_that_name_it() -> None:
    found = TaggedResources("AWS/EC2", resources(ec2={"env": "prod"})).named_by({"InstanceId": "i-1"})
    assert found is not None
    assert found.arn == EC2
    assert TaggedResources("AWS/EC2", resources(ec2={})).named_by({"InstanceId": "i-2"}) is None
    assert TaggedResources("AWS/EC2", resources(ec2={})).named_by({"ImageId": "i-1"}) is None


def test_dimensions_that_name_two_resources_carry_the_tags_of_both() -> None:
    tagged = TaggedResources("AWS/ApplicationELB", resources(lb={"team": "web", "env": "prod"}, tg={"team": "shop"}))
    found = tagged.named_by({"LoadBalancer": "app/shop/50dc", "TargetGroup": "targetgroup/web/73e2"})
    assert found is not None
    assert found.arn == LB
    assert found.tags == Labels({"team": "web", "env": "prod"})


def test_the_resource_with_more_of_the_dimensions_is_named_first() -> None:
    cluster = Resource("arn:aws:ecs:eu-west-1:1:cluster/prod", Labels({"team": "platform", "env": "prod"}))
    service = Resource("arn:aws:ecs:eu-west-1:1:service/prod/web", Labels({"team": "web"}))
    found = TaggedResources("AWS/ECS", frozenset([cluster, service])).named_by(
        {"ClusterName": "prod", "ServiceName": "web"}
    )
    assert found is not None
    assert found.arn == service.arn
    assert found.tags == Labels({"team": "web", "env": "prod"})


async def test_every_page_of_tags_is_read_and_cached(aws: ScriptedAws, clients: AwsClients) -> None:
    def page(request: Request, number: int) -> Reply:
        arn = f"arn:aws:ec2:eu-west-1:1:instance/i-{number}"
        mapping = {"ResourceARN": arn, "Tags": [{"Key": "env", "Value": "prod"}]}
        return ok({"ResourceTagMappingList": [mapping], "PaginationToken": "more" if number == 0 else ""})

    aws.on("GetResources", page)
    inventory = TagInventory(clients, ManualClock(), 300)
    tagging = await inventory.tagging("prod", "eu-west-1", "AWS/EC2")
    again = await inventory.tagging("prod", "eu-west-1", "AWS/EC2")
    assert tagging.resources is not None
    assert again.resources is tagging.resources
    assert all(tagging.resources.named_by({"InstanceId": f"i-{number}"}) for number in range(2))
    assert len(aws.asked("GetResources")) == 2
    assert aws.asked("GetResources")[0].body["ResourceTypeFilters"] == ["ec2:instance"]


async def test_tags_that_were_never_read_are_unknown(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetResources", refusal("AccessDeniedException", "not authorized to perform: tag:GetResources"))
    tagging = await TagInventory(clients, ManualClock(), 300).tagging("prod", "eu-west-1", "AWS/EC2")
    assert tagging.resources is None
    assert tagging.reason == Why.FORBIDDEN
    assert "tag:GetResources" in tagging.detail
