"""Series whose resource is gone, by the tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scripted_aws import Reply, ScriptedAws, refusal
from tests.unit.sources.cloudwatch.support import EC2, TICK, Polling, answer, ask, by, every_series, instances
from tests.unit.sources.cloudwatch.test_remembering import tagged
from watchtower.model import Answer, Labels
from watchtower.sources.cloudwatch.owners import Owners, owners

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients

GLOB = {**EC2, "dimensions": {"InstanceId": "*"}}
TAGGED = {**GLOB, "tags": {"env": "prod"}}
PROD = {"env": "prod"}
DENIED = refusal("AccessDeniedException", "tag:GetResources")


def gone(found: Answer) -> list[str]:
    return [identity["InstanceId"] for identity in found.gone]


async def polled(aws: ScriptedAws, clients: AwsClients, query: Any, *tags: Reply, **config: Any) -> list[Answer]:
    """One answer for each reply of GetResources; three instances are listed all the while."""
    aws.on("ListMetrics", instances("i-1", "i-2", "i-3"))
    aws.on("GetMetricData", every_series())
    aws.on("GetResources", *tags)
    polling = Polling(aws, clients, ask("Cpu", query), **config)
    answers = []
    for number in range(len(tags)):
        answers.append(answer(await polling.poll(TICK + 300 * number), "Cpu"))
        polling.clock.advance(300)
    return answers


ALL, TWO = tagged(i_1=PROD, i_2=PROD, i_3=PROD), tagged(i_1=PROD, i_2=PROD)


@pytest.mark.parametrize(("query", "config"), [(TAGGED, {}), (GLOB, {"label_tags": ["env"]})])
async def test_a_resource_that_was_there_and_is_not_is_gone_and_not_asked_for(
    aws: ScriptedAws, clients: AwsClients, query: Any, config: Any
) -> None:
    first, second, third = await polled(aws, clients, query, ALL, TWO, TWO, **config)
    assert (gone(first), gone(second), gone(third)) == ([], ["i-3"], ["i-3"])
    assert second.gone[0] == Labels({"account": "prod", "region": "eu-west-1", "InstanceId": "i-3"})
    assert {each.identity["InstanceId"] for each in second.observations} == {"i-1", "i-2"}
    assert second.complete


async def test_a_resource_that_comes_back_is_asked_for_again(aws: ScriptedAws, clients: AwsClients) -> None:
    *_, last = await polled(aws, clients, TAGGED, ALL, TWO, ALL)
    assert gone(last) == []
    assert len(last.observations) == 3


async def test_a_resource_that_only_lost_its_tags_is_not_gone(aws: ScriptedAws, clients: AwsClients) -> None:
    """GetResources lists what was tagged before, too."""
    _, last = await polled(aws, clients, TAGGED, ALL, tagged(i_1=PROD, i_2=PROD, i_3={}))
    assert gone(last) == []


async def test_of_a_resource_that_never_had_tags_nothing_is_known(aws: ScriptedAws, clients: AwsClients) -> None:
    _, last = await polled(aws, clients, GLOB, TWO, TWO, label_tags=["env"])
    assert gone(last) == []
    assert len(last.observations) == 3


async def test_without_any_wish_for_tags_nobody_asks(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1"))
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", GLOB)).poll()
    assert (gone(answer(result, "Cpu")), aws.asked("GetResources")) == ([], [])


async def test_tags_that_cannot_be_read_make_nothing_gone_and_bring_nothing_back(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    _, second, third = await polled(aws, clients, GLOB, ALL, TWO, DENIED, label_tags=["env"])
    assert (gone(second), gone(third)) == (["i-3"], ["i-3"])


async def test_a_restart_remembers_who_had_a_resource(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2", "i-3"))
    aws.on("GetMetricData", every_series())
    aws.on("GetResources", ALL, TWO, DENIED)
    config: Any = {"label_tags": ["env"]}
    before = Polling(aws, clients, ask("Cpu", GLOB), **config)
    await before.poll()
    for _ in range(2):
        after = Polling(aws, clients, ask("Cpu", GLOB), **config)
        after.memory = before.memory
        result = await after.poll(TICK + 60)
        assert gone(answer(result, "Cpu")) == ["i-3"]
        assert set(by(result, "InstanceId")) == {"i-1", "i-2"}
        before = after


def test_a_series_that_is_not_listed_any_more_is_forgotten() -> None:
    one, two = ("i-1",), ("i-2",)
    known = owners(owners(Owners(), [one, two], [one, two]), [one, two], [one])
    assert known == Owners(frozenset({one, two}), frozenset({two}))
    assert owners(known, [one], [one]) == Owners(frozenset({one}), frozenset())
    assert owners(known, [one, two], None) == known
