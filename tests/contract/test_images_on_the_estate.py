"""The ecr source against the simulated AWS: every status, every page, tags that move, images that run and go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.registries import BAD, JOBS, QUARTER, WEB, flaws, pushed, registry, world
from tests.support.simulated_aws import REGION
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.images import Flaw, PushedImage, Repository, Task
from watchtower.errors import SourceError
from watchtower.model import Labels, TroubleReason, Truth

# -- what is counted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enhanced", [False, True], ids=["basic", "enhanced"])
async def test_an_image_with_3_critical_and_16_high_findings_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, enhanced: bool
) -> None:
    status = "ACTIVE" if enhanced else "COMPLETE"
    image = pushed("akai/web", "1.4.2", "latest", flaws=BAD, scans=((0, status),))
    async with world(monkeypatch, registry(image, enhanced=enhanced)) as aws:
        seen = await aws.one(severity=["CRITICAL", "HIGH"])
        critical = await aws.value(severity=["CRITICAL"])
    assert seen.identity == Labels({"account": "main", "region": REGION, "repository": "akai/web"})
    assert dict(seen.context) == {"tag": "1.4.2", "digest": image.digest}
    assert (seen.points[-1][1], critical) == (19.0, 3.0)
    assert seen.reason == "3 critical, 16 high in akai/web:1.4.2"
    assert len(seen.evidence) == 10
    fix = ", fixed in 3.0.2" if enhanced else ", no fix"
    assert seen.evidence[0] == (
        f"CRITICAL 9.8 CVE-2026-CRITICAL-0 in openssl 3.0.1{fix}; akai/web:1.4.2; "
        "https://cve.example.com/CVE-2026-CRITICAL-0"
    )


async def test_enhanced_pages_end_at_a_hundred_and_all_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (*flaws("MEDIUM", 180), *flaws("HIGH", 250), Flaw("CVE-S", "HIGH", suppressed=True))
    image = pushed(flaws=many, scans=((0, "ACTIVE"),))
    async with world(monkeypatch, registry(image, enhanced=True)) as aws:
        assert await aws.value(severity=["HIGH"]) == 250
        assert aws.server.calls["DescribeImageScanFindings"] == 5
        assert await aws.value(severity=["LOW"]) == 0
        assert aws.server.calls["DescribeImageScanFindings"] == 6, "the summary says that there are none"


async def test_pages_may_be_short_or_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, registry(pushed(flaws=BAD), pushed("akai/jobs"), repositories=(WEB, JOBS))) as aws:
        aws.faults.add(Fault(Kind.PAGE_SIZE, operation="Describe*", pages=1))
        aws.faults.add(Fault(Kind.EMPTY_PAGE, operation="Describe*", pages=1))
        answer = await aws.answer()
    assert [(one.identity["repository"], one.points[-1][1]) for one in answer.observations] == [
        ("akai/jobs", 0.0),
        ("akai/web", 19.0),
    ]


async def test_a_finding_moves_between_severities_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    moving = Flaw("CVE-1", "HIGH", moves=((1800, "CRITICAL"), (2700, "LOW")), until=3600)
    async with world(monkeypatch, registry(pushed(flaws=(moving,)))) as aws:
        values = []
        for _ in range(4):
            values.append((await aws.value(severity=["CRITICAL"]), await aws.value(severity=["HIGH"])))
            aws.clock.advance(QUARTER)
    assert values == [(0, 1), (1, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("enhanced", [False, True], ids=["basic", "enhanced"])
async def test_a_rule_counts_its_own_severities_whatever_others_ask_of_the_same_scan(
    monkeypatch: pytest.MonkeyPatch, enhanced: bool
) -> None:
    image = pushed(flaws=(Flaw("CVE-1", "LOW"),), scans=((0, "ACTIVE" if enhanced else "COMPLETE"),))
    async with world(monkeypatch, registry(image, enhanced=enhanced)) as aws:
        result = await aws.poll_all({"Bad": {"severity": ["CRITICAL"]}, "Low": {"severity": ["LOW"]}})
    seen = [(answer.rule, one.points[-1][1], one.reason) for answer in result.answers for one in answer.observations]
    assert seen == [("Bad", 0.0, "no critical findings in akai/web:1.0"), ("Low", 1.0, "1 low in akai/web:1.0")]


async def test_findings_behind_a_hundred_suppressed_ones_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (*flaws("HIGH", 100, package="zlib", suppressed=True), *flaws("HIGH", 30))
    async with world(monkeypatch, registry(pushed(flaws=many, scans=((0, "ACTIVE"),)), enhanced=True)) as aws:
        assert await aws.value() == 30.0


async def test_a_number_of_findings_that_nobody_knows_changes_nothing_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = (*flaws("HIGH", 60, package="zlib", suppressed=True), Flaw("CVE-1", "CRITICAL"))
    image = pushed(flaws=many, scans=((0, "ACTIVE"),))
    async with world(monkeypatch, registry(image, enhanced=True)) as aws:
        aws.faults.add(Fault(Kind.MISCOUNT, operation="DescribeImageScanFindings", pages=7))
        result = await aws.poll_all({"High": {"severity": ["HIGH"]}, "Critical": {"severity": ["CRITICAL"]}})
        [counted], [held] = (answer.observations for answer in result.answers)
    words = "akai/web:1.0: the summary counts 7 high findings, its pages list 0 and 60 suppressed ones"
    assert (held.truth, held.points, held.reason) == (Truth.NOT_FETCHED, (), words)
    assert (counted.truth, counted.points[-1][1]) == (Truth.VALUE, 1.0)
    assert [(one.reason, one.detail) for one in result.troubles] == [(TroubleReason.PARTIAL, words)]


# -- every status -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
async def test_a_scan_that_is_done_gives_a_number(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    async with world(monkeypatch, registry(pushed(flaws=BAD, scans=((0, status),)))) as aws:
        assert await aws.value() == 19
        assert await aws.value(value="unscanned") == 0


@pytest.mark.parametrize("status", ["IN_PROGRESS", "PENDING"])
async def test_a_scan_on_its_way_holds_for_a_day_and_is_then_missing(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    async with world(monkeypatch, registry(pushed(scans=((0, status),)))) as aws:
        for value in ("findings", "unscanned"):
            seen = await aws.one(value=value)
            assert (seen.truth, seen.points) == (Truth.NOT_FETCHED, ())
            assert seen.reason == f"the scan of akai/web:1.0 is {status}"
        aws.clock.advance(86_400)
        aws.restart()
        seen = await aws.one(value="unscanned")
    assert (seen.truth, seen.points[-1][1]) == (Truth.VALUE, 1.0)
    assert seen.reason == f"akai/web:1.0 is not scanned: {status} for more than 1d"


@pytest.mark.parametrize(
    "status",
    [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "SOMETHING_NEW",
    ],
)
async def test_what_is_not_scanned_is_never_healthy_and_says_why(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    image = pushed(flaws=BAD, scans=((0, status),), description="The operating system is not supported.")
    why = f"akai/web:1.0 is not scanned: {status} (The operating system is not supported)"
    async with world(monkeypatch, registry(image)) as aws:
        seen, gap = await aws.one(), await aws.one(value="unscanned")
    assert (seen.truth, seen.points, seen.reason) == (Truth.NO_DATA, (), why)
    assert (gap.points[-1][1], gap.reason, gap.evidence) == (1.0, why, (why,))


async def test_an_image_that_nobody_scanned_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, registry(pushed(scans=()))) as aws:
        seen = await aws.one(value="unscanned")
    assert (seen.points[-1][1], seen.reason) == (1.0, "akai/web:1.0 is not scanned: no scan was made of it")


# -- which images -----------------------------------------------------------------------------------------------------


async def test_latest_is_the_image_pushed_last_and_no_signature_or_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = pushed("akai/web", f"sha256-{'a' * 64}.sig", at=600)
    chart = pushed("akai/web", "chart", at=600, kind="application/vnd.cncf.helm.config.v1+json")
    old, new = pushed("akai/web", "latest", flaws=BAD), pushed("akai/web", "latest", "2.0", at=1000)
    async with world(monkeypatch, registry(old, new, signature, chart)) as aws:
        before = await aws.one()
        aws.clock.advance(QUARTER)
        after = await aws.one()
    assert (before.context["digest"], before.points[-1][1]) == (old.digest, 19.0)
    assert (after.context["digest"], after.context["tag"], after.points[-1][1]) == (new.digest, "2.0", 0.0)
    assert before.identity == after.identity
    assert [value for _, value in after.points] == [19.0, 0.0]


async def test_an_image_of_several_architectures_has_the_findings_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = PushedImage("akai/web", at=-10, flaws=(*flaws("HIGH", 2), Flaw("CVE-arm", "HIGH")))
    intel = PushedImage("akai/web", at=-11, flaws=flaws("HIGH", 2))
    index = pushed("akai/web", "1.0", at=-10, parts=(intel, arm))
    async with world(monkeypatch, registry(index)) as aws:
        seen = await aws.one()
    assert (seen.points[-1][1], seen.reason) == (3.0, "3 high in akai/web:1.0")


async def test_each_tag_that_fits_is_a_series_and_follows_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = pushed("akai/web", "prod", "1.0", flaws=BAD), pushed("akai/web", "prod-eu", "prod", at=1000)
    async with world(monkeypatch, registry(old, new)) as aws:
        query: dict[str, Any] = {"images": {"tags": ["prod*"]}}
        before = (await aws.answer(**query)).observations
        aws.clock.advance(QUARTER)
        after = (await aws.answer(**query)).observations
    assert {(one.identity["tag"], one.points[-1][1]) for one in before} == {("prod", 19.0)}
    assert {(one.identity["tag"], one.points[-1][1]) for one in after} == {("prod", 0.0), ("prod-eu", 0.0)}
    assert dict(after[0].context) == {"digest": new.digest}


async def test_a_repository_that_is_deleted_is_gone_with_its_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Repository("akai/web", until=1000)
    async with world(monkeypatch, registry(pushed(flaws=BAD), repositories=(shop, JOBS))) as aws:
        first = await aws.one()
        aws.clock.advance(QUARTER)
        answer = await aws.answer()
        assert not answer.complete, "half of the repositories are not believed to be gone at once"
    assert (answer.gone, answer.observations) == ((first.identity,), ())


# -- what runs --------------------------------------------------------------------------------------------------------


async def test_in_use_are_the_images_that_tasks_of_services_run(monkeypatch: pytest.MonkeyPatch) -> None:
    old = pushed("akai/web", "1.0", flaws=(*flaws("HIGH", 2), Flaw("CVE-old", "HIGH")))
    new = pushed("akai/web", "2.0", at=100, flaws=flaws("HIGH", 2))
    newest = pushed("akai/web", "3.0", at=200, flaws=BAD)
    tasks = (Task(old, until=1000), Task(new, until=2000), Task(newest, service=""))
    async with world(monkeypatch, registry(old, new, newest, tasks=tasks)) as aws:
        both = await aws.one(images="in_use")
        aws.clock.advance(QUARTER)
        one = await aws.one(images="in_use")
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="ListTasks", times=1))
        blind = await aws.answer(images="in_use")
        aws.clock.advance(2 * QUARTER)
        none = await aws.answer(images="in_use")
    assert (both.points[-1][1], both.reason) == (3.0, "3 high in akai/web (2 images)"), "shared ones count once"
    assert (one.points[-1][1], one.context["digest"]) == (2.0, new.digest)
    assert [(held.identity, held.truth) for held in blind.observations] == [(one.identity, Truth.FORBIDDEN)]
    assert (none.gone, none.observations, blind.complete) == ((one.identity,), (), False)


async def test_an_image_that_runs_and_was_deleted_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pushed("akai/web", "1.0", until=500)
    async with world(monkeypatch, registry(image, tasks=(Task(image),))) as aws:
        seen, gap = await aws.one(images="in_use"), await aws.one(images="in_use", value="unscanned")
    assert (seen.truth, gap.points[-1][1]) == (Truth.NO_DATA, 1.0)
    assert gap.reason == f"akai/web@{image.digest[:19]} runs, but its repository has it no more"


async def test_what_runs_from_another_accounts_registry_is_not_ours_though_the_name_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mirror = pushed("akai/web", "1.0", flaws=BAD)
    async with world(monkeypatch, registry(mirror, tasks=(Task(mirror, registry="444455556666"),))) as aws:
        for value in ("findings", "unscanned"):
            answer = await aws.answer(images="in_use", value=value)
            assert (answer.observations, answer.complete) == ((), True)


async def test_what_runs_is_known_though_the_accounts_number_is_told_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pushed("akai/web", "1.0", flaws=BAD)
    async with world(monkeypatch, registry(image, tasks=(Task(image),))) as aws:
        aws.faults.add(Fault(Kind.THROTTLE, operation="GetCallerIdentity"))
        result = await aws.poll(images="in_use")
        assert (result.answers[0].complete, [one.reason for one in result.troubles]) == (False, ["unreachable"])
        aws.faults.clear()
        await aws.sign_in_again()
        assert await aws.value(images="in_use") == 19.0
        aws.faults.add(Fault(Kind.THROTTLE, operation="GetCallerIdentity"))
        await aws.sign_in_again()
        assert await aws.value(images="in_use") == 19.0


# -- when AWS fails ---------------------------------------------------------------------------------------------------


async def test_what_is_forbidden_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, registry(pushed(flaws=BAD))) as aws:
        await aws.poll()
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribeImageScanFindings"))
        result = await aws.poll()
        [seen] = result.answers[0].observations
        assert (seen.truth, result.answers[0].complete) == (Truth.FORBIDDEN, True)
        assert [one.reason for one in result.troubles] == [TroubleReason.FORBIDDEN]
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribeImages"))
        result = await aws.poll()
        [seen] = result.answers[0].observations
        assert (seen.truth, result.answers[0].complete) == (Truth.FORBIDDEN, False)
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribeRepositories", region="us-east-1"))
        with pytest.raises(SourceError, match="DescribeRepositories"):
            await aws.poll(region="us-east-1")


async def test_throttled_calls_are_tried_again_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, registry(pushed(flaws=BAD))) as aws:
        aws.faults.add(Fault(Kind.THROTTLE, operation="DescribeImageScanFindings", times=2))
        started = aws.clock.monotonic()
        result = await aws.poll()
        assert (result.answers[0].observations[0].points[-1][1], result.troubles) == (19.0, ())
        assert aws.clock.monotonic() > started
        aws.faults.add(Fault(Kind.THROTTLE, operation="DescribeImageScanFindings"))
        result = await aws.poll()
        [seen] = result.answers[0].observations
    assert (seen.truth, [one.reason for one in result.troubles]) == (Truth.NOT_FETCHED, [TroubleReason.THROTTLED])


async def test_after_a_restart_the_repositories_are_known_though_they_cannot_be_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(monkeypatch, registry(pushed(flaws=BAD))) as aws:
        await aws.poll()
        aws.clock.advance(QUARTER)
        aws.restart()
        aws.faults.add(Fault(Kind.SERVER_ERROR, operation="DescribeRepositories"))
        result = await aws.poll()
    [seen] = result.answers[0].observations
    assert [value for _, value in seen.points] == [19.0, 19.0]
    assert (result.answers[0].complete, len(result.troubles)) == (False, 1)
