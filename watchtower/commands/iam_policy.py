"""What ``watchtower iam-policy`` prints: the least that the rules, queues and channels of a configuration need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.aws.config import role_account_id
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.sns import SnsConfig
from watchtower.sources.permissions import TAGGED
from watchtower.sources.table import spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchtower.aws.config import EventsConfig
    from watchtower.config import Config, Loaded


def policy(loaded: Loaded, account: str | None = None) -> dict[str, Any]:
    """The policy of whoever reads this account; without one, of everybody together.

    Roles are assumed and topics published to by the identity of the default chain alone.
    """
    config = loaded.config
    default = [one.name for one in config.aws.accounts if one.role_arn is None]
    found = [
        _statement("Read", _reading(loaded, account), ["*"]),
        *_queues(config, account),
    ]
    if account is None or account in default:
        roles = [one.role_arn for one in config.aws.accounts if one.role_arn is not None]
        found.append(_statement("ActInOtherAccounts", ["sts:AssumeRole"], roles))
        found.append(_statement("PublishToTheTopicsOfChannels", ["sns:Publish"], _topics(config)))
    return {"Version": "2012-10-17", "Statement": [one for one in found if one is not None]}


def _statement(sid: str, actions: Iterable[str], resources: Iterable[str]) -> dict[str, Any] | None:
    """One statement; None where nothing is to be allowed."""
    named, where = sorted(set(actions)), sorted(set(resources))
    if not named or not where:
        return None
    return {"Sid": sid, "Effect": "Allow", "Action": named, "Resource": where if where != ["*"] else "*"}


def _reading(loaded: Loaded, account: str | None) -> set[str]:
    config = loaded.config
    mine = [
        rule
        for rule in loaded.rules
        if rule.enabled and (account is None or not rule.accounts or account in rule.accounts)
    ]
    actions = {action for rule in mine for action in spec_of(rule.source).actions(rule.query)}
    metrics = [rule for rule in mine if rule.source in TAGGED]
    if metrics and config.aws.label_tags:
        actions.add("tag:GetResources")
    if mine and any(isinstance(one, SlackConfig) and one.graph == "aws" for one in config.channels.values()):
        actions.add("cloudwatch:GetMetricWidgetImage")
    return actions


def _queues(config: Config, account: str | None) -> Iterator[dict[str, Any] | None]:
    mine = [one for one in config.aws.events if account in (None, one.account)]
    arns = {one: _queue_arn(config, one) for one in mine}
    yield _statement("ReadTheQueuesOfEvents", ["sqs:DeleteMessage", "sqs:ReceiveMessage"], arns.values())
    named = [arn for one, arn in arns.items() if one.name == one.queue]
    yield _statement("FindTheQueuesOfEvents", ["sqs:GetQueueUrl"], named)


def _queue_arn(config: Config, events: EventsConfig) -> str:
    """The queue's ARN; the number of an account is known from its role or the URL, else any."""
    role = next(one.role_arn for one in config.aws.accounts if one.name == events.account)
    number = role_account_id(role) if role else None
    by_url = events.queue.split("/")[-2:-1]
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(events.region.rsplit("-", 2)[0], "aws")
    owner = by_url[0] if by_url and by_url[0].isdigit() else number or "*"
    return f"arn:{partition}:sqs:{events.region}:{owner}:{events.name}"


def _topics(config: Config) -> Iterator[str]:
    for channel in config.channels.values():
        if isinstance(channel, SnsConfig):
            canary = channel.canary.topic_arn if channel.canary else None
            yield from filter(None, (channel.topic_arn, channel.fallback_topic_arn, canary))
