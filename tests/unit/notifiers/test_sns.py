from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.request import urlopen

import aiohttp
import orjson
import pytest

from tests.support.clock import ManualClock
from tests.support.deliveries import a_delivery, a_member, a_notice, nasty_notices
from tests.support.sns_endpoint import TOPIC, SnsEndpoint
from watchtower.demo.faults import hang, refused, reset, server_error, throttled
from watchtower.demo.loopback import Reply
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.model import Delivery, Event, Labels, Priority
from watchtower.notifiers.base import Doors
from watchtower.notifiers.sns import SIZE_LIMIT, Sns, SnsConfig, arguments, body, both, subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from watchtower.aws.clients import AwsClients
    from watchtower.demo.faults import Fault

ELSEWHERE = "arn:aws:sns:eu-central-1:111122223333:alerts"
FIFO = f"{TOPIC}.fifo"


@pytest.fixture
async def doors(clients: AwsClients) -> AsyncIterator[Doors]:
    async with aiohttp.ClientSession() as session:
        yield Doors(session, clients, 5.0)


def a_topic(endpoint: str, doors: Doors, arn: str = TOPIC) -> Sns:
    return Sns("audit", SnsConfig(type="sns", topic_arn=arn, api_url=endpoint), doors)


async def create(endpoint: str, doors: Doors, name: str) -> str:
    client = await doors.aws.sns("eu-west-1", endpoint)
    fifo = {"Attributes": {"FifoTopic": "true"}} if name.endswith(".fifo") else {}
    found = await client.create_topic(Name=name, **fifo)
    return str(found["TopicArn"])


def published(endpoint: str, arn: str) -> list[Any]:
    """What moto says the topic took: [message id, message, subject, attributes, group id]."""
    with urlopen(f"{endpoint}/moto-api/data.json") as answer:
        topics = orjson.loads(answer.read())["sns"]["Topic"]
    [found] = [topic for topic in topics if topic["arn"] == arn]
    sent: list[Any] = found["sent_notifications"]
    return sent


async def test_a_delivery_reaches_the_topic_with_attributes_for_filter_policies(moto_url: str, doors: Doors) -> None:
    arn = await create(moto_url, doors, "attributes")
    receipt = await a_topic(moto_url, doors, arn).send(a_delivery())
    [sent] = published(moto_url, arn)
    told = orjson.dumps(sent).decode()
    for value in ("P2", "RdsCpuHigh", "trigger", "inc-1", a_delivery().id, "production", "db-1: CPU at 96.2 %"):
        assert value in told
    assert sent[0] in receipt.detail


async def a_queue(endpoint: str, doors: Doors, arn: str, **policy: str) -> str:
    """The address of a queue that is subscribed to the topic."""
    fifo = {"Attributes": {"FifoQueue": "true"}} if arn.endswith(".fifo") else {}
    name = f"of-{arn.rpartition(':')[2]}"
    address = (await sqs(doors, "create_queue", QueueName=name, **fifo))["QueueUrl"]
    client = await doors.aws.sns("eu-west-1", endpoint)
    queue = arn.replace(":sns:", ":sqs:").replace(arn.rpartition(":")[2], name)
    attributes = {"RawMessageDelivery": "true", **policy}
    await client.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=attributes)
    return str(address)


async def received(doors: Doors, address: str) -> list[str]:
    """The event attribute of what the queue took, oldest first."""
    found = await sqs(doors, "receive_message", QueueUrl=address, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [one["MessageAttributes"]["event"]["StringValue"] for one in found.get("Messages", [])]


async def sqs(doors: Doors, operation: str, **parameters: Any) -> dict[str, Any]:
    return await doors.aws.call("home", "eu-west-1", "sqs", operation, **parameters)


async def test_a_fifo_topic_takes_trigger_and_resolve_of_one_incident(moto_url: str, doors: Doors) -> None:
    """Deduplicated by the incident, the resolve within five minutes would vanish."""
    arn = await create(moto_url, doors, "order.fifo")
    queue = await a_queue(moto_url, doors, arn)
    topic = a_topic(moto_url, doors, arn)
    await topic.send(a_delivery(1))
    await topic.send(a_delivery(2, Event.RESOLVE))
    assert await received(doors, queue) == ["trigger", "resolve"]


async def test_a_fifo_topic_drops_a_delivery_that_is_sent_again(moto_url: str, doors: Doors) -> None:
    arn = await create(moto_url, doors, "again.fifo")
    queue = await a_queue(moto_url, doors, arn)
    topic = a_topic(moto_url, doors, arn)
    await topic.send(a_delivery(1))
    await topic.send(a_delivery(1))
    assert await received(doors, queue) == ["trigger"]


async def test_a_subscriber_can_choose_by_priority(moto_url: str, doors: Doors) -> None:
    arn = await create(moto_url, doors, "chosen")
    queue = await a_queue(moto_url, doors, arn, FilterPolicy='{"priority": ["P1"]}')
    topic = a_topic(moto_url, doors, arn)
    await topic.send(a_delivery(1))
    await topic.send(a_delivery(2, Event.ESCALATION, notice=a_notice(tier=Priority.P1)))
    assert await received(doors, queue) == ["escalation"]


async def test_moto_refuses_nothing_an_alert_may_carry(moto_url: str, doors: Doors) -> None:
    arn = await create(moto_url, doors, "nasty")
    for notice in nasty_notices().values():
        await a_topic(moto_url, doors, arn).send(a_delivery(notice=notice))
    assert len(published(moto_url, arn)) == len(nasty_notices())


async def test_a_topic_that_does_not_exist_is_refused_for_good(moto_url: str, doors: Doors) -> None:
    with pytest.raises(Rejected, match="NotFound") as caught:
        await a_topic(moto_url, doors, f"{TOPIC}-gone").send(a_delivery())
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("KMSThrottling", False),
        ("Throttled", False),
        ("ExpiredToken", False),
        ("InvalidParameter", True),
        ("AuthorizationError", True),
        ("NotFound", True),
    ],
)
async def test_a_throttle_with_http_400_is_for_now_and_a_mistake_for_good(
    doors: Doors, code: str, permanent: bool
) -> None:
    async with SnsEndpoint(ManualClock()) as server:
        server.faults.next(refused(f"{code}: told"))
        with pytest.raises(Rejected, match=code) as caught:
            await a_topic(server.origin, doors).send(a_delivery())
    assert caught.value.permanent is permanent


