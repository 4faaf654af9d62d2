"""From scans to one value, without any AWS."""

from __future__ import annotations

from dataclasses import replace

from watchtower.inventory.images import Image, Running, running_image
from watchtower.model import Truth
from watchtower.sources.ecr.choose import Choice, choose
from watchtower.sources.ecr.count import judge, union
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.ecr.scans import Outcome, Scan
from watchtower.sources.vulnerabilities.finding import Finding

ONE, TWO = (Image("akai/web", f"sha256:{letter * 64}", (f"1.{letter}",)) for letter in "ab")
FINDINGS = EcrQuery(severity=("HIGH",))
BOTH = Choice("akai/web", (ONE, TWO))


def finding(name: str) -> Finding:
    return Finding(name, "HIGH", ("openssl 3.0.1",))


def scanned(image: Image, *names: str, **unlisted: int) -> Scan:
    return Scan(image, Outcome.SCANNED, findings=tuple(map(finding, names)), unlisted=unlisted)


def test_findings_that_images_share_count_once_and_those_that_one_has_twice_count_twice() -> None:
    assert len(union([[finding("a"), finding("a"), finding("b")], [finding("a"), finding("c")]])) == 4


def test_what_the_summary_has_beyond_the_pages_counts_too() -> None:
    verdict = judge(FINDINGS, BOTH, [scanned(ONE, "a", HIGH=2), scanned(TWO, "a", HIGH=5)])
    assert (verdict.value, verdict.reason) == (6.0, "6 high in akai/web (2 images)")


def test_one_image_without_a_scan_is_named_beside_the_findings_of_the_other() -> None:
    gap = Scan(TWO, Outcome.UNSCANNED, "FAILED")
    verdict = judge(FINDINGS, BOTH, [scanned(ONE), gap])
    assert verdict.value == 0.0
    assert verdict.reason == "no high findings in akai/web (2 images); akai/web:1.b is not scanned: FAILED"
    assert judge(EcrQuery(value="unscanned"), BOTH, [scanned(ONE), gap]).value == 1.0


def test_one_image_that_was_not_seen_holds_all() -> None:
    for outcome in (Outcome.UNSEEN, Outcome.WAITING):
        verdict = judge(FINDINGS, BOTH, [scanned(ONE, "a"), Scan(TWO, outcome, "PENDING")])
        assert (verdict.truth, verdict.value) == (Truth.NOT_FETCHED, None)


def test_an_index_is_later_than_what_it_lists() -> None:
    index = Image("akai/web", "sha256:0", ("1",), 100, index=True)
    part = Image("akai/web", "sha256:f", (), 100)
    assert [one.images for one in choose(EcrQuery(), {"akai/web": [index, part]}, ())] == [(index,)]
    assert choose(EcrQuery(), {"akai/web": []}, ()) == []


def test_an_image_runs_by_digest_else_by_tag_and_only_from_this_places_registry() -> None:
    own = ("111122223333", "eu-west-1")
    address = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/akai/web"
    assert running_image({"image": f"{address}:1", "imageDigest": "sha256:a"}, *own) == Running("akai/web", "sha256:a")
    assert running_image({"image": f"{address}:1@sha256:b"}, *own) == Running("akai/web", "sha256:b")
    assert running_image({"image": address}, *own) == Running("akai/web", tag="latest")
    assert running_image({"image": f"{address}:1"}, "111122223333", "us-east-1") is None
    assert running_image({"image": f"{address}:1"}, "444455556666", "eu-west-1") is None
    assert running_image({"image": "nginx:1", "imageDigest": "sha256:a"}, *own) is None


def test_a_rule_counts_its_own_severities_of_a_scan_that_was_read_for_several() -> None:
    low = Finding("b", "LOW", ("zlib 1",))
    scan = replace(scanned(ONE, "a", HIGH=2, LOW=5), findings=(finding("a"), low), doubts={"CRITICAL": "nobody knows"})
    one = Choice("akai/web", (ONE,))
    verdict = judge(FINDINGS, one, [scan])
    assert (verdict.value, verdict.reason) == (3.0, "3 high in akai/web:1.a")
    assert [line.split()[:2] for line in verdict.evidence] == [["HIGH", "a"]]
    assert judge(EcrQuery(severity=("LOW",)), one, [scan]).value == 6.0
    held = judge(EcrQuery(severity=("CRITICAL", "HIGH")), one, [scan])
    assert (held.truth, held.reason) == (Truth.NOT_FETCHED, "akai/web:1.a: nobody knows")
    assert judge(EcrQuery(value="unscanned"), one, [scan]).value == 0.0
