"""The CloudWatch source against an AWS that we did not write: what moto gets right, the source must get right too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.moto import HOME_REGION as REGION
from tests.support.moto import home
from watchtower.clock import SystemClock, from_epoch
from watchtower.inventory.discovery import MetricDiscovery, MetricKey
from watchtower.inventory.tags import TagInventory
from watchtower.model import Labels, PollResult, Priority, Truth
from watchtower.sources.base import Ask, Place, Poll
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.cloudwatch.source import CloudWatchSource

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig

HOME, OTHER = "123456789012", "222222222222"
#: The SDK refuses datapoints older than two weeks, so the tick is the last whole minute.
TICK = int(SystemClock().now().timestamp()) // 60 * 60
CPU = {"namespace": "Shop", "metric": "Cpu", "dimensions": {"Host": "*"}}


@pytest.fixture
def config(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> AwsConfig:
    monkeypatch.setenv("EXTERNAL_ID", "shared-word")
    role = {"role_arn": f"arn:aws:iam::{OTHER}:role/watchtower", "external_id": {"env": "EXTERNAL_ID"}}
    accounts = [{"name": "home", "regions": [REGION]}, {"name": "other", "regions": [REGION], **role}]
    return home(moto_url, accounts=accounts, label_tags=["team"])


async def put(clients: AwsClients, account: str, values: dict[str, list[float]], **where: str) -> None:
    """Values of hosts, the last one in the minute before the tick."""
    data = [
        {
            "MetricName": where.get("metric", "Cpu"),
            "Dimensions": [{"Name": where.get("dimension", "Host"), "Value": host}],
            "Timestamp": from_epoch(TICK - 60 * (len(series) - index)),
            "Value": value,
        }
        for host, series in values.items()
        for index, value in enumerate(series)
    ]
    namespace = where.get("namespace", "Shop")
    await clients.call(account, REGION, "cloudwatch", "put_metric_data", Namespace=namespace, MetricData=data)


async def poll(clients: AwsClients, config: AwsConfig, query: dict[str, Any], account: str = "home") -> PollResult:
    parsed = CloudWatchQuery.model_validate(query)
    source = CloudWatchSource(clients, config)
    asked = Ask("Rule", parsed, int(parsed.period), 3, Priority.P3)
    [unit] = source.plan([asked], [Place(account, REGION)])
    return await source.poll(Poll(unit, TICK, None, from_epoch(TICK + unit.delay)))


def values(result: PollResult, label: str = "Host") -> dict[str, list[float]]:
    [answer] = result.answers
    return {o.identity[label]: [value for _, value in o.points] for o in answer.observations}


async def test_a_globbed_metric_is_found_and_read(clients: AwsClients, config: AwsConfig) -> None:
    await put(clients, "home", {"web-1": [10.0, 20.0, 30.0], "web-2": [40.0], "db-1": [90.0]})
    result = await poll(clients, config, CPU | {"statistic": "Average", "dimensions": {"Host": "web-*"}})
    assert values(result) == {"web-1": [10.0, 20.0, 30.0], "web-2": [40.0]}
    assert {o.context for o in result.answers[0].observations} == {Labels({"account_id": HOME})}
    assert result.troubles == ()


async def test_several_values_of_a_minute_are_summed_by_cloudwatch(clients: AwsClients, config: AwsConfig) -> None:
    await put(clients, "home", {"web-1": [1.0]})
    await put(clients, "home", {"web-1": [2.0]})
    result = await poll(clients, config, CPU | {"statistic": "Sum"})
    assert values(result) == {"web-1": [3.0]}


async def test_the_points_stand_in_their_slots(clients: AwsClients, config: AwsConfig) -> None:
    await put(clients, "home", {"web-1": [10.0, 20.0]})
    result = await poll(clients, config, CPU | {"statistic": "Maximum"})
    assert result.answers[0].observations[0].points == ((TICK - 120, 10.0), (TICK - 60, 20.0))


async def test_a_series_that_does_not_exist_has_no_data(clients: AwsClients, config: AwsConfig) -> None:
    result = await poll(clients, config, CPU | {"statistic": "Sum", "dimensions": {"Host": "nobody"}})
    assert [o.truth for o in result.answers[0].observations] == [Truth.NO_DATA]


async def test_a_role_in_another_account_sees_that_account_only(clients: AwsClients, config: AwsConfig) -> None:
    await put(clients, "home", {"web-1": [1.0]})
    await put(clients, "other", {"web-9": [9.0]})
    query = CPU | {"statistic": "Average"}
    assert values(await poll(clients, config, query)) == {"web-1": [1.0]}
    result = await poll(clients, config, query, account="other")
    assert values(result) == {"web-9": [9.0]}
    assert result.answers[0].observations[0].context["account_id"] == OTHER


async def test_a_listing_of_more_than_a_page_is_read_whole(clients: AwsClients) -> None:
    hosts = {f"web-{number}": [1.0] for number in range(501)}
    await put(clients, "home", hosts)
    key = MetricKey("home", REGION, "Shop", "Cpu", ("Host",))
    found = await MetricDiscovery(clients, SystemClock(), 300).series(key)
    assert found.items == frozenset((host,) for host in hosts)


async def test_tags_of_instances_choose_series_and_label_them(clients: AwsClients, config: AwsConfig) -> None:
    ids = []
    for env in ("production", "test"):
        tags = [{"Key": "env", "Value": env}, {"Key": "team", "Value": "web"}]
        answer = await clients.call(
            "home",
            REGION,
            "ec2",
            "run_instances",
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        ids.append(answer["Instances"][0]["InstanceId"])
    await put(
        clients,
        "home",
        {name: [50.0] for name in ids},
        namespace="AWS/EC2",
        metric="CPUUtilization",
        dimension="InstanceId",
    )
    query = {
        "namespace": "AWS/EC2",
        "metric": "CPUUtilization",
        "statistic": "Average",
        "dimensions": {"InstanceId": "*"},
        "tags": {"env": "prod*"},
    }
    result = await poll(clients, config, query)
    assert values(result, "InstanceId") == {ids[0]: [50.0]}
    assert result.answers[0].observations[0].context["team"] == "web"
    [sample] = result.samples
    assert sample.labels["name"].endswith(f":instance/{ids[0]}")


async def test_tags_of_databases_are_read(clients: AwsClients) -> None:
    await clients.call(
        "home",
        REGION,
        "rds",
        "create_db_instance",
        DBInstanceIdentifier="shop-1",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        MasterUsername="nobody",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    tagging = await TagInventory(clients, SystemClock(), 300).tagging("home", REGION, "AWS/RDS")
    assert tagging.resources is not None
    found = tagging.resources.named_by({"DBInstanceIdentifier": "shop-1"})
    assert found is not None
    assert found.tags["team"] == "shop"


async def test_sns_of_another_region_takes_a_message(clients: AwsClients) -> None:
    sns = await clients.sns("us-west-2")
    topic = (await sns.create_topic(Name="alerts"))["TopicArn"]
    assert ":us-west-2:" in topic
    assert (await sns.publish(TopicArn=topic, Message="hello"))["MessageId"]
