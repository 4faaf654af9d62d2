"""Amazon SNS: one publish per delivery, with attributes that filter policies can match.

Limits: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. MessageStructure is never ``json``: it
would take the attributes away from most subscribers.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

from pydantic import field_validator

from watchtower.aws.publish import publish
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Receipt
from watchtower.notifiers import message
from watchtower.notifiers.channel import ChannelConfig, Endpoint
from watchtower.notifiers.text import ELLIPSIS, cut, one_line, utf8_bytes

if TYPE_CHECKING:
    from watchtower.model import Delivery, Notice
    from watchtower.notifiers.base import Doors, Pace

#: A subject is shorter than 100 characters, ASCII, on one line.
SUBJECT_LIMIT = 99
#: Bytes of body and attributes together.
SIZE_LIMIT = 256 * 1024

_ATTRIBUTE_LIMIT = 256
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


class SnsConfig(ChannelConfig):
    """``{type: sns, topic_arn: "arn:aws:sns:eu-west-1:111122223333:alerts"}``; the ARN names the region."""

    type: Literal["sns"]
    topic_arn: str
    api_url: Endpoint | None = None

    @field_validator("topic_arn")
    @classmethod
    def _topic(cls, arn: str) -> str:
        if _TOPIC_ARN.fullmatch(arn) is None:
            raise ValueError(f"{arn!r} is not a topic's ARN; write it like arn:aws:sns:eu-west-1:111122223333:alerts")
        return arn

    @property
    def region(self) -> str:
        """The region the topic lives in."""
        return self.topic_arn.split(":")[3]

    @property
    def fifo(self) -> bool:
        """The topic keeps order and deduplicates."""
        return self.topic_arn.endswith(".fifo")


def traits(name: str, config: SnsConfig) -> ChannelTraits:
    """What the flush must know of a topic."""
    return ChannelTraits(name, "sns", f"sns:{config.topic_arn}", takes_updates=False)


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

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """SNS takes thousands a second."""
        return None

    async def send(self, delivery: Delivery) -> Receipt:
        """Publish once."""
        region, endpoint = self._config.region, self._config.api_url
        said = arguments(delivery, self._config)
        found = await publish(self._doors.aws, region, endpoint, said, self._doors.timeout)
        return Receipt(detail=f"published as {found}")

    async def find(self, delivery: Delivery) -> Receipt | None:  # noqa: ARG002
        """Never knows: SNS keeps nothing to look at; a FIFO topic drops what was sent already."""
        return None


def arguments(delivery: Delivery, config: SnsConfig) -> dict[str, Any]:
    """What Publish is called with.

    A FIFO topic deduplicates by delivery, never by incident: with the incident as deduplication id a resolve
    within five minutes of its trigger would vanish (https://github.com/prometheus/alertmanager/issues/3699).
    """
    attributes = _attributes(delivery)
    room = SIZE_LIMIT - sum(utf8_bytes(name + kind + value) for name, (kind, value) in attributes.items())
    published: dict[str, Any] = {
        "TopicArn": config.topic_arn,
        "Subject": subject(delivery.notice),
        "Message": cut(message.body(delivery), room, utf8_bytes),
        "MessageAttributes": {
            name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
        },
    }
    if config.fifo:
        published |= {"MessageGroupId": delivery.incident_id, "MessageDeduplicationId": delivery.id}
    return published


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
