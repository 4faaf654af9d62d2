"""EC2's instance status, Auto Scaling, Service Quotas, AWS Health and SES, as far as announcements need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.clock import from_epoch
from watchtower.demo.announced import Announced, Machine, Notice, Planned, ScalingGroup, ServiceQuota, at
from watchtower.demo.aws import fields
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Items, Refusal
from watchtower.model import stable_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate

_NONE = Announced()
_TOKEN = "nextToken"  # noqa: S105 -- a page's
#: Where AWS Health answers, and whose events it tells.
_HEALTH_HOME = "us-east-1"
#: Services that have quotas, whether the estate counts one of them or not.
_SERVICES = ("autoscaling", "ec2", "ecs", "elasticloadbalancing", "lambda", "rds", "vpc")
_FILTERS = (("regions", "region"), ("eventStatusCodes", "statusCode"), ("eventTypeCategories", "eventTypeCategory"))


class Announcements:
    """What the simulated services share: the place of a call, and pages."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def place(self, call: Call) -> Announced:
        """What is announced where the call looks."""
        return self._estate.announced.get((call.account, call.region), _NONE)

    def since(self, call: Call) -> float:
        """Seconds after the estate's start."""
        return call.at - self._estate.start

    def epoch(self, moment: float) -> float:
        """The epoch seconds of a moment of the story; what was always there is a day old."""
        return self._estate.start + max(moment, -86_400.0)

    def page(
        self, call: Call, faults: Sequence[Fault], found: Sequence[Any], size: int, token: str = _TOKEN
    ) -> tuple[Sequence[Any], dict[str, str]]:
        """One page, and the token of the next under its name; raises Refusal for a token of another request."""
        same = {key: value for key, value in call.params.items() if key != token}
        mark = fingerprint(call.account, call.region, call.operation, same)
        if call.params.get(token):
            followed = self._pager.follow(str(call.params[token]), mark)
            if followed is None:
                raise Refusal("InvalidNextToken", "The token is not one of this request.")
            page, more, _ = followed
        else:
            pages = cut(found, sized(faults, Kind.PAGE_SIZE, size), empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return page, {token: more} if more else {}

    # -- EC2 -----------------------------------------------------------------------------------------------------------

    def describe_instance_status(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html

        Only what runs, unless all instances are asked for.
        """
        everything = call.params.get("IncludeAllInstances") == "true"
        there = [one for one in at(self.place(call).machines, self.since(call)) if everything or one.state == "running"]
        found = [self._status(one, self.since(call)) for one in there]
        size = _counted(call.params.get("MaxResults", "1000"), 5, 1000, "MaxResults")
        page, more = self.page(call, faults, found, size, "NextToken")
        following = {"nextToken": more["NextToken"]} if more else {}
        return {"instanceStatusSet": Items("item", page), **following}

    def _status(self, one: Machine, moment: float) -> dict[str, Any]:
        events = [self._event(one, planned, moment) for planned in at(one.events, moment)]
        ordinary = "ok" if one.state == "running" else "not-applicable"
        checks = {name: "impaired" if name in one.impaired else ordinary for name in ("system", "instance")}
        return {
            "instanceId": one.id,
            "availabilityZone": one.zone,
            "instanceState": {"code": 16, "name": one.state},
            "systemStatus": {"status": checks["system"]},
            "instanceStatus": {"status": checks["instance"]},
            "eventsSet": Items("item", events),
        }

    def _event(self, one: Machine, planned: Planned, moment: float) -> dict[str, Any]:
        done = "[Completed] " if moment >= planned.completed else ""
        return {
            "instanceEventId": f"instance-event-{stable_hash(one.id, planned.kind)}",
            "code": planned.kind,
            "description": f"{done}The instance is running on degraded hardware",
            "notBefore": f"{from_epoch(self._estate.start + planned.not_before):%Y-%m-%dT%H:%M:%S.000Z}",
        }

    # -- Auto Scaling --------------------------------------------------------------------------------------------------

    def describe_auto_scaling_groups(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html"""
        found = [_group(call, one) for one in at(self.place(call).groups, self.since(call))]
        size = _counted(call.params.get("MaxRecords", "50"), 1, 100, "MaxRecords")
        page, more = self.page(call, faults, found, size, "NextToken")
        return {"AutoScalingGroups": page, **more}

    # -- quotas --------------------------------------------------------------------------------------------------------

    def list_service_quotas(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html"""
        service = fields.text(call.params, "ServiceCode") or ""
        found = [_quota(one) for one in self.place(call).quotas if one.service == service]
        if not found and service not in _SERVICES:
            raise Refusal("NoSuchResourceException", f"The request failed because service {service} does not exist.")
        page, more = self.page(call, faults, found, _limit(call, "MaxResults", 1, 100), "NextToken")
        return {"Quotas": page, **more}

    # -- AWS Health ----------------------------------------------------------------------------------------------------

    def describe_events(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/health/latest/APIReference/API_DescribeEvents.html

        One endpoint tells of all regions, to accounts with a support plan that has it.
        """
        own = {region: one for (account, region), one in self._estate.announced.items() if account == call.account}
        if call.region != _HEALTH_HOME or all(one.health is None for one in own.values()):
            raise Refusal("SubscriptionRequiredException", "You must subscribe to a support plan with the API.", 400)
        wanted = fields.structure(call.params, "filter") or {}
        told = [
            _notice(notice, notice.region or region, self.epoch(notice.since))
            for region, one in own.items()
            for notice in at(one.health or (), self.since(call))
        ]
        named = (
            ("regions", "region"),
            ("eventStatusCodes", "statusCode"),
            ("eventTypeCategories", "eventTypeCategory"),
        )
        for key, name in named:
            allowed = fields.items(wanted, key)
            told = [event for event in told if not allowed or event[name] in allowed]
        page, more = self.page(call, faults, told, _limit(call, "maxResults", 10, 100))
        return {"events": page, **more}

    # -- SES -----------------------------------------------------------------------------------------------------------

    def get_account(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html"""
        mail = at(self.place(call).mail, self.since(call))[-1]
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": mail.enforcement,
            "ProductionAccessEnabled": True,
            "SendQuota": {"Max24HourSend": mail.most, "MaxSendRate": 14.0, "SentLast24Hours": mail.sent},
            "SendingEnabled": mail.sending,
        }


def _group(call: Call, one: ScalingGroup) -> dict[str, Any]:
    instances = [
        {
            "InstanceId": f"i-{stable_hash(one.name, str(number))}",
            "AvailabilityZone": f"{call.region}{'abc'[number % 3]}",
            "LifecycleState": "InService" if number < one.in_service else "Pending",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": "false",
        }
        for number in range(one.desired)
    ]
    suspended = [{"ProcessName": name, "SuspensionReason": "User suspended"} for name in one.suspended]
    own = {"ResourceId": one.name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": "true"}
    return {
        "AutoScalingGroupName": one.name,
        "MinSize": 0,
        "MaxSize": 10,
        "DesiredCapacity": one.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": [f"{call.region}a"],
        "HealthCheckType": "ELB",
        "CreatedTime": "2026-01-01T00:00:00Z",
        "Instances": instances,
        "SuspendedProcesses": suspended,
        "Tags": [{**own, "Key": key, "Value": value} for key, value in one.tags.items()],
    }


def _quota(one: ServiceQuota) -> dict[str, Any]:
    usage = {
        "MetricNamespace": "AWS/Usage",
        "MetricName": one.metric,
        "MetricDimensions": one.dimensions,
        "MetricStatisticRecommendation": "Sum" if one.per_second else "Maximum",
    }
    return {
        "ServiceCode": one.service,
        "QuotaCode": one.code,
        "QuotaName": one.name,
        "Value": one.value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        **({"UsageMetric": usage} if one.dimensions else {}),
        **({"Period": {"PeriodValue": 1, "PeriodUnit": "SECOND"}} if one.per_second else {}),
    }


def _notice(one: Notice, region: str, starts: float) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:health:{region}::event/{one.service}/{one.kind}/{one.kind}_1",
        "service": one.service,
        "eventTypeCode": one.kind,
        "eventTypeCategory": one.category,
        "region": region,
        "startTime": starts,
        "lastUpdatedTime": starts,
        "statusCode": one.status,
        "eventScopeCode": "ACCOUNT_SPECIFIC",
    }


def _limit(call: Call, name: str, least: int, most: int) -> int:
    return _counted(str(call.params.get(name, most)), least, most, name)


def _counted(given: str, least: int, most: int, name: str) -> int:
    if not given.isdecimal() or not least <= int(given) <= most:
        raise Refusal("InvalidParameterValue", f"{name} must be between {least} and {most}.")
    return int(given)
