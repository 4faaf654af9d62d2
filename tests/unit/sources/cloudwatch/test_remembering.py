"""What stays when ListMetrics or the tags fail: before a restart and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scripted_aws import THROTTLED, Reply, ScriptedAws, ok, refusal
from tests.unit.sources.cloudwatch.support import (
    EC2,
    TICK,
    Polling,
    answer,
    ask,
    by,
    ec2,
    every_series,
    instances,
    only,
)
from watchtower.errors import SourceError
from watchtower.inventory.discovery import MetricKey
from watchtower.model import Labels, Truth
from watchtower.model import TroubleReason as Why
from watchtower.sources.cloudwatch.memory import Memory, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.aws.clients import AwsClients

GLOB = {**EC2, "dimensions": {"InstanceId": "*"}}
TAGGED = {**GLOB, "tags": {"env": "prod*"}}
DENIED = refusal("AccessDeniedException", "tag:GetResources")


def tagged(**tags: Mapping[str, str]) -> Reply:
    """GetResources with instances ``i_1`` → i-1 and their tags."""
    mappings = [
        {
            "ResourceARN": f"arn:aws:ec2:eu-west-1:111111111111:instance/{name.replace('_', '-')}",
            "Tags": [{"Key": key, "Value": value} for key, value in found.items()],
        }
        for name, found in tags.items()
    ]
    return ok({"ResourceTagMappingList": mappings, "PaginationToken": ""})


async def test_a_failing_listing_keeps_the_old_series_and_says_so(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2"), THROTTLED)
    aws.on("GetMetricData", every_series())
    polling = Polling(aws, clients, ask("Cpu", GLOB))
    await polling.poll()
    polling.clock.advance(300)
    result = await polling.poll(TICK + 300)
    assert set(by(result, "InstanceId")) == {"i-1", "i-2"}
    assert not answer(result, "Cpu").complete
    assert [(trouble.reason, trouble.region) for trouble in result.troubles] == [(Why.THROTTLED, "eu-west-1")]


async def test_a_failing_listing_right_after_a_restart_keeps_the_remembered_series(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2"), THROTTLED)
    aws.on("GetMetricData", every_series())
    before = Polling(aws, clients, ask("Cpu", GLOB))
    await before.poll()
    after = Polling(aws, clients, ask("Cpu", GLOB))
    after.memory = before.memory
    result = await after.poll()
    assert set(by(result, "InstanceId")) == {"i-1", "i-2"}
    assert not answer(result, "Cpu").complete


async def test_a_halved_listing_right_after_a_restart_is_doubted(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2", "i-3"), instances("i-1"))
    aws.on("GetMetricData", every_series())
    before = Polling(aws, clients, ask("Cpu", GLOB))
    await before.poll()
    after = Polling(aws, clients, ask("Cpu", GLOB))
    after.memory = before.memory
    assert len(by(await after.poll(), "InstanceId")) == 3
    after.clock.advance(30)
    result = await after.poll(TICK + 60)
    assert set(by(result, "InstanceId")) == {"i-1"}
    assert answer(result, "Cpu").complete


async def test_memory_is_returned_only_when_it_changed(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1"), instances("i-1"), instances("i-1", "i-2"))
    aws.on("GetMetricData", every_series())
    polling = Polling(aws, clients, ask("Cpu", GLOB))
    changes = []
    for number in range(3):
        changes.append((await polling.poll(TICK + 300 * number)).memory is not None)
        polling.clock.advance(300)
    assert changes == [True, False, True]


async def test_exact_series_need_no_memory(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    assert (await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()).memory is None


async def test_a_listing_that_never_succeeded_leaves_the_rule_incomplete_and_the_others_answered(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("ListMetrics", THROTTLED)
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", GLOB), ask("One", ec2("i-1"))).poll()
    assert answer(result, "Cpu").observations == ()
    assert not answer(result, "Cpu").complete
    assert only(result, "One").truth is Truth.VALUE


async def test_a_poll_that_could_not_even_list_fails(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", THROTTLED)
    with pytest.raises(SourceError) as caught:
        await Polling(aws, clients, ask("Cpu", GLOB)).poll()
    assert caught.value.reason == Why.THROTTLED


async def test_two_rules_over_one_metric_list_it_once(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1"))
    aws.on("GetMetricData", every_series())
    await Polling(aws, clients, ask("Cpu", GLOB), ask("Peak", {**GLOB, "statistic": "Maximum"})).poll()
    assert len(aws.asked("ListMetrics")) == 1


async def test_tags_choose_the_series_of_a_rule(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2", "i-3"))
    aws.on("GetResources", tagged(i_1={"env": "production"}, i_2={"env": "test"}))
    aws.on("GetMetricData", every_series())
    assert set(by(await Polling(aws, clients, ask("Cpu", TAGGED)).poll(), "InstanceId")) == {"i-1"}


async def test_tags_that_cannot_be_read_hold_the_rule_and_leave_the_others_alone(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("ListMetrics", instances("i-1"))
    aws.on("GetResources", DENIED)
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", TAGGED), ask("All", GLOB)).poll()
    assert answer(result, "Cpu").observations == ()
    assert not answer(result, "Cpu").complete
    assert set(by(result, "InstanceId", "All")) == {"i-1"}
    assert [trouble.reason for trouble in result.troubles] == [Why.FORBIDDEN]


async def test_tags_that_fail_after_a_restart_leave_the_series_they_chose_before(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2"))
    aws.on("GetResources", tagged(i_1={"env": "production"}), DENIED)
    aws.on("GetMetricData", every_series())
    before = Polling(aws, clients, ask("Cpu", TAGGED))
    await before.poll()
    after = Polling(aws, clients, ask("Cpu", TAGGED))
    after.memory = before.memory
    for tick in (TICK, TICK + 60):
        result = await after.poll(tick)
        assert set(by(result, "InstanceId")) == {"i-1"}
        assert not answer(result, "Cpu").complete


async def test_chosen_tags_are_context_never_identity(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetResources", tagged(i_1={"cost-center": "7", "team": "web", "secret": "x"}))
    aws.on("GetMetricData", every_series())
    polling = Polling(aws, clients, ask("Cpu", ec2("i-1")), label_tags=["team", "cost-center", "tenant"])
    result = await polling.poll()
    observation = only(result)
    assert observation.context == Labels({"account_id": "111111111111", "team": "web", "cost_center": "7"})
    assert "team" not in observation.identity
    [sample] = result.samples
    assert sample.labels["tag_team"] == "web"
    assert sample.labels["name"] == "arn:aws:ec2:eu-west-1:111111111111:instance/i-1"


async def test_a_changed_tag_changes_the_label_at_the_next_listing(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetResources", tagged(i_1={"team": "web"}), tagged(i_1={"team": "shop"}))
    aws.on("GetMetricData", every_series())
    polling = Polling(aws, clients, ask("Cpu", ec2("i-1")), label_tags=["team"])
    await polling.poll()
    polling.clock.advance(300)
    assert only(await polling.poll(TICK + 300)).context["team"] == "shop"


async def test_label_tags_that_cannot_be_read_are_absent_and_one_trouble(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetResources", DENIED)
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", ec2("i-1")), ask("B", ec2("i-2")), label_tags=["team"]).poll()
    assert only(result).context == Labels({"account_id": "111111111111"})
    assert only(result).truth is Truth.VALUE
    assert answer(result, "Cpu").complete
    assert len(result.troubles) == 1


async def test_an_account_number_that_cannot_be_found_is_absent(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetCallerIdentity", refusal("AccessDenied"))
    aws.on("GetMetricData", every_series())
    assert only(await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()).context == Labels()


def test_a_memory_is_read_as_it_was_written() -> None:
    key = MetricKey("prod", "eu-west-1", "AWS/EC2", "CPUUtilization", ("InstanceId",))
    memory = Memory({key: [("i-1",), ("i-2",)]}, {"abc": [("i-1",)]})
    assert decode(encode(memory), "prod", "eu-west-1") == memory


def test_equal_memories_are_equal_blobs() -> None:
    key = MetricKey("prod", "eu-west-1", "AWS/EC2", "CPUUtilization", ("InstanceId",))
    assert encode(Memory({key: [("a",), ("b",)]})) == encode(Memory({key: [("b",), ("a",)]}))


@pytest.mark.parametrize("blob", [None, b"", b"rubbish", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_an_unreadable_memory_is_an_empty_one(blob: bytes | None) -> None:
    assert decode(blob, "prod", "eu-west-1") == Memory()


def test_a_memory_of_another_version_is_an_empty_one() -> None:
    import zlib

    assert decode(zlib.compress(b'{"version": 99}'), "prod", "eu-west-1") == Memory()