async def test_a_reset_the_sdk_takes_for_an_endpoint_out_of_reach_is_ambiguous(doors: Doors) -> None:
    async with SnsEndpoint(ManualClock()) as server:
        server.faults.next(reset(acted=True))
        with pytest.raises(Ambiguous):
            await a_topic(server.origin, doors).send(a_delivery())


async def test_an_answer_nobody_can_read_is_ambiguous(doors: Doors) -> None:
    async with Garbled(ManualClock()) as server:
        with pytest.raises(Ambiguous):
            await a_topic(server.origin, doors).send(a_delivery())


class Garbled(SnsEndpoint):
    """Something between us and AWS answers instead of AWS."""

    def act(self, request: web.Request, body: bytes) -> Reply:
        return Reply(200, "<html>Welcome to the hotel's network")


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("P2 RdsCpuHigh: db-1", "[P2 FIRING] RdsCpuHigh: db-1"),
        ("Größe über 95 %", "[P2 FIRING] Groe uber 95 %"),
        ("two\nlines\tand a tab", "[P2 FIRING] two lines and a tab"),
        ("🔥🔥", "[P2 FIRING] RdsCpuHigh"),
        ("x" * 500, "[P2 FIRING] " + "x" * 84 + "..."),
    ],
)
def test_a_subject_is_ascii_on_one_line_and_short(title: str, said: str) -> None:
    assert subject(a_notice(title=title)) == said


def called(delivery: Delivery, arn: str = TOPIC) -> dict[str, Any]:
    return arguments(delivery, arn)


def test_only_a_fifo_topic_is_given_group_and_deduplication() -> None:
    assert "MessageGroupId" not in called(a_delivery())
    ordered = called(a_delivery(), FIFO)
    assert (ordered["MessageGroupId"], ordered["MessageDeduplicationId"]) == ("inc-1", a_delivery().id)


def test_the_attributes_are_those_that_filter_policies_are_promised() -> None:
    told = {name: one["StringValue"] for name, one in called(a_delivery())["MessageAttributes"].items()}
    assert told == {
        "priority": "P2",
        "rule": "RdsCpuHigh",
        "event": "trigger",
        "incident": "inc-1",
        "delivery_id": a_delivery().id,
        "environment": "production",
    }


def test_the_message_structure_is_left_alone_so_that_attributes_are_sent() -> None:
    assert "MessageStructure" not in called(a_delivery())


def test_an_attribute_without_a_value_is_left_out() -> None:
    assert "environment" not in called(a_delivery(notice=a_notice(environment="")))["MessageAttributes"]


def test_body_and_attributes_stay_together_below_the_limit_by_bytes() -> None:
    wide = Labels({f"label_{n}": "✓" * 3000 for n in range(60)})
    notice = a_notice(members=tuple(a_member(labels=wide, summary="é" * 9000) for _ in range(50)))
    call = called(a_delivery(notice=notice))
    attributes = call["MessageAttributes"].items()
    size = sum(len((name + one["DataType"] + one["StringValue"]).encode()) for name, one in attributes)
    assert len(call["Message"].encode()) + size <= SIZE_LIMIT


# -- a topic in another region -----------------------------------------------------------------------------------------


