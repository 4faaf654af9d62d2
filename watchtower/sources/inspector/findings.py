"""Findings and gaps of coverage as Inspector lists them: ListFindings and ListCoverage, every page.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.model import TroubleReason
from watchtower.sources.inspector.query import IMAGE, INSTANCE
from watchtower.sources.vulnerabilities.finding import Finding, enhanced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.inventory.paging import Calls
    from watchtower.sources.base import Place
    from watchtower.sources.inspector.query import InspectorQuery

#: Entries on a page of each listing, and pages that one poll reads of one.
_FINDINGS, _COVERED, MOST_PAGES = 100, 200, 500
#: ARNs that one filter takes.
ARNS = 10

_IN_A_REPOSITORY = re.compile(r"arn:[\w-]+:ecr:[^:]*:[^:]*:repository/(.+)/(sha256:[0-9a-f]+)")
#: The tag by which AWS marks the instances of an Auto Scaling group.
_GROUP = "aws:autoscaling:groupName"
_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[^:]*:[^:]*:function:([^:]+)(?::.+)?")

#: Reasons for which nothing is missing: somebody chose so, or there is nothing to scan.
NO_GAP = frozenset(
    {
        "EXCLUDED_BY_TAG", "RESOURCE_TERMINATED", "EC2_INSTANCE_STOPPED", "RESOURCE_STOPPED", "IMAGE_ARCHIVED",
        "PENDING_INITIAL_SCAN", "SCAN_IN_PROGRESS", "PENDING_REVIVAL_SCAN", "SUCCESSFUL",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """What has findings: a repository, an Auto Scaling group, an instance of none, a function.

    The images of a repository and the instances of a group come and go.
    """

    type: str
    name: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding; ``used``: its resource runs, as far as Inspector tells.

    Of an instance: ``group`` is its Auto Scaling group, ``machine_image`` what it was made of, ``launched`` when (epoch
    seconds, 0 where that is not told).
    """

    arn: str
    resource: Resource
    finding: Finding
    status: str
    fix: str
    exploit: str
    used: bool
    group: str = ""
    machine_image: str = ""
    launched: int = 0

    @property
    def digest(self) -> bytes:
        """Eight bytes that stay the same over a re-scan, a tag that moves, and a rebuild that changed nothing.

        A vulnerability of packages is known by its resource, its name and theirs (without versions); what has no
        packages, as an open port, by its ARN, or in an Auto Scaling group by its name.
        """
        named = self.finding.packages or self.group
        return _digest(self.resource, self.resource.name, *(self._parts if named else [self.arn]))

    @property
    def origin(self) -> bytes | None:
        """What an instance shares with the one that it replaces: the finding in their group, or else in their image."""
        made_of = self.group or self.machine_image
        return _digest(self.resource, "origin", made_of, *self._parts) if made_of else None

    @property
    def _parts(self) -> list[str]:
        return [self.finding.name, *sorted({package.partition(" ")[0] for package in self.finding.packages})]

    def matches(self, query: InspectorQuery, *, any_severity: bool = False) -> bool:
        """Whether the rule means it: AWS filters what it can, the rest is left out here."""
        return (
            self.status == "ACTIVE"
            and self.resource.type in query.resources
            and (any_severity or self.finding.severity in query.severity)
            and query.fix_available in (None, self.fix in ("YES", "PARTIAL"))
            and query.exploit_available in (None, self.exploit == "YES")
            and (self.used or not query.in_use)
        )


