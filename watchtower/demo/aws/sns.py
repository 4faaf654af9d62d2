"""SNS: Publish, with the limits that decide whether a message arrives at all.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.demo.aws.wire import Call, Refusal
from watchtower.model import stable_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.aws.faults import Fault
    from watchtower.demo.estate import Estate

_MOST_BYTES = 262_144
_SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!(?i:aws\.|amazon\.))[\w.-]{1,256}(?<!\.)", re.ASCII)
_TYPE = re.compile(r"(String|Number|Binary)(\.[\w.-]+)?")
_ENTRY = re.compile(r"MessageAttributes\.entry\.(\d+)\.(Name|Value\.(?:DataType|StringValue|BinaryValue))")


@dataclass(frozen=True, slots=True)
class Published:
    """A message the topic took; ``attributes`` are its string values by name, ``at`` is virtual time."""

    at: float
    topic_arn: str
    subject: str | None
    message: str
    attributes: Mapping[str, str]
    message_id: str


class Sns:
    """The simulated service; ``published`` keeps every accepted message in order."""

    def __init__(self, estate: Estate) -> None:
        self._topics = estate.topics
        self.published: list[Published] = []

    def publish(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """Take a message, or refuse it as SNS would."""
        topic = self._topic(call)
        subject, message = call.params.get("Subject"), call.params.get("Message", "")
        if not message:
            raise _invalid("Empty message")
        if subject is not None and not _SUBJECT.fullmatch(subject):
            raise _invalid("Subject")
        attributes = _attributes(call.params)
        weight = sum(len(text.encode()) for entry in attributes.values() for text in entry)
        weight += sum(len(name.encode()) for name in attributes) + len(message.encode())
        if weight > _MOST_BYTES:
            raise _invalid("Message too long")
        if call.params.get("MessageStructure") == "json":
            _check_structure(message)
        message_id = _uuid(stable_hash(topic, str(len(self.published))) * 2)
        values = {name: value for name, (_, value) in attributes.items()}
        self.published.append(Published(call.at, topic, subject, message, values, message_id))
        return {"MessageId": message_id}

    def _topic(self, call: Call) -> str:
        targets = [str(call.params[name]) for name in ("TopicArn", "TargetArn") if call.params.get(name)]
        parts = targets[0].split(":") if len(targets) == 1 else []
        if len(parts) != 6 or parts[2] != "sns" or parts[3] != call.region:
            raise _invalid("TopicArn")
        if parts[4] != call.account:
            raise Refusal(
                "AuthorizationError",
                f"User: {call.principal} is not authorized to perform: SNS:Publish on resource: {targets[0]}",
                403,
                "AuthorizationErrorException",
            )
        if targets[0] not in self._topics:
            raise Refusal("NotFound", "Topic does not exist", 404, "NotFoundException")
        return targets[0]


def _attributes(params: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Attribute name → (type, value), from the numbered form fields."""
    entries: dict[str, dict[str, str]] = {}
    for field, value in params.items():
        found = _ENTRY.fullmatch(field)
        if found:
            entries.setdefault(found[1], {})[found[2]] = value
    return {entry.get("Name", ""): _attribute(entry) for entry in entries.values()}


def _attribute(entry: Mapping[str, str]) -> tuple[str, str]:
    name, kind = entry.get("Name", ""), entry.get("Value.DataType", "")
    value = entry.get("Value.BinaryValue" if kind.startswith("Binary") else "Value.StringValue", "")
    if not _NAME.fullmatch(name) or not _TYPE.fullmatch(kind) or not value:
        raise Refusal(
            "ParameterValueInvalid",
            f"The message attribute '{name}' must have a valid name, type and non-empty value.",
            shape="InvalidParameterValueException",
        )
    if kind.startswith("Number") and not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value):
        raise Refusal(
            "ParameterValueInvalid",
            f"Could not cast message attribute '{name}' value to number.",
            shape="InvalidParameterValueException",
        )
    return kind, value


def _check_structure(message: str) -> None:
    try:
        parts = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise _invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(parts, dict) or not isinstance(parts.get("default"), str):
        raise _invalid("Message Structure - No default entry in JSON message body")


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _invalid(what: str) -> Refusal:
    return Refusal("InvalidParameter", f"Invalid parameter: {what}", shape="InvalidParameterException")
