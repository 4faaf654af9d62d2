"""What a scan of an image says: DescribeImageScanFindings, every status, every page.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.model import TroubleReason
from watchtower.sources.vulnerabilities.finding import Finding, basic, enhanced, severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

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

    ``unlisted`` counts by severity those that the scan's summary has and its pages have not; ``doubts`` says by
    severity why the number is not believed. ``error`` is what AWS said instead of an answer.
    """

    image: Image
    outcome: Outcome
    why: str = ""
    findings: tuple[Finding, ...] = ()
    unlisted: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    error: SourceError | None = None

    def only(self, wanted: Collection[str]) -> Scan:
        """The same scan for somebody who asks for these severities: it was read for all rules of a place at once."""
        return replace(
            self,
            findings=tuple(each for each in self.findings if each.severity in wanted),
            unlisted={name: number for name, number in self.unlisted.items() if name in wanted},
            doubts={name: why for name, why in self.doubts.items() if name in wanted},
        )

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
            read.take(page)
            if read.agreed or read.pages >= MOST_PAGES:
                break
    return Scan(
        image, Outcome.SCANNED, findings=tuple(read.found), unlisted=read.unlisted(), doubts=dict(read.doubts())
    )


class _Read:
    """What was read of an image's findings so far; its summary counts all of them, whatever a page holds.

    AWS does not say whether the summary counts what is suppressed, so either is taken for agreement once all is read.
    """

    def __init__(self, image: Image, wanted: Collection[str]) -> None:
        self._image = image
        self._wanted = wanted
        self.pages = 0
        self.found: list[Finding] = []
        self._ended = False
        self._summed = False
        self._promised: Counter[str] = Counter()
        self._suppressed: Counter[str] = Counter()

    def take(self, page: Mapping[str, Any]) -> None:
        """One page."""
        content = page.get("imageScanFindings") or {}
        self.pages += 1
        self._ended = not page.get("nextToken")
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
    def agreed(self) -> bool:
        """Whether the summary is accounted for without what is suppressed: further pages hold nothing asked for."""
        return self._summed and self._active == self._promised

    def unlisted(self) -> Counter[str]:
        """Those of the summary that no page held, by severity; on pages that were not read anything may be."""
        missing = self._promised - self._active
        return missing - self._suppressed if self._ended else missing

    def doubts(self) -> Iterator[tuple[str, str]]:
        """The severities whose number nobody knows, and why: too low a number would pass for health."""
        for name in self._wanted:
            promised, active, hidden = self._promised[name], self._active[name], self._suppressed[name]
            if self._ended and hidden and active < promised != active + hidden:
                listed = f"its pages list {active} and {hidden} suppressed ones"
                yield name, f"the summary counts {promised} {name.lower()} findings, {listed}"
            elif not self._ended and not self._summed and not active:
                yield name, f"the first {self.pages} pages list no {name.lower()} findings, and there are more pages"

    @property
    def _active(self) -> Counter[str]:
        return Counter(each.severity for each in self.found)


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
