"""What each status of a scan means, written out here as AWS names them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from watchtower.inventory.images import Image
from watchtower.sources.base import Place
from watchtower.sources.ecr.scans import read_scan

#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
MEANING = {
    "COMPLETE": "scanned",
    "ACTIVE": "scanned",
    "IN_PROGRESS": "waiting",
    "PENDING": "waiting",
    "FAILED": "unscanned",
    "UNSUPPORTED_IMAGE": "unscanned",
    "SCAN_ELIGIBILITY_EXPIRED": "unscanned",
    "FINDINGS_UNAVAILABLE": "unscanned",
    "LIMIT_EXCEEDED": "unscanned",
    "IMAGE_ARCHIVED": "unscanned",
}
IMAGE = Image("akai/web", f"sha256:{'a' * 64}", ("1.0",))


class Answering:
    """AWS, with one answer for each call."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    async def call(self, account: str, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        return self._answer


@pytest.mark.parametrize(("status", "meaning"), [*MEANING.items(), ("SOMETHING_NEW", "unscanned"), (None, "unscanned")])
async def test_each_status_means_what_aws_says_of_it(status: str | None, meaning: str) -> None:
    answer = {"imageScanStatus": {"status": status} if status else {}, "imageScanFindings": {}}
    scan = await read_scan(Answering(answer), Place("main", "eu-west-1"), IMAGE, ["HIGH"])
    assert (scan.outcome, bool(scan.why)) == (meaning, meaning != "scanned")


def test_no_status_that_aws_knows_is_forgotten() -> None:
    statuses = botocore.session.get_session().get_service_model("ecr").shape_for("ScanStatus").enum
    assert set(statuses) == MEANING.keys()


class Paging:
    """AWS, with a page for each call; the last one is followed by another where ``endless``."""

    def __init__(self, summary: dict[str, int] | None, *pages: list[str], endless: bool = False) -> None:
        self._summary, self._pages, self._endless = summary, pages, endless
        self.calls = 0

    async def call(self, account: str, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """``A`` is an active finding of high severity, ``S`` a suppressed one."""
        page = self._pages[min(self.calls, len(self._pages) - 1)]
        self.calls += 1
        told = [{"severity": "HIGH", "status": "ACTIVE" if one == "A" else "SUPPRESSED", "title": one} for one in page]
        counts = {"findingSeverityCounts": self._summary} if self._summary is not None else {}
        more = {"nextToken": str(self.calls)} if self._endless or self.calls < len(self._pages) else {}
        content = {"enhancedFindings": told, **counts}
        return {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": content, **more}


@pytest.mark.parametrize(
    ("summary", "pages", "active", "unlisted"),
    [
        (30, ["S" * 100, "A" * 30], 30, 0),
        (130, ["S" * 100, "A" * 30], 30, 0),
        (0, ["S" * 100, "S" * 30], 0, 0),
        (100, ["S" * 100], 0, 0),
        (8, ["A" * 5, ""], 5, 3),
        (2, ["A" * 5, "A"], 6, 0),
        (None, ["S" * 100, "A" * 30], 30, 0),
    ],
)
async def test_pages_are_read_until_what_is_not_suppressed_accounts_for_the_summary(
    summary: int | None, pages: list[str], active: int, unlisted: int
) -> None:
    aws = Paging(None if summary is None else {"HIGH": summary}, *map(list, pages))
    scan = await read_scan(aws, Place("main", "eu-west-1"), IMAGE, ["HIGH"])
    assert (len(scan.findings), sum(scan.unlisted.values()), dict(scan.doubts)) == (active, unlisted, {})
    assert aws.calls == (1 if summary == 0 else len(pages))


@pytest.mark.parametrize(("summary", "page"), [(100, "S" * 150), (30, "SS" + "A" * 29), (200, "S" * 100 + "A")])
async def test_a_summary_that_its_pages_contradict_is_doubted(summary: int, page: str) -> None:
    scan = await read_scan(Paging({"HIGH": summary}, list(page)), Place("main", "eu-west-1"), IMAGE, ["HIGH", "LOW"])
    active, hidden = page.count("A"), page.count("S")
    listed = f"its pages list {active} and {hidden} suppressed ones"
    assert dict(scan.doubts) == {"HIGH": f"the summary counts {summary} high findings, {listed}"}


async def test_more_pages_than_are_read_are_never_health() -> None:
    place = Place("main", "eu-west-1")
    scan = await read_scan(Paging(None, ["S"], endless=True), place, IMAGE, ["HIGH"])
    assert dict(scan.doubts) == {"HIGH": "the first 100 pages list no high findings, and there are more pages"}
    scan = await read_scan(Paging({"HIGH": 3}, ["S"], endless=True), place, IMAGE, ["HIGH"])
    assert (dict(scan.unlisted), dict(scan.doubts)) == ({"HIGH": 3}, {})
    scan = await read_scan(Paging(None, ["A"], endless=True), place, IMAGE, ["HIGH"])
    assert (len(scan.findings), dict(scan.doubts)) == (100, {})
