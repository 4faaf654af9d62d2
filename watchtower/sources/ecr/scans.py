"""What a scan of an image says: DescribeImageScanFindings, every status, every page.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.model import TroubleReason
from watchtower.sources.vulnerabilities.finding import Finding, basic, enhanced, severity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watchtower.inventory.images import Image
    from watchtower.inventory.paging import Calls
    from watchtower.sources.base import Place

#: Findings asked for at once: basic scanning gives a thousand, enhanced a hundred whatever is asked
#: (https://github.com/boto/boto3/issues/3449).
_PAGE = 1000
#: Pages that are read of one image.
MOST_PAGES = 100


class Outcome(StrEnum):
    """What is known of an image.

    ``scanned``: its findings. ``unscanned``: nobody knows its vulnerabilities, and that will not change by itself.
    ``waiting``: a scan is on its way. ``unseen``: AWS could not be asked.
    """

    SCANNED = "scanned"
    UNSCANNED = "unscanned"
    WAITING = "waiting"
    UNSEEN = "unseen"


#: Each status and what it means. Findings of an image whose eligibility ended are of the past: a vulnerability that was
#: published since is in none of them. What a newer AWS says is not known to be a scan.
STATUSES: Mapping[str, Outcome] = {
    "COMPLETE": Outcome.SCANNED,
    "ACTIVE": Outcome.SCANNED,
    "IN_PROGRESS": Outcome.WAITING,
    "PENDING": Outcome.WAITING,
    "FAILED": Outcome.UNSCANNED,
    "UNSUPPORTED_IMAGE": Outcome.UNSCANNED,
    "SCAN_ELIGIBILITY_EXPIRED": Outcome.UNSCANNED,
    "FINDINGS_UNAVAILABLE": Outcome.UNSCANNED,
    "LIMIT_EXCEEDED": Outcome.UNSCANNED,
    "IMAGE_ARCHIVED": Outcome.UNSCANNED,
}


@dataclass(frozen=True, slots=True)
class Scan:
    """The scan of one image: ``why`` there are no findings, or those of the severities asked for.

    ``unlisted`` counts by severity those that the scan's summary has and its pages have not; ``error`` is what AWS said
    instead of an answer.
    """

    image: Image
    outcome: Outcome
    why: str = ""
    findings: tuple[Finding, ...] = ()
    unlisted: Mapping[str, int] = field(default_factory=dict)
    error: SourceError | None = None

    @property
    def forbidden(self) -> bool:
        """Whether AWS refuses to tell."""
        return self.error is not None and self.error.reason == TroubleReason.FORBIDDEN


async def read_scan(calls: Calls, place: Place, image: Image, wanted: Collection[str]) -> Scan:
    """The scan of an image, with findings of the ``wanted`` severities; never raises for what AWS says."""
    try:
        return await _read(calls, place, image, wanted)
    except SourceError as error:
        if "ScanNotFoundException" in error.detail:
            return Scan(image, Outcome.UNSCANNED, "no scan was made of it")
        if "ImageNotFoundException" in error.detail:
            return Scan(image, Outcome.UNSEEN, f"{image.name} was deleted just now")
        return Scan(image, Outcome.UNSEEN, error.detail, error=error)


async def _read(calls: Calls, place: Place, image: Image, wanted: Collection[str]) -> Scan:
    request = {"repositoryName": image.repository, "imageId": {"imageDigest": image.digest}, "maxResults": _PAGE}
    operation = "describe_image_scan_findings"
    read = _Read(image, wanted)
    answers = pages(calls, place.account, place.region, "ecr", operation, "nextToken", **request)
    async with aclosing(answers) as following:
        async for page in following:
            if read.pages == 0 and (other := _other(image, page.get("imageScanStatus") or {})) is not None:
                return other
            read.take(page.get("imageScanFindings") or {})
            if read.enough:
                break
    return Scan(image, Outcome.SCANNED, findings=tuple(read.found), unlisted=read.unlisted)


class _Read:
    """What was read of an image's findings so far; its summary counts all of them, whatever a page holds."""

    def __init__(self, image: Image, wanted: Collection[str]) -> None:
        self._image = image
        self._wanted = wanted
        self.pages = 0
        self.found: list[Finding] = []
        self._summed = False
        self._promised: Counter[str] = Counter()
        self._suppressed: Counter[str] = Counter()

    def take(self, content: Mapping[str, Any]) -> None:
        """One page."""
        self.pages += 1
        for raw in content.get("findings") or ():
            self._add(basic(raw, self._image.name))
        for raw in content.get("enhancedFindings") or ():
            self._add(enhanced(raw, self._image.name), active=raw.get("status", "ACTIVE") == "ACTIVE")
        if counts := content.get("findingSeverityCounts"):
            self._promised = _promised(counts, self._wanted)
            self._summed = True

    def _add(self, finding: Finding, *, active: bool = True) -> None:
        if finding.severity not in self._wanted:
            return
        if active:
            self.found.append(finding)
        else:
            self._suppressed[finding.severity] += 1

    @property
    def enough(self) -> bool:
        """Whether further pages hold nothing that is asked for, or are too many."""
        listed = len(self.found) + self._suppressed.total()
        return self.pages >= MOST_PAGES or (self._summed and listed >= self._promised.total())

    @property
    def unlisted(self) -> Counter[str]:
        """Those of the summary that no page held, by severity."""
        return self._promised - Counter(each.severity for each in self.found) - self._suppressed


def _other(image: Image, status: Mapping[str, Any]) -> Scan | None:
    """What the status says where it is not that there are findings."""
    name, description = str(status.get("status") or "unknown"), str(status.get("description") or "")
    outcome = STATUSES.get(name, Outcome.UNSCANNED)
    if outcome is Outcome.SCANNED:
        return None
    return Scan(image, outcome, f"{name} ({description.rstrip('.')})" if description else name)


def _promised(counts: Mapping[str, Any], wanted: Collection[str]) -> Counter[str]:
    promised: Counter[str] = Counter()
    for name, number in counts.items():
        if severity(name) in wanted:
            promised[severity(name)] += int(number)
    return promised
