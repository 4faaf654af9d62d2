"""The ``aws:`` part of the configuration: which accounts are read, how, and when a datapoint is published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from watchtower.schema import Duration, Model
from watchtower.secrets import Secret
from watchtower.yamlfile import Whole, did_you_mean, told, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pydantic_core import InitErrorDetails

#: Labels every alert carries by itself; a tag may not pose as one of them.
RESERVED_LABELS = frozenset(
    {"alert", "alertname", "group", "source", "priority", "environment", "account", "account_id", "region"}
)

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?")
_QUEUE_URL = re.compile(r"https?://[^\s/?#]+/[^\s?#]*?[A-Za-z0-9_.-]+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/\S+")

#: (namespace, shortest period in seconds it applies to) → seconds, where AWS is slower than two minutes.
#:
#: - AWS/S3 storage metrics are reported once per day
#:   (https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html);
#:   request metrics are not affected.
#: - AWS/Billing is calculated several times daily
#:   (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html).
SLOW_NAMESPACES: dict[tuple[str, int], int] = {
    ("AWS/S3", 86_400): 86_400,
    ("AWS/Billing", 1): 21_600,
}

#: Seconds until PutMetricData and vended one-minute metrics show in statistics
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html).
DEFAULT_DELAY = 120
#: Seconds for periods of five minutes and more, whose last minute may be late.
SLOW_DELAY = 300


def label_of_tag(key: str) -> str:
    """The label name a tag key becomes: ``cost-center`` → ``cost_center``."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)
    return f"_{name}" if name[:1].isdigit() else name


def role_account_id(role_arn: str) -> str | None:
    """The account number inside a role's ARN."""
    found = _ROLE.fullmatch(role_arn)
    return found.group(1) if found else None


def _account_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not an account name; use letters, digits, dot, dash and underscore")
    return value


def _region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError(f"{value!r} is not a region; write it like eu-west-1")
    return value


def _role(value: str) -> str:
    if role_account_id(value) is None:
        raise ValueError(f"{value!r} is not a role; write it like arn:aws:iam::111122223333:role/watchtower")
    return value


def _endpoint(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
        raise ValueError(f"{value!r} is not an endpoint; write it like http://127.0.0.1:5000")
    return value


def _tag_key(value: str) -> str:
    label = label_of_tag(value)
    if not value:
        raise ValueError("a tag key may not be empty")
    if label in RESERVED_LABELS:
        raise ValueError(f"the tag {value!r} would replace the label {label!r} that every alert carries")
    return value


def _queue(value: str) -> str:
    if _QUEUE_NAME.fullmatch(value) or _QUEUE_URL.fullmatch(value):
        return value
    raise ValueError(f"{value!r} is not a queue; write its name, or its URL as SQS shows it")


def _twice(values: Sequence[str], what: str) -> Iterator[tuple[int, str]]:
    """Where a value stands that stood before, and what to say of it."""
    for number, value in enumerate(values):
        if value in values[:number]:
            yield number, f"{what} {value!r} is named twice"


class AccountConfig(Model):
    """One AWS account; without ``role_arn`` the SDK's default credential chain is used."""

    name: Annotated[str, AfterValidator(_account_name)]
    regions: tuple[Annotated[str, AfterValidator(_region)], ...] = Field(min_length=1)
    role_arn: Annotated[str, AfterValidator(_role)] | None = None
    external_id: Secret | None = None

    @field_validator("regions")
    @classmethod
    def _different_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        if found := [told_at((number,), message) for number, message in _twice(regions, "region")]:
            raise told(found)
        return regions

    @field_validator("external_id")
    @classmethod
    def _beside_a_role(cls, external_id: Secret | None, info: ValidationInfo) -> Secret | None:
        if external_id is not None and info.data.get("role_arn", "faulty") is None:
            raise ValueError("external_id is sent when a role is assumed; it needs role_arn beside it")
        return external_id


class EventsConfig(Model):
    """A queue that brings what AWS announces; the account's own credentials read it."""

    account: Annotated[str, AfterValidator(_account_name)]
    region: Annotated[str, AfterValidator(_region)]
    queue: Annotated[str, AfterValidator(_queue)]

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.queue.rpartition("/")[2]


class AwsConfig(Whole):
    """Everything Watchtower must know to read AWS.

    ``publication_delay`` (seconds) None means by namespace, see :func:`publication_delay`.
    """

    accounts: tuple[AccountConfig, ...] = ()
    events: tuple[EventsConfig, ...] = ()
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] | None = None
    publication_delay: Duration | None = None
    discovery_interval: Duration = Field(default=300.0, gt=0)
    label_tags: tuple[Annotated[str, AfterValidator(_tag_key)], ...] = ()
    monthly_budget_usd: float | None = Field(default=None, gt=0)

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """Names that are given twice."""
        if "accounts" not in unread:
            for number, message in _twice([account.name for account in self.accounts], "account"):
                yield told_at(("accounts", number, "name"), message)
        if "events" not in unread:
            yield from self._deaf("accounts" in unread)
        if "label_tags" not in unread:
            for number, message in _twice([label_of_tag(key) for key in self.label_tags], "the label of a tag"):
                yield told_at(("label_tags", number), message)

    def _deaf(self, unknown: bool) -> Iterator[InitErrorDetails]:
        """Queues of accounts that are not there, and a second one of a place."""
        names = [account.name for account in self.accounts]
        for number, one in enumerate(self.events):
            if not unknown and one.account not in names:
                message = f"there is no account {one.account!r}{did_you_mean(one.account, names)}"
                yield told_at(("events", number, "account"), message)
        places = [f"{one.account} {one.region}" for one in self.events]
        for number, message in _twice(places, "a queue of"):
            yield told_at(("events", number), f"{message}; one is enough, for a queue takes events of any source")


def publication_delay(config: AwsConfig, namespace: str, period: int) -> int:
    """Seconds after the end of a period until AWS has published its datapoint.

    The configured delay overrides all. Otherwise the slowest of: the default (120 s, 300 s for periods of
    five minutes and more) and the namespace's own cadence (:data:`SLOW_NAMESPACES`).
    """
    if config.publication_delay is not None:
        return round(config.publication_delay)
    general = SLOW_DELAY if period >= SLOW_DELAY else DEFAULT_DELAY
    own = [delay for (name, shortest), delay in SLOW_NAMESPACES.items() if name == namespace and period >= shortest]
    return max([general, *own])
