"""Inspector: findings of images, instances and functions with their filters, and what it does not cover.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws import fields
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Refusal
from watchtower.demo.images import PushedImage, Registry, Scanned
from watchtower.model import stable_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchtower.demo.estate import Estate
    from watchtower.demo.images import Flaw

_NONE = Registry()
_HOUR = 3600
_FILTERS = 10
_FINDINGS, _COVERED = 100, 200
_IMAGE = "AWS_ECR_CONTAINER_IMAGE"
_INSTANCE = "AWS_EC2_INSTANCE"
#: Filters by text, and where a finding has what they look at.
_TEXTS = {
    "findingArn": "findingArn", "findingStatus": "status", "severity": "severity", "fixAvailable": "fixAvailable",
    "exploitAvailable": "exploitAvailable", "awsAccountId": "awsAccountId",
}  # fmt: skip


class Inspector:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def list_findings(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the findings that fit every filter; closed ones are among them unless a filter says otherwise."""
        registry, since = self._registry(call), call.at - self._estate.start
        criteria = fields.structure(call.params, "filterCriteria") or {}
        _check(criteria)
        images = [one for one in registry.there(since) if one.status(since)] if registry.enhanced else []
        seen: tuple[PushedImage | Scanned, ...] = (*images, *registry.scanned)
        found = [
            finding_of(call, registry, one, flaw, self._estate.start)
            for one in seen
            for flaw in one.flaws
            if flaw.since <= since
        ]
        return self._paged(call, faults, "findings", [one for one in found if _fits(one, criteria)], _FINDINGS)

    def list_coverage(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of what is scanned, and of what is not."""
        registry, since = self._registry(call), call.at - self._estate.start
        criteria = fields.structure(call.params, "filterCriteria") or {}
        _check(criteria)
        images = registry.there(since) if registry.enhanced else []
        known: tuple[PushedImage | Scanned, ...] = (*images, *registry.scanned)
        found = [_covered(call, registry, one, since) for one in known]
        fitting = [one for one in found if _covers(one, criteria)]
        return self._paged(call, faults, "coveredResources", fitting, _COVERED)

    def _registry(self, call: Call) -> Registry:
        return self._estate.registries.get((call.account, call.region), _NONE)

    def _paged(
        self, call: Call, faults: Sequence[Fault], name: str, found: Sequence[Any], most: int
    ) -> Mapping[str, Any]:
        size = fields.integer(call.params, "maxResults") or most
        if not 1 <= size <= most:
            raise _invalid(f"maxResults must be between 1 and {most}")
        token = fields.text(call.params, "nextToken")
        same = {key: value for key, value in call.params.items() if key != "nextToken"}
        mark = fingerprint(call.account, call.region, call.operation, same)
        if token:
            followed = self._pager.follow(token, mark)
            if followed is None:
                raise _invalid("nextToken is not valid")
            page, more, _ = followed
        else:
            pages = cut(found, sized(faults, Kind.PAGE_SIZE, size), empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {name: page, **({"nextToken": more} if more else {})}


def finding_of(
    call: Call, registry: Registry, resource: PushedImage | Scanned, flaw: Flaw, start: float
) -> dict[str, Any]:
    """A finding as Inspector tells it, and ECR with it; it is seen again every hour."""
    since = call.at - start
    there = _resource(call, registry, resource, since)
    status = "CLOSED" if since >= flaw.until else "SUPPRESSED" if flaw.suppressed else "ACTIVE"
    number = stable_hash(there["id"], flaw.id, flaw.package)
    package = {"name": flaw.package, "version": flaw.version, "fixedInVersion": flaw.fixed or "NotAvailable"}
    return {
        "findingArn": f"arn:aws:inspector2:{call.region}:{call.account}:finding/{number}",
        "awsAccountId": call.account,
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{flaw.id} - {flaw.package}",
        "description": f"A flaw in {flaw.package}",
        "severity": flaw.severity_at(since),
        "status": status,
        "firstObservedAt": start + flaw.since,
        "lastObservedAt": call.at // _HOUR * _HOUR,
        "updatedAt": start + flaw.until if status == "CLOSED" else call.at // _HOUR * _HOUR,
        "inspectorScore": flaw.score,
        "score": flaw.score,
        "fixAvailable": "YES" if flaw.fixed else "NO",
        "exploitAvailable": "YES" if flaw.exploit else "NO",
        "resources": [there],
        "packageVulnerabilityDetails": {
            "vulnerabilityId": flaw.id,
            "sourceUrl": f"https://cve.example.com/{flaw.id}",
            "vulnerablePackages": [package],
        },
    }


def _resource(call: Call, registry: Registry, resource: PushedImage | Scanned, since: float) -> dict[str, Any]:
    if isinstance(resource, Scanned):
        there = {"type": resource.type, "id": resource.id, "region": call.region, "tags": resource.tags}
        if resource.type != _INSTANCE:
            return there
        launched = call.at - since + resource.launched
        return {**there, "details": {"awsEc2Instance": {"imageId": resource.image, "launchedAt": launched}}}
    details = {
        "repositoryName": resource.repository,
        "imageHash": resource.digest,
        "imageTags": list(registry.tags(resource, since)),
        "inUseCount": _uses(registry, resource, since),
    }
    return {"type": _IMAGE, "id": _arn(call, resource), "details": {"awsEcrContainerImage": details}}


def _covered(call: Call, registry: Registry, resource: PushedImage | Scanned, since: float) -> dict[str, Any]:
    there = _resource(call, registry, resource, since)
    image = (there.get("details") or {}).get("awsEcrContainerImage") or {}
    status = "" if isinstance(resource, Scanned) else resource.status(since)
    reason = resource.reason if isinstance(resource, Scanned) else "" if status == "ACTIVE" else status
    scan = resource.scan if isinstance(resource, Scanned) else "PACKAGE"
    used = {"tags": image["imageTags"], "inUseCount": image["inUseCount"]} if image else {}
    host = {"ec2": {"tags": resource.tags}} if there["type"] == _INSTANCE and isinstance(resource, Scanned) else {}
    return {
        "resourceType": there["type"],
        "resourceId": there["id"],
        "accountId": call.account,
        "scanType": scan,
        "scanStatus": {"statusCode": "INACTIVE" if reason else "ACTIVE", "reason": reason or "SUCCESSFUL"},
        "resourceMetadata": {"ecrImage": used} if used else host,
    }


def _arn(call: Call, image: PushedImage) -> str:
    return f"arn:aws:ecr:{call.region}:{call.account}:repository/{image.repository}/{image.digest}"


def _uses(registry: Registry, image: PushedImage, since: float) -> int:
    return sum(task.image.digest == image.digest for task in registry.running(since))


def _check(criteria: Mapping[str, Any]) -> None:
    for name, values in criteria.items():
        if not isinstance(values, list) or not 1 <= len(values) <= _FILTERS:
            raise _invalid(f"{name} must have 1 to {_FILTERS} filters")


def _fits(finding: Mapping[str, Any], criteria: Mapping[str, Any]) -> bool:
    there = finding["resources"][0]
    image = (there.get("details") or {}).get("awsEcrContainerImage") or {}
    vulnerability = finding["packageVulnerabilityDetails"]["vulnerabilityId"]
    texts = {name: finding[where] for name, where in _TEXTS.items()}
    texts |= {"resourceType": there["type"], "vulnerabilityId": vulnerability}
    numbers = {"ecrImageInUseCount": image.get("inUseCount"), "updatedAt": finding["updatedAt"]}
    return _all(criteria, texts, numbers)


def _covers(covered: Mapping[str, Any], criteria: Mapping[str, Any]) -> bool:
    image = covered["resourceMetadata"].get("ecrImage") or {}
    texts = {"scanStatusCode": covered["scanStatus"]["statusCode"], "resourceType": covered["resourceType"]}
    return _all(criteria, texts, {"ecrImageInUseCount": image.get("inUseCount")})


def _all(criteria: Mapping[str, Any], texts: Mapping[str, str], numbers: Mapping[str, float | None]) -> bool:
    for name, filters in criteria.items():
        if name in numbers:
            if not _reaches(numbers[name], filters):
                return False
        elif name not in texts:
            raise _invalid(f"the simulated Inspector knows no filter {name}")
        elif texts[name] not in {one["value"] for one in filters}:
            return False
    return True


def _reaches(number: float | None, filters: Iterable[Mapping[str, float]]) -> bool:
    least = (one.get("startInclusive", one.get("lowerInclusive", 0)) for one in filters)
    return number is not None and any(one <= number for one in least)


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)
