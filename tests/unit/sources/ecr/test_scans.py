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
