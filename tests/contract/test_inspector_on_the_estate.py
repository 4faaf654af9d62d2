"""The inspector source against the simulated AWS: a finding is told once, and ends when it is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.registries import BAD, QUARTER, flaws, pushed, registry, world
from tests.support.simulated_aws import REGION, START_EPOCH
from watchtower.aws.clients import AwsClients
from watchtower.clock import epoch
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.images import Flaw, Scanned, Task
from watchtower.errors import SourceError
from watchtower.model import Labels, TroubleReason, Truth
from watchtower.sources.inspector.closed import OVERLAP

if TYPE_CHECKING:
    from tests.support.place import World
    from watchtower.demo.images import PushedImage, Registry

LAMBDA = "arn:aws:lambda:eu-west-1:111122223333:function:resize:$LATEST"
HOST = "i-0123456789abcdef0"
SCANNED = ((0.0, "ACTIVE"),)


def image(*tags: str, **more: Any) -> PushedImage:
    return pushed("akai/web", *tags, scans=SCANNED, **more)


def inspected(*images: PushedImage, **more: Any) -> Registry:
    return registry(*images, enhanced=True, **more)


async def values(aws: World, **query: Any) -> dict[str, float]:
    answer = await aws.answer("inspector", **query)
    return {one.identity["resource"]: one.points[-1][1] for one in answer.observations}


async def new(aws: World) -> float:
    """How many new findings akai/web has a quarter of an hour later, as another process sees it."""
    aws.clock.advance(QUARTER)
    aws.restart()
    return (await values(aws, new_only=True)).get("akai/web", 0.0)


# -- what is counted --------------------------------------------------------------------------------------------------


async def test_images_instances_and_functions_are_counted_with_their_worst_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = (
        Scanned("AWS_EC2_INSTANCE", HOST, flaws("CRITICAL", 1)),
        Scanned("AWS_LAMBDA_FUNCTION", LAMBDA, flaws("HIGH", 2, fixed="")),
    )
    async with world(monkeypatch, inspected(image("1.0", "latest", flaws=BAD), scanned=others)) as aws:
        aws.faults.add(Fault(Kind.EMPTY_PAGE, operation="ListFindings", pages=2))
        found = await values(aws)
        fixable = await values(aws, fix_available=True, severity=["HIGH"])
        aws.memory.clear()
        [seen] = (await aws.answer("inspector", resources=["AWS_ECR_CONTAINER_IMAGE"])).observations
        alone = await values(aws, resources=["AWS_EC2_INSTANCE"], severity=["CRITICAL"])
    assert found == {"akai/web": 19.0, HOST: 1.0, "resize": 2.0}
    assert fixable == {"akai/web": 16.0, HOST: 0.0, "resize": 0.0}
    assert alone["i-0123456789abcdef0"] == 1.0
    labels = {"account": "main", "region": REGION, "resource": "akai/web", "resource_type": "AWS_ECR_CONTAINER_IMAGE"}
    assert (seen.identity, dict(seen.context)) == (Labels(labels), {"account_id": "111122223333"})
    assert seen.reason == "3 critical, 16 high active findings"
    assert len(seen.evidence) == 10
    assert seen.evidence[0] == (
        "CRITICAL 9.8 CVE-2026-CRITICAL-0 in openssl 3.0.1, fixed in 3.0.2; akai/web:1.0; "
        "https://cve.example.com/CVE-2026-CRITICAL-0"
    )


async def test_every_page_is_read_and_what_is_suppressed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Flaw("CVE-hidden", suppressed=True)
    async with world(monkeypatch, inspected(image(flaws=(*flaws("HIGH", 250), hidden)))) as aws:
        assert await values(aws) == {"akai/web": 250.0}
        assert aws.server.calls["ListFindings"] == 3 + 2, "and one page of each other kind"


async def test_exploits_and_images_that_run_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    old = image("1.0", flaws=(Flaw("CVE-1", exploit=True), Flaw("CVE-2")))
    run = image("2.0", at=100, flaws=(Flaw("CVE-3", exploit=True), Flaw("CVE-4"), Flaw("CVE-5")))
    async with world(monkeypatch, inspected(old, run, tasks=(Task(run, until=1000),))) as aws:
        assert await values(aws, exploit_available=True) == {"akai/web": 2.0}
        assert await values(aws, exploit_available=True, in_use=True) == {"akai/web": 1.0}
        assert await values(aws, resources=["AWS_ECR_CONTAINER_IMAGE"], in_use=True) == {"akai/web": 3.0}


async def test_a_resource_without_findings_is_well_and_then_no_series_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(monkeypatch, inspected(image(flaws=(Flaw("CVE-1", until=1000),)))) as aws:
        seen = []
        for _ in range(4):
            answer = await aws.answer("inspector")
            seen.append([value for one in answer.observations for _, value in one.points])
            aws.clock.advance(QUARTER)
        assert seen == [[1.0], [1.0, 0.0], [1.0, 0.0, 0.0], []]
        assert len(answer.gone) == 1


# -- what is new ------------------------------------------------------------------------------------------------------


async def test_the_first_look_is_told_in_one_line_of_the_log_and_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, inspected(image(flaws=BAD))) as aws:
        with capture_logs() as said:
            assert await values(aws, new_only=True) == {"akai/web": 0.0}
            assert await new(aws) == 0.0
    [line] = [each for each in said if each["event"] == "inspector.baseline"]
    assert (line["rule"], line["findings"], line["resources"]) == ("Rule", "3 critical, 16 high", 1)


async def test_a_new_finding_is_told_until_it_is_closed_over_restarts_and_scans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is seen again every hour, each time with another date of its update."""
    late = Flaw("CVE-new", since=1000, until=9000)
    async with world(monkeypatch, inspected(image(flaws=(*BAD, late)))) as aws:
        assert await values(aws, new_only=True) == {"akai/web": 0.0}
        assert [await new(aws) for _ in range(10)] == [1.0] * 8 + [0.0] * 2
        [memory] = aws.memory.values()
    assert len(memory) < 1000