def _digest(resource: Resource, *parts: str) -> bytes:
    text = "\x1f".join([resource.type, resource.account, *parts])
    return blake2b(text.encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Gap:
    """A scan that is missing, and why in Inspector's words."""

    resource: Resource
    where: str
    scan: str
    why: str
    used: bool

    def __str__(self) -> str:
        return f"{self.where}: no {self.scan.lower()} scan, {self.why}"


async def list_findings(calls: Calls, place: Place, criteria: Mapping[str, Any]) -> list[Found]:
    """The findings that fit the filters; raises SourceError, also when there are more than can be read."""
    raws = await _listed(calls, place, "list_findings", "findings", filterCriteria=criteria, maxResults=_FINDINGS)
    return [read_finding(raw) for raw in raws]


async def named_findings(calls: Calls, place: Place, arns: Sequence[str]) -> list[Found]:
    """These findings (ten at most) as they are now, whatever became of them; deleted ones are absent."""
    named = [{"comparison": "EQUALS", "value": arn} for arn in arns]
    wanted = {"filterCriteria": {"findingArn": named}, "maxResults": _FINDINGS}
    raws = await _listed(calls, place, "list_findings", "findings", **wanted)
    return [found for raw in raws if (found := read_finding(raw)).arn in arns]


async def list_gaps(calls: Calls, place: Place, query: InspectorQuery) -> list[Gap]:
    """The resources that are not scanned, without those that need not be; raises SourceError."""
    listings = (
        _listed(calls, place, "list_coverage", "coveredResources", filterCriteria=criteria, maxResults=_COVERED)
        for criteria in query.coverage
    )
    answers = await asyncio.gather(*listings)
    gaps = [
        _gap(raw) for raws in answers for raw in raws if (raw.get("scanStatus") or {}).get("statusCode") == "INACTIVE"
    ]
    mine = (gap for gap in gaps if gap.resource.type in query.resources and (gap.used or not query.in_use))
    return [gap for gap in mine if gap.why not in NO_GAP]


async def _listed(calls: Calls, place: Place, operation: str, name: str, **request: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    listing = pages(calls, place.account, place.region, "inspector2", operation, "nextToken", **request)
    number = 0
    async with aclosing(listing) as answers:
        async for page in answers:
            if number == MOST_PAGES:
                words = f"{operation}: there are more than {len(found)} {name}; narrow the rule"
                raise SourceError(TroubleReason.INVALID, words)
            found += page.get(name, ())
            number += 1
    return found


def read_finding(raw: Mapping[str, Any]) -> Found:
    """A finding as Inspector writes it."""
    first = (raw.get("resources") or [{}])[0]
    details = first.get("details") or {}
    image, host = details.get("awsEcrContainerImage") or {}, details.get("awsEc2Instance") or {}
    kind, identifier = str(first.get("type", "")), str(first.get("id", ""))
    group = _group(kind, first.get("tags"))
    name = str(image.get("repositoryName") or "") or group or resource_name(identifier)
    launched = host.get("launchedAt")
    return Found(
        arn=str(raw.get("findingArn", "")),
        resource=Resource(kind, name, str(raw.get("awsAccountId", ""))),
        finding=enhanced(raw, _where(identifier, image.get("imageTags") or (), group)),
        status=str(raw.get("status", "")),
        fix=str(raw.get("fixAvailable") or "NO"),
        exploit=str(raw.get("exploitAvailable") or "NO"),
        used=kind != IMAGE or int(image.get("inUseCount") or 0) > 0,
        group=group,
        machine_image=str(host.get("imageId") or ""),
        launched=int(epoch(launched)) if launched else 0,
    )


def _group(kind: str, tags: Mapping[str, str] | None) -> str:
    """The Auto Scaling group of an instance; empty where it is of none."""
    return str((tags or {}).get(_GROUP) or "") if kind == INSTANCE else ""


def resource_name(identifier: str) -> str:
    """The name that outlives an image or a version: of a repository, a function; else as Inspector has it."""
    found = _IN_A_REPOSITORY.fullmatch(identifier) or _FUNCTION.fullmatch(identifier)
    return found[1] if found else identifier


def _where(identifier: str, tags: Sequence[str], group: str) -> str:
    """How people know the resource: an image by its first tag that is not ``latest``, else by its digest."""
    found = _IN_A_REPOSITORY.fullmatch(identifier)
    if found is None:
        return f"{group} ({identifier})" if group else resource_name(identifier)
    tag = min(tags, key=lambda one: (one == "latest", one), default="")
    return f"{found[1]}:{tag}" if tag else f"{found[1]}@{found[2][:19]}"


def _gap(raw: Mapping[str, Any]) -> Gap:
    kind, identifier = str(raw.get("resourceType", "")), str(raw.get("resourceId", ""))
    metadata = raw.get("resourceMetadata") or {}
    image, group = metadata.get("ecrImage") or {}, _group(kind, (metadata.get("ec2") or {}).get("tags"))
    return Gap(
        resource=Resource(kind, group or resource_name(identifier), str(raw.get("accountId", ""))),
        where=_where(identifier, image.get("tags") or (), group),
        scan=str(raw.get("scanType") or "PACKAGE"),
        why=str((raw.get("scanStatus") or {}).get("reason") or "unknown"),
        used=kind != IMAGE or int(image.get("inUseCount") or 0) > 0,
    )
