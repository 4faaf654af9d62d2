from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import ACCOUNT, START_EPOCH, client, estate
from watchtower.demo.aws import EstateServer

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"
WORLD = estate(topics=frozenset({TOPIC}))


async def refusal(clock: ManualClock, **message: Any) -> tuple[str, str]:
    async with EstateServer(WORLD, clock) as server, client("sns", server) as sns:
        with pytest.raises(ClientError) as raised:
            await sns.publish(**{"TopicArn": TOPIC, "Message": "text", **message})
        assert server.published == []
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


async def test_what_is_published_is_kept_with_its_attributes(clock: ManualClock) -> None:
    attributes = {
        "priority": {"DataType": "String", "StringValue": "P1"},
        "count": {"DataType": "Number", "StringValue": "-3.5"},
    }
    async with EstateServer(WORLD, clock) as server, client("sns", server) as sns:
        answer = await sns.publish(
            TopicArn=TOPIC, Subject="Site <down> & out", Message="ä€\n", MessageAttributes=attributes
        )
        [kept] = server.published
    assert answer["MessageId"] == kept.message_id
    assert (kept.at, kept.topic_arn) == (START_EPOCH + 3600, TOPIC)
    assert (kept.subject, kept.message) == ("Site <down> & out", "ä€\n")
    assert kept.attributes == {"priority": "P1", "count": "-3.5"}


async def test_every_message_has_its_own_id(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("sns", server) as sns:
        ids = {(await sns.publish(TopicArn=TOPIC, Message="same"))["MessageId"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("subject", ["", "x" * 100, "two\nlines", "tab\there", "ä subject", " leading space"])
async def test_a_subject_sns_does_not_take_is_refused(clock: ManualClock, subject: str) -> None:
    assert await refusal(clock, Subject=subject) == ("InvalidParameter", "Invalid parameter: Subject")


async def test_the_limit_of_256_kib_counts_bytes_and_attributes(clock: ManualClock) -> None:
    most = 262_144
    attributes = {"a": {"DataType": "String", "StringValue": "v" * 10}}
    async with EstateServer(WORLD, clock) as server, client("sns", server) as sns:
        await sns.publish(TopicArn=TOPIC, Message="x" * most)
        await sns.publish(TopicArn=TOPIC, Message="x" * (most - 17), MessageAttributes=attributes)
    assert (await refusal(clock, Message="x" * (most + 1)))[1] == "Invalid parameter: Message too long"
    assert (await refusal(clock, Message="é" * (most // 2 + 1)))[1] == "Invalid parameter: Message too long"
    too_long = await refusal(clock, Message="x" * (most - 16), MessageAttributes=attributes)
    assert too_long[1] == "Invalid parameter: Message too long"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", {"DataType": "String", "StringValue": ""}),
        ("a", {"DataType": "Number", "StringValue": "many"}),
        ("a", {"DataType": "Wrong", "StringValue": "x"}),
        ("a b", {"DataType": "String", "StringValue": "x"}),
        ("AWS.a", {"DataType": "String", "StringValue": "x"}),
        (".a", {"DataType": "String", "StringValue": "x"}),
        ("a..b", {"DataType": "String", "StringValue": "x"}),
    ],
)
async def test_an_attribute_sns_does_not_take_is_refused(clock: ManualClock, name: str, value: dict[str, str]) -> None:
    code, _ = await refusal(clock, MessageAttributes={name: value})
    assert code == "ParameterValueInvalid"


async def test_a_structured_message_needs_a_default(clock: ManualClock) -> None:
    assert "No default entry" in (await refusal(clock, Message='{"email": "x"}', MessageStructure="json"))[1]
    assert "failed to parse" in (await refusal(clock, Message="x", MessageStructure="json"))[1]


async def test_topics_that_are_not_there_or_not_ours_are_told_apart(clock: ManualClock) -> None:
    assert (await refusal(clock, TopicArn=f"arn:aws:sns:eu-west-1:{ACCOUNT}:gone"))[0] == "NotFound"
    assert (await refusal(clock, TopicArn="arn:aws:sns:eu-west-1:444455556666:x"))[0] == "AuthorizationError"
    assert (await refusal(clock, TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"))[0] == "InvalidParameter"
    assert (await refusal(clock, TopicArn="alerts"))[0] == "InvalidParameter"
    assert (await refusal(clock, TargetArn=TOPIC))[0] == "InvalidParameter"


async def test_an_empty_message_is_refused(clock: ManualClock) -> None:
    assert (await refusal(clock, Message=""))[1] == "Invalid parameter: Empty message"