async def test_a_tag_that_moves_and_a_rebuild_with_the_same_flaws_are_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    old, rebuilt = image("latest", flaws=BAD), image("latest", at=1000, flaws=BAD)
    worse = image("latest", at=2000, flaws=(*BAD, Flaw("CVE-new", package="zlib")))
    async with world(monkeypatch, inspected(old, rebuilt, worse)) as aws:
        await values(aws, new_only=True)
        assert [await new(aws) for _ in range(4)] == [0.0, 1.0, 1.0, 1.0]


async def test_a_severity_that_moves_is_told_once_and_stays_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One rises into what the rule asks for; then it falls below, and rises again."""
    moving = Flaw("CVE-1", "MEDIUM", moves=((1700, "CRITICAL"), (2600, "LOW"), (3500, "HIGH")), until=4400)
    known = Flaw("CVE-2", "HIGH", moves=((1700, "LOW"), (2600, "HIGH")))
    async with world(monkeypatch, inspected(image(flaws=(moving, known)))) as aws:
        assert await values(aws, new_only=True) == {"akai/web": 0.0}
        assert [await new(aws) for _ in range(4)] == [1.0, 1.0, 1.0, 0.0]
        calls = 3 * 5 + 2 + 1
        assert aws.server.calls["ListFindings"] == calls, "what is listed no more is asked after once a poll"


async def test_what_ceases_to_match_otherwise_is_told_no_more_and_its_return_is_no_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web = image(flaws=(Flaw("CVE-1", since=1000),))
    tasks = (Task(web, until=2000), Task(web, since=3000))
    async with world(monkeypatch, inspected(web, tasks=tasks)) as aws:
        found = []
        for _ in range(5):
            found.append((await values(aws, new_only=True, in_use=True)).get("akai/web", 0.0))
            aws.clock.advance(QUARTER)
    assert found == [0.0, 1.0, 0.0, 0.0, 0.0]


async def test_a_finding_that_was_closed_and_comes_back_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    flaw = Flaw("CVE-1", since=1000, until=2000)
    again = image("2.0", at=3000, flaws=(Flaw("CVE-1"),))
    async with world(monkeypatch, inspected(image(flaws=(flaw,)), again)) as aws:
        await values(aws, new_only=True)
        assert [await new(aws) for _ in range(4)] == [1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("later", [3000, 3000 + 86_400], ids=["soon", "after a day"])
async def test_one_of_the_baseline_that_was_closed_and_comes_back_is_news(
    monkeypatch: pytest.MonkeyPatch, later: float
) -> None:
    flaw = Flaw("CVE-1", until=2000)
    again = image("2.0", at=later, flaws=(Flaw("CVE-1"),))
    async with world(monkeypatch, inspected(image(flaws=(flaw,)), again)) as aws:
        await values(aws, new_only=True)
        assert [await new(aws) for _ in range(2)] == [0.0, 0.0]
        aws.clock.advance(later - 3000)
        assert [await new(aws) for _ in range(2)] == [1.0, 1.0]


async def test_one_of_the_baseline_that_is_closed_in_one_image_and_hidden_in_another_is_no_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At night nothing runs; meanwhile the old image is mended, and in the morning the new one has what it had."""
    old, web = image("1.0", flaws=(Flaw("CVE-1", until=2000),)), image("2.0", at=100, flaws=(Flaw("CVE-1"),))
    tasks = (Task(old, until=1500), Task(web, until=1500), Task(web, since=4000))
    async with world(monkeypatch, inspected(old, web, tasks=tasks)) as aws:
        found = []
        for _ in range(6):
            found.append((await values(aws, new_only=True, in_use=True)).get("akai/web", 0.0))
            aws.clock.advance(QUARTER)
    assert not any(found)


