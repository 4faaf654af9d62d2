"""Amazon SNS: one publish per delivery, with attributes that filter policies can match.

Limits: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. MessageStructure is never ``json``: it
would take the attributes away from most subscribers.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import orjson
from pydantic import AfterValidator, field_validator, model_validator

from watchtower.aws.publish import publish
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Receipt
from watchtower.notifiers import message
from watchtower.notifiers.canary_config import CanaryConfig
from watchtower.notifiers.channel import ChannelConfig, Endpoint
from watchtower.notifiers.follow_ups import FollowUps
from watchtower.notifiers.text import ELLIPSIS, cut, one_line, utf8_bytes

if TYPE_CHECKING:
    from watchtower.model import Delivery, Notice
    from watchtower.notifiers.base import Doors, Pace

#: Attempts in which a region that asks for patience has it, before the other region is asked.
PATIENCE = 2
#: A subject is shorter than 100 characters, ASCII, on one line.
SUBJECT_LIMIT = 99
#: Bytes of body and attributes together.
SIZE_LIMIT = 256 * 1024

_ATTRIBUTE_LIMIT = 256
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def _topic_arn(arn: str) -> str:
    if _TOPIC_ARN.fullmatch(arn) is None:
        raise ValueError(f"{arn!r} is not a topic's ARN; write it like arn:aws:sns:eu-west-1:111122223333:alerts")
    return arn


class SnsCanary(CanaryConfig):
    """A message to ``topic_arn`` that says ``canary`` among its attributes."""

    topic_arn: Annotated[str, AfterValidator(_topic_arn)]


class SnsConfig(ChannelConfig):
    """``{type: sns, topic_arn: "arn:aws:sns:eu-west-1:111122223333:alerts"}``; the ARN names the region."""

    type: Literal["sns"]
    topic_arn: str
    fallback_topic_arn: str | None = None
    body: Literal["text", "json"] = "text"
    api_url: Endpoint | None = None
    fallback_api_url: Endpoint | None = None
    canary: SnsCanary | None = None

    @field_validator("topic_arn", "fallback_topic_arn")
    @classmethod
    def _topic(cls, arn: str | None) -> str | None:
        return None if arn is None else _topic_arn(arn)

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.fallback_topic_arn is None and self.fallback_api_url is not None:
            raise ValueError("fallback_api_url is the endpoint of fallback_topic_arn, which is missing")
        if self.fallback_topic_arn is not None and region(self.fallback_topic_arn) == region(self.topic_arn):
            raise ValueError(f"fallback_topic_arn is in {region(self.topic_arn)} too; name a topic in another region")
        return self


def region(topic_arn: str) -> str:
    """The region a topic lives in."""
    return topic_arn.split(":")[3]


def traits(name: str, config: SnsConfig) -> ChannelTraits:
    """What the flush must know of a topic."""
    return ChannelTraits(name, "sns", f"sns:{config.topic_arn}", takes_updates=False, follow_ups=True)


class Sns:
    """One SNS topic."""

    def __init__(self, name: str, config: SnsConfig, doors: Doors) -> None:
        self._config = config
        self._doors = doors
        self._traits = traits(name, config)

    @property
    def traits(self) -> ChannelTraits:
        """No updates: subscribers get mail, and a published message cannot be edited."""
        return self._traits

    @property
    def follow_ups(self) -> FollowUps:
        """A message of its own, whose attribute ``event`` is ``evidence``."""
        return FollowUps(self)

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """SNS takes thousands a second."""
        return None

    def doubles(self, delivery: Delivery) -> bool:  # noqa: ARG002
        """A FIFO topic drops what it was sent within the last five minutes."""
        return not self._config.topic_arn.endswith(".fifo")

    async def send(self, delivery: Delivery) -> Receipt:
        """Publish once; where that fails and there is a topic in another region, once there too.

        A region that asks for patience has it for the first tries: the other one is no place for what comes in bursts.
        """
        config = self._config
        if config.fallback_topic_arn is None:
            return Receipt(detail=f"published as {await self._publish(delivery, config.topic_arn, config.api_url)}")
        try:
            found = await self._publish(delivery, config.topic_arn, config.api_url)
        except DeliveryError as error:
            if error.retry_after is not None and delivery.attempts < PATIENCE:
                raise
            return await self._elsewhere(delivery, config.fallback_topic_arn, error)
        return Receipt(detail=f"published as {found}")

    async def _elsewhere(self, delivery: Delivery, topic: str, first: DeliveryError) -> Receipt:
        try:
            found = await self._publish(delivery, topic, self._config.fallback_api_url)
        except DeliveryError as second:
            raise both(first, second, region(topic)) from None
        return Receipt(detail=f"published in {region(topic)} as {found}, because {first.detail}")

    async def _publish(self, delivery: Delivery, topic: str, endpoint: str | None) -> str:
        """One attempt; two of them share the time that one send may take."""
        within = self._doors.timeout / (2 if self._config.fallback_topic_arn else 1)
        said = arguments(delivery, topic, self._config.body)
        return await publish(self._doors.aws, region(topic), endpoint, said, within)

    async def find(self, delivery: Delivery) -> Receipt | None:  # noqa: ARG002
        """Never knows: SNS keeps nothing to look at; a FIFO topic drops what was sent already."""
        return None


def both(first: DeliveryError, second: DeliveryError, where: str) -> DeliveryError:
    """What two failures mean together: if either may have arrived, so may the delivery."""
    detail = f"{first.detail}; in {where}: {second.detail}"
    if isinstance(first, Ambiguous) or isinstance(second, Ambiguous):
        return Ambiguous(detail)
    permanent = all(isinstance(error, Rejected) and error.permanent for error in (first, second))
    return Rejected(detail, permanent=permanent)


def arguments(delivery: Delivery, topic: str, kind: str = "text") -> dict[str, Any]:
    """What Publish is called with.

    A FIFO topic deduplicates by delivery, never by incident: with the incident as deduplication id a resolve
    within five minutes of its trigger would vanish (https://github.com/prometheus/alertmanager/issues/3699).
    """
    attributes = _attributes(delivery)
    room = SIZE_LIMIT - sum(utf8_bytes("".join((name, *typed))) for name, typed in attributes.items())
    published: dict[str, Any] = {
        "TopicArn": topic,
        "Subject": subject(delivery.notice),
        "Message": body(delivery, room) if kind == "json" else cut(message.body(delivery), room, utf8_bytes),
        "MessageAttributes": {name: {"DataType": of, "StringValue": value} for name, (of, value) in attributes.items()},
    }
    if topic.endswith(".fifo"):
        published |= {"MessageGroupId": delivery.incident_id, "MessageDeduplicationId": delivery.id}
    return published


def body(delivery: Delivery, room: int) -> str:
    """The message for machines: one JSON object of at most ``room`` bytes, with as many members as fit."""
    notice = delivery.notice
    told: dict[str, Any] = {
        "delivery": delivery.id,
        "subject": subject(notice),
        "title": message.title(notice),
        "rule": message.rule(notice),
        "runbook": message.runbook(notice),
        **message.document(notice),
    }
    while len(said := orjson.dumps(told)) > room and told["members"]:
        told["members"] = told["members"][:-1]
    return said.decode()


def subject(notice: Notice) -> str:
    """``[P1 FIRING] title`` in ASCII."""
    plain = unicodedata.normalize("NFKD", message.title(notice).replace(ELLIPSIS, "..."))
    told = one_line(plain.encode("ascii", "ignore").decode()) or message.rule(notice).encode("ascii", "ignore").decode()
    whole = f"[{message.status(notice)}] {told}".rstrip()
    return whole if len(whole) <= SUBJECT_LIMIT else whole[: SUBJECT_LIMIT - 3].rstrip() + "..."


def _attributes(delivery: Delivery) -> dict[str, tuple[str, str]]:
    notice = delivery.notice
    said = {
        "priority": str(delivery.tier),
        "rule": message.rule(notice),
        "event": str(delivery.event),
        "incident": delivery.incident_id,
        "delivery_id": delivery.id,
        "environment": notice.environment,
    }
    told = {name: cut(one_line(value), _ATTRIBUTE_LIMIT) for name, value in said.items()}
    return {name: ("String", value) for name, value in told.items() if value}
