"""What AWS announces by itself, read only as far as it says which unit should look: pure.

A message is EventBridge's, or SES's notification, either of them bare or wrapped by SNS. Nothing else in it is
believed: the poll that follows finds what is true, so duplicates and disorder cannot do harm.

https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_DATABASES = frozenset({"rds_topology", "rds_balance"})
_GROUPS = frozenset({"asg"})
_SCANS = frozenset({"ecr", "inspector"})
_MAIL = frozenset({"ses"})

#: Who announces, what, and which sources should look.
KINDS: Mapping[tuple[str, str], frozenset[str]] = {
    ("aws.ecr", "ECR Image Scan"): frozenset({"ecr"}),
    ("aws.ecr", "ECR Image Action"): frozenset({"ecr"}),
    ("aws.inspector2", "Inspector2 Scan"): _SCANS,
    ("aws.inspector2", "Inspector2 Finding"): _SCANS,
    ("aws.inspector2", "Inspector2 Coverage"): _SCANS,
    ("aws.ec2", "EC2 Instance State-change Notification"): frozenset({"ec2_events", "asg"}),
    ("aws.autoscaling", "EC2 Instance Launch Successful"): _GROUPS,
    ("aws.autoscaling", "EC2 Instance Launch Unsuccessful"): _GROUPS,
    ("aws.autoscaling", "EC2 Instance Terminate Successful"): _GROUPS,
    ("aws.autoscaling", "EC2 Instance Terminate Unsuccessful"): _GROUPS,
    ("aws.health", "AWS Health Event"): frozenset({"health", "ec2_events"}),
    ("aws.rds", "RDS DB Instance Event"): _DATABASES,
    ("aws.rds", "RDS DB Cluster Event"): _DATABASES,
    ("aws.ecs", "ECS Task State Change"): frozenset({"ecs"}),
    ("aws.ecs", "ECS Deployment State Change"): frozenset({"ecs"}),
    ("aws.ecs", "ECS Service Action"): frozenset({"ecs"}),
    ("aws.ses", "Email Bounced"): _MAIL,
    ("aws.ses", "Email Complaint Received"): _MAIL,
    ("aws.ses", "Email Rejected"): _MAIL,
    ("aws.ses", "Email Rendering Failed"): _MAIL,
}

#: SES's own notifications that can move a reputation.
_MAIL_KINDS = frozenset({"Bounce", "Complaint", "Reject", "Rendering Failure"})

#: The sources that any message can wake.
TOLD = frozenset(source for sources in KINDS.values() for source in sources)


@dataclass(frozen=True, slots=True)
class News:
    """Which sources should look, and where; ``account`` has twelve digits, and an empty word means any.

    ``repository`` is the one whose images it is about, where it is about images.
    """

    sources: frozenset[str]
    account: str
    region: str
    repository: str = ""


def read(body: str) -> News | None:
    """What a message is about, None where its kind is not known; raises ValueError when it is no JSON object."""
    message, topic = _object(body), ""
    if message.get("Type") == "Notification" and "TopicArn" in message:
        message, topic = _object(message.get("Message")), _word(message["TopicArn"])
    if "detail-type" in message:
        return _event(message)
    return _mail(message, topic)


def _object(text: object) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, Mapping):
        return found
    raise ValueError("the message is no JSON object")


def _event(event: Mapping[str, Any]) -> News | None:
    source, kind = _word(event.get("source")), _word(event["detail-type"])
    sources = KINDS.get((source, kind))
    if sources is None:
        return None
    account, region = _word(event.get("account")), _word(event.get("region"))
    detail = event.get("detail")
    told = detail if isinstance(detail, Mapping) else {}
    if source == "aws.health":
        # An event of a global service comes to us-east-1, and one of the organisation to who looks after it.
        region = _word(told.get("eventRegion")) or region
        return News(sources, _word(told.get("affectedAccount")) or account, "" if region == "global" else region)
    if source != "aws.inspector2":
        return News(sources, account, region, _word(told.get("repository-name")))
    repository = _scanned(told)
    return News(sources if repository else sources - {"ecr"}, account, region, repository)


def _scanned(detail: Mapping[str, Any]) -> str:
    """The repository that Inspector speaks of: named by its ARN, or with the image that a finding is about."""
    arn = _word(detail.get("repository-name"))
    if arn:
        return arn.partition(":repository/")[2] or arn
    resources = detail.get("resources")
    first = resources[0] if isinstance(resources, list) and resources else {}
    ids = (_word(each.get("id")) for each in (first, detail) if isinstance(each, Mapping))
    found = next((one for one in ids if ":repository/" in one), _word(detail.get("resource-id")))
    return found.partition(":repository/")[2].partition("/sha256:")[0]


def _mail(message: Mapping[str, Any], topic: str) -> News | None:
    kind = _word(message.get("notificationType")) or _word(message.get("eventType"))
    mail = message.get("mail")
    if kind not in _MAIL_KINDS or not isinstance(mail, Mapping):
        return None
    _, _, _, region, account, *_ = (*_word(mail.get("sourceArn") or topic).split(":"), *[""] * 5)
    return News(_MAIL, _word(mail.get("sendingAccountId")) or account, region)


def _word(value: object) -> str:
    """A text of bearable length; anything else means any."""
    return value if isinstance(value, str) and len(value) <= 1000 else ""