async def test_what_was_closed_is_listed_again_when_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    again = image("2.0", at=4000, flaws=(Flaw("CVE-1"),))
    async with world(monkeypatch, inspected(image(flaws=(Flaw("CVE-1", until=1700),)), again)) as aws:
        await values(aws, new_only=True, resources=["AWS_ECR_CONTAINER_IMAGE"])
        aws.clock.advance(QUARTER)
        real, windows = aws.clients.call, []

        async def call(*words: str, **params: Any) -> dict[str, Any]:
            for window in params.get("filterCriteria", {}).get("updatedAt", ()):
                windows.append(epoch(window["startInclusive"]) - START_EPOCH)
                if len(windows) == 1:
                    raise SourceError(TroubleReason.TIMEOUT, "ListFindings timed out")
            return await real(*words, **params)

        monkeypatch.setattr(aws.clients, "call", call)
        with pytest.raises(SourceError, match="timed out"):
            await values(aws, new_only=True, resources=["AWS_ECR_CONTAINER_IMAGE"])
        seen = []
        for _ in range(4):
            found = await values(aws, new_only=True, resources=["AWS_ECR_CONTAINER_IMAGE"])
            seen.append(found.get("akai/web", 0.0))
            aws.clock.advance(QUARTER)
    assert seen == [0.0, 0.0, 0.0, 1.0]
    assert windows == [900 - OVERLAP, 900 - OVERLAP], "and then nothing that was known is missing"