class TwoTopics:
    """The endpoint of the topic's region, and the one of its stand-in's."""

    def __init__(self, doors: Doors, timeout: float = 5.0) -> None:
        self.first, self.second = SnsEndpoint(ManualClock()), SnsEndpoint(ManualClock())
        self._doors = Doors(doors.http, doors.aws, timeout)

    async def __aenter__(self) -> Self:
        await self.first.start()
        await self.second.start()
        for region, server in (("eu-west-1", self.first), ("eu-central-1", self.second)):
            await self._doors.aws.sns(region, server.origin)  # making a client takes the SDK a while
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.first.stop()
        await self.second.stop()

    async def send(self, **more: Any) -> str:
        """What the receipt says."""
        config = SnsConfig(
            type="sns",
            topic_arn=TOPIC,
            api_url=self.first.origin,
            fallback_topic_arn=ELSEWHERE,
            fallback_api_url=self.second.origin,
        )
        return (await Sns("audit", config, self._doors).send(a_delivery(**more))).detail


async def test_while_the_topic_takes_messages_the_other_region_hears_nothing(doors: Doors) -> None:
    async with TwoTopics(doors) as topics:
        assert await topics.send() == "published as m-1"
    assert topics.second.requests == []


@pytest.mark.parametrize(
    ("fault", "because"),
    [
        (server_error(), "SNS answered 503: InternalError"),
        (refused("AuthorizationError: no"), "SNS answered 400: AuthorizationError"),
        (reset(), "SNS: the connection broke"),
    ],
)
async def test_a_topic_that_fails_is_stood_in_for_and_the_receipt_says_so(
    doors: Doors, fault: Fault, because: str
) -> None:
    async with TwoTopics(doors) as topics:
        topics.first.faults.always(fault)
        detail = await topics.send()
    assert detail.startswith(f"published in eu-central-1 as m-1, because {because}")
    [sent] = topics.second.published
    assert sent["TopicArn"] == ELSEWHERE


async def test_a_region_that_does_not_answer_leaves_time_for_the_other(doors: Doors) -> None:
    async with TwoTopics(doors, timeout=2.0) as topics:
        topics.first.faults.always(hang())
        assert "because SNS did not answer within 1s" in await topics.send()


async def test_a_region_out_of_reach_is_stood_in_for(doors: Doors) -> None:
    async with TwoTopics(doors) as topics:
        await topics.first.stop()
        assert "because SNS cannot be reached" in await topics.send()


async def test_a_topic_that_asks_for_patience_gets_it(doors: Doors) -> None:
    async with TwoTopics(doors) as topics:
        topics.first.faults.always(throttled())
        with pytest.raises(Rejected) as caught:
            await topics.send()
    assert caught.value.retry_after
    assert topics.second.requests == []


async def test_a_region_that_asks_for_patience_again_and_again_is_stood_in_for(doors: Doors) -> None:
    async with TwoTopics(doors) as topics:
        topics.first.faults.always(throttled())
        assert "published in eu-central-1" in await topics.send(attempts=2)


NO = Rejected("400", permanent=True)
LATER = Rejected("unreachable", permanent=False)
PERHAPS = Ambiguous("503")


@pytest.mark.parametrize(
    ("first", "second", "permanent"),
    [(NO, NO, True), (NO, LATER, False), (LATER, NO, False), (PERHAPS, NO, None), (NO, PERHAPS, None)],
)
def test_two_failures_are_ambiguous_if_one_is_and_final_if_both_are(
    first: DeliveryError, second: DeliveryError, permanent: bool | None
) -> None:
    error = both(first, second, "eu-central-1")
    assert error.detail == f"{first.detail}; in eu-central-1: {second.detail}"
    assert (error.permanent if isinstance(error, Rejected) else None) is permanent


# -- for machines ------------------------------------------------------------------------------------------------------


def test_a_body_for_machines_is_json_with_everything_a_person_reads() -> None:
    told = orjson.loads(arguments(a_delivery(), TOPIC, "json")["Message"])
    assert (told["event"], told["priority"], told["rule"]) == ("trigger", "P2", "RdsCpuHigh")
    assert told["subject"] == "[P2 FIRING] RdsCpuHigh: db-1: CPU at 96.2 %"
    assert told["members"][0]["labels"]["DBInstanceIdentifier"] == "db-1"
    assert told["delivery"] == a_delivery().id


@pytest.mark.parametrize("name", nasty_notices())
def test_a_body_for_machines_fits_whatever_an_alert_carries(name: str) -> None:
    said = arguments(a_delivery(notice=nasty_notices()[name]), TOPIC, "json")
    assert len(said["Message"].encode()) < SIZE_LIMIT
    assert orjson.loads(said["Message"])["incident"] == "inc-1"


def test_a_body_for_machines_drops_members_before_it_is_refused() -> None:
    many = a_notice(members=tuple(a_member(alert_id=f"a{n}") for n in range(9)))
    assert len(orjson.loads(body(a_delivery(notice=many), 2500))["members"]) in range(1, 9)


def test_the_other_topic_is_in_another_region() -> None:
    with pytest.raises(ValueError, match="is in eu-west-1 too"):
        SnsConfig(type="sns", topic_arn=TOPIC, fallback_topic_arn=f"{TOPIC}-2")