async def test_all_that_were_told_and_moved_are_asked_after_in_turn_and_end_with_their_fix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One vulnerability of 250 instances, rated lower since, and mended on every fifth."""
    query: dict[str, Any] = {"new_only": True, "severity": ["CRITICAL"], "resources": ["AWS_EC2_INSTANCE"]}
    flaw = Flaw("CVE-1", since=1000, moves=((2000, "HIGH"),))
    mended = replace(flaw, until=4600)
    hosts = tuple(Scanned("AWS_EC2_INSTANCE", f"i-{n}", (flaw if n % 5 else mended,)) for n in range(250))
    async with world(monkeypatch, inspected(scanned=hosts)) as aws:
        firing = []
        for _ in range(7):
            firing.append(sum((await values(aws, **query)).values()))
            aws.clock.advance(QUARTER)
    assert firing[:5] == [0.0, 250.0, 250.0, 250.0, 250.0]
    assert firing[5] > firing[6] == 200.0, "200 are asked after at each look"


@pytest.mark.parametrize("made_of", [{"group": "web"}, {"image": "ami-1"}], ids=["group", "image"])
async def test_instances_that_replace_each_other_have_no_news(
    monkeypatch: pytest.MonkeyPatch, made_of: dict[str, Any]
) -> None:
    old = Scanned("AWS_EC2_INSTANCE", "i-old", (Flaw("CVE-1", until=1900),), **made_of)
    replacements = tuple(
        Scanned("AWS_EC2_INSTANCE", f"i-{at}", (Flaw("CVE-1", since=at, until=at + 900),), launched=at - 60, **made_of)
        for at in (2800, 3700, 4600)
    )
    worse = Scanned("AWS_EC2_INSTANCE", "i-worse", (Flaw("CVE-2", since=5300),), launched=5200, **made_of)
    async with world(monkeypatch, inspected(scanned=(old, *replacements, worse))) as aws:
        found = []
        for _ in range(6):
            found.append(sum((await values(aws, new_only=True)).values()))
            aws.clock.advance(QUARTER)
    assert found == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


async def test_a_new_finding_of_a_group_stays_told_while_any_of_its_instances_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = (
        Scanned("AWS_EC2_INSTANCE", "i-1", (Flaw("CVE-1", since=1000, until=2700),), group="web"),
        Scanned("AWS_EC2_INSTANCE", "i-2", (Flaw("CVE-1", since=2600, until=4500),), group="web", launched=2600),
    )
    async with world(monkeypatch, inspected(scanned=hosts)) as aws:
        await values(aws, new_only=True)
        found = []
        for _ in range(4):
            aws.clock.advance(QUARTER)
            [seen] = (await aws.answer("inspector", new_only=True)).observations
            found.append((seen.identity["resource"], seen.points[-1][1], seen.fresh))
            named = seen.evidence[0] if seen.evidence else ""
            assert not named or "; web (i-" in named
    assert found == [("web", 1.0, True), ("web", 1.0, False), ("web", 1.0, False), ("web", 0.0, False)]


async def test_a_rule_that_asks_for_more_has_a_first_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Flaw("CVE-new", since=1000)
    async with world(monkeypatch, inspected(image(flaws=(*BAD, late)))) as aws:
        await values(aws, new_only=True)
        assert await new(aws) == 1.0
        assert await values(aws, new_only=True, severity=["CRITICAL", "HIGH", "MEDIUM"]) == {"akai/web": 1.0}


# -- what is not scanned ----------------------------------------------------------------------------------------------


async def test_what_inspector_does_not_cover_is_counted_unless_somebody_chose_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = (
        Scanned("AWS_EC2_INSTANCE", HOST, reason="UNMANAGED_EC2_INSTANCE"),
        Scanned("AWS_EC2_INSTANCE", "i-1", reason="EXCLUDED_BY_TAG"),
        Scanned("AWS_LAMBDA_FUNCTION", LAMBDA, reason="UNSUPPORTED_RUNTIME", scan="CODE"),
    )
    old = pushed("akai/web", "1.0", scans=((0, "SCAN_ELIGIBILITY_EXPIRED"),))
    async with world(monkeypatch, inspected(old, image("2.0"), scanned=others)) as aws:
        query: dict[str, Any] = {"value": "uncovered"}
        assert await values(aws, **query) == {"akai/web": 1.0, HOST: 1.0, "resize": 1.0}
        running = await values(aws, in_use=True, **query)
        aws.memory.clear()
        [seen] = (await aws.answer("inspector", resources=["AWS_LAMBDA_FUNCTION"], **query)).observations
        assert seen.evidence == ("resize: no code scan, UNSUPPORTED_RUNTIME",)
    assert running["akai/web"] == 0.0, "nobody needs a scan of what does not run"


async def test_instances_of_a_group_that_nobody_scans_are_counted_for_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = tuple(
        Scanned("AWS_EC2_INSTANCE", name, reason="UNMANAGED_EC2_INSTANCE", group="web") for name in ("i-1", "i-2")
    )
    async with world(monkeypatch, inspected(scanned=hosts)) as aws:
        [seen] = (await aws.answer("inspector", value="uncovered")).observations
    assert (seen.identity["resource"], seen.points[-1][1]) == ("web", 2.0)
    assert seen.evidence[0] == "web (i-1): no package scan, UNMANAGED_EC2_INSTANCE"


# -- when AWS fails ---------------------------------------------------------------------------------------------------


async def test_a_page_that_fails_changes_nothing_and_what_was_new_is_new_later(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (*flaws("HIGH", 150), Flaw("CVE-new", since=1000))
    async with world(monkeypatch, inspected(image(flaws=many))) as aws:
        await values(aws, new_only=True)
        aws.clock.advance(QUARTER)
        aws.faults.add(Fault(Kind.SERVER_ERROR, operation="ListFindings", times=1))
        with pytest.raises(SourceError, match="ListFindings"):
            await values(aws, new_only=True)
        assert await values(aws, new_only=True) == {"akai/web": 1.0}


async def test_one_region_is_forbidden_and_the_other_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, inspected(image(flaws=BAD))) as aws:
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="List*", region="us-east-1"))
        assert await values(aws) == {"akai/web": 19.0}
        with pytest.raises(SourceError) as raised:
            await aws.poll("inspector", region="us-east-1")
        assert raised.value.reason == TroubleReason.FORBIDDEN


async def test_throttled_pages_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(monkeypatch, inspected(image(flaws=flaws("HIGH", 250)))) as aws:
        aws.faults.add(Fault(Kind.THROTTLE, operation="ListFindings", times=3))
        assert await values(aws) == {"akai/web": 250.0}
        aws.faults.add(Fault(Kind.THROTTLE, operation="ListFindings"))
        with pytest.raises(SourceError, match="Rate exceeded"):
            await values(aws)


async def test_a_resource_has_the_same_name_whether_or_not_aws_tells_whose_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The account looks after others: what is theirs carries their number, what is its own does not."""
    hosts = tuple(Scanned("AWS_EC2_INSTANCE", name, (Flaw("CVE-1"),)) for name in ("i-1", "i-2"))
    silent = Fault(Kind.THROTTLE, operation="GetCallerIdentity")
    async with world(monkeypatch, inspected(scanned=hosts)) as aws:
        real = AwsClients.call

        async def call(clients: AwsClients, *words: str, **params: Any) -> dict[str, Any]:
            answer = await real(clients, *words, **params)
            for finding in answer.get("findings", ()):
                if finding["resources"][0]["id"] == "i-2":
                    finding["awsAccountId"] = "222222222222"
            return answer

        monkeypatch.setattr(AwsClients, "call", call)
        aws.faults.add(silent)
        await aws.sign_in_again()
        with pytest.raises(SourceError, match="the number of account main is not known") as raised:
            await values(aws)
        assert raised.value.reason == TroubleReason.UNREACHABLE
        aws.faults.clear()
        await aws.sign_in_again()
        names = {"i-1", "222222222222/i-2"}
        assert (await values(aws)).keys() == names
        aws.faults.add(silent)
        await aws.sign_in_again()
        answer = await aws.answer("inspector")
    assert {one.identity["resource"] for one in answer.observations} == names
    assert not answer.gone


async def test_a_resource_that_cannot_be_seen_just_now_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two rules in one unit only the one fails whose call is forbidden."""
    async with world(monkeypatch, inspected(image(flaws=BAD))) as aws:
        await aws.poll("inspector")
        aws.clock.advance(QUARTER)
        aws.faults.add(Fault(Kind.ACCESS_DENIED, operation="ListFindings"))
        result = await aws.poll_all({"Rule": {"value": "findings"}, "Other": {"value": "uncovered"}}, "inspector")
    fine, held = result.answers
    assert [(one.truth, held.complete) for one in held.observations] == [(Truth.FORBIDDEN, False)]
    assert (fine.complete, len(result.troubles)) == (True, 1)
