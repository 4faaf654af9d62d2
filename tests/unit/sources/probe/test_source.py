"""The probe source as the engine uses it: units in, observations and memory out."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import ManualClock
from tests.support.nameserver import Zone, name_server
from tests.support.sites import (
    Authority,
    Names,
    answering,
    authority,
    closing,
    free_port,
    hanging,
    running_site,
    server_context,
)
from watchtower.clock import SystemClock, epoch
from watchtower.errors import SourceError
from watchtower.model import Labels, PollResult, Priority, TroubleReason, Truth
from watchtower.sources.base import Ask, Poll, Unit
from watchtower.sources.probe.config import ProbesConfig
from watchtower.sources.probe.memory import Memory, decode, encode
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.resolver import ThreadedResolver
from watchtower.sources.probe.result import Down
from watchtower.sources.probe.runner import ProbeLimits
from watchtower.sources.probe.sight import scopes_of
from watchtower.sources.probe.source import ProbeSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchtower.clock import Clock
    from watchtower.model import Observation
    from watchtower.sources.probe.resolver import Resolver

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AT_ONCE = ProbeLimits(spread=0.0)
_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")
FORBIDDEN = _GROUPS.exists() and _GROUPS.read_text().split() == ["1", "0"]

Sources = Any


@pytest.fixture
async def sources() -> AsyncIterator[Callable[..., ProbeSource]]:
    """Makes sources and closes them afterwards."""
    made: list[ProbeSource] = []

    def make(
        clock: Clock | None = None, limits: ProbeLimits = AT_ONCE, resolver: Resolver | None = None
    ) -> ProbeSource:
        source = ProbeSource(clock or SystemClock(), limits, resolver=resolver or Names(), tls=authority().policy())
        made.append(source)
        return source

    yield make
    for source in made:
        await source.close()


def ask(rule: str, *targets: Any, slots: int = 3, url: str = "{{ target }}", expect: Any = None, **probe: Any) -> Ask:
    http = {"url": url, **({"expect": expect} if expect else {})}
    query = ProbeQuery.model_validate({"http": http, "targets": list(targets), **probe})
    return Ask(rule, query, query.period, slots, Priority.P1)


def unit_of(source: ProbeSource, *asks: Ask) -> Unit:
    """One unit of all that is asked, whenever in its interval the plan has each."""
    first, *others = source.plan(asks, [])
    return replace(first, asks=asks, shared=first.shared.union(*(unit.shared for unit in others)))


def tick_of(unit: Unit, number: int = 0) -> int:
    """The unit's ticks from its first after NOW on."""
    start = int(epoch(NOW))
    return start + (unit.offset - start) % unit.period + number * unit.period


async def polled(source: ProbeSource, unit: Unit, number: int = 0, memory: bytes | None = None) -> PollResult:
    return await source.poll(Poll(unit, tick_of(unit, number), memory, NOW))


def values(observation: Observation) -> list[float]:
    return [value for _, value in observation.points]


def only(result: PollResult, rule: str) -> Observation:
    [answer] = [answer for answer in result.answers if answer.rule == rule]
    [observation] = answer.observations
    return observation


async def test_a_site_that_answers_is_a_one_with_its_identity(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as site:
        unit = unit_of(source, ask("SiteDown", {"target": site.url, "labels": {"tenant": "shop"}}))
        result = await polled(source, unit)

    seen = only(result, "SiteDown")
    assert seen.identity == Labels({"target": site.url, "kind": "http"})
    assert seen.context == Labels({"tenant": "shop", "address": "127.0.0.1"})
    assert seen.points == ((tick_of(unit) - 60, 1.0),)
    assert (seen.truth, seen.reason) == (Truth.VALUE, "status 200")


async def test_a_site_that_is_down_is_a_zero_with_phase_and_reason(sources: Sources) -> None:
    source, port = sources(), free_port()
    unit = unit_of(source, ask("SiteDown", f"http://127.0.0.1:{port}/"))
    seen = only(await polled(source, unit), "SiteDown")

    assert values(seen) == [0.0]
    assert seen.reason == f"connection refused (127.0.0.1:{port})"
    assert seen.context["phase"] == "connect"


async def test_equal_probes_of_several_rules_run_once(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as site:
        down, slow = ask("SiteDown", site.url), ask("SiteSlow", site.url, value="duration")
        result = await polled(source, unit_of(source, down, slow))

    assert site.connections == 1
    assert values(only(result, "SiteDown")) == [1.0]
    assert 0 < values(only(result, "SiteSlow"))[0] < 1


async def test_probes_that_expect_different_things_run_apart(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(401)) as site:
        open_site = ask("Open", site.url)
        locked = ask("Locked", {"target": site.url, "expect": {"status": 401}})
        result = await polled(source, unit_of(source, open_site, locked))

    assert site.connections == 2
    assert (values(only(result, "Open")), values(only(result, "Locked"))) == ([0.0], [1.0])


async def test_certificate_days_are_counted_from_now(sources: Sources) -> None:
    source = sources(ManualClock(datetime.now(UTC)), resolver=Names(shop_example="127.0.0.1"))
    context = server_context(authority().issue("shop.example", ends=12.5))
    async with running_site(answering(), context) as site:
        asked = ask("Expiring", site.url_of("shop.example"), value="certificate_days")
        seen = only(await polled(source, unit_of(source, asked)), "Expiring")

    assert values(seen) == [pytest.approx(12.5, abs=0.01)]
    assert seen.reason == "certificate expires in 12 days"


async def test_an_expired_certificate_has_negative_days_and_no_duration(sources: Sources) -> None:
    source = sources(resolver=Names(old_example="127.0.0.1"))
    async with running_site(answering(), server_context(authority().issue("old.example", ends=-3))) as site:
        url = site.url_of("old.example")
        days, slow = ask("Days", url, value="certificate_days"), ask("Slow", url, value="duration")
        result = await polled(source, unit_of(source, days, slow))

    assert values(only(result, "Days")) == [pytest.approx(-3, abs=0.01)]
    assert (only(result, "Slow").points, only(result, "Slow").truth) == ((), Truth.NO_DATA)


async def test_the_days_of_a_certificate_that_nobody_trusts_are_explained_by_its_end_not_by_trust(
    sources: Sources,
) -> None:
    source = sources(resolver=Names(old_example="127.0.0.1"))
    stranger = Authority.create("Another CA").issue("old.example", ends=-1.5)
    async with running_site(answering(), server_context(stranger)) as site:
        url = site.url_of("old.example")
        result = await polled(source, unit_of(source, ask("Days", url, value="certificate_days"), ask("Down", url)))

    assert only(result, "Days").reason == "certificate expired 1 day ago"
    assert "trusted" in only(result, "Down").reason


async def test_without_a_certificate_its_days_are_explained_by_what_went_wrong(sources: Sources) -> None:
    source, url = sources(), f"https://127.0.0.1:{free_port()}/"
    seen = only(await polled(source, unit_of(source, ask("Days", url, value="certificate_days"))), "Days")
    assert seen.reason.startswith("connection refused")


@pytest.mark.parametrize("needed", [2, 4])
async def test_a_streak_is_told_from_memory(sources: Sources, needed: int) -> None:
    source = sources()
    async with running_site(answering()) as site:
        unit = unit_of(source, ask("SiteDown", site.url, slots=needed))
        results = [await polled(source, unit)]
        site.behaviour = answering(503)
        for number in range(1, needed + 1):
            results.append(await polled(source, unit, number, results[-1].memory))
        before, after = (only(result, "SiteDown") for result in results[-2:])

    assert values(before) == [1.0] + [0.0] * (needed - 1)
    assert values(after) == [0.0] * needed
    assert [at for at, _ in after.points] == [tick_of(unit, n) - 60 for n in range(1, needed + 1)]


async def test_memory_survives_a_restart(sources: Sources) -> None:
    async with running_site(answering(503)) as site:
        asked = ask("SiteDown", site.url)
        before = sources()
        memory = (await polled(before, unit_of(before, asked))).memory
        after = sources()
        seen = only(await polled(after, unit_of(after, asked), 1, memory), "SiteDown")

    assert values(seen) == [0.0, 0.0]


async def test_a_retry_of_a_slot_overwrites_its_entry(sources: Sources) -> None:
    source = sources(resolver=Names(shop_example=RuntimeError("oops")))
    async with running_site(answering(503)) as site:
        unit = unit_of(source, ask("SiteDown", site.url, "http://shop.example/"))
        troubled = await polled(source, unit)
        site.behaviour = answering()
        again = await polled(source, unit, 0, troubled.memory)

    assert (troubled.again, again.partial) == (None, False)
    assert {tuple(values(seen)) for seen in again.answers[0].observations} == {(1.0,), ()}


async def test_a_first_failure_is_looked_at_again_after_half_an_interval(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as well, running_site(answering()) as site:
        unit = unit_of(source, ask("SiteDown", well.url, site.url))
        first = await polled(source, unit)
        site.behaviour = answering(503)
        failed = await polled(source, unit, 1, first.memory)
        confirmed = await polled(source, unit, 1, failed.memory)
        after = await polled(source, unit, 2, confirmed.memory)

    assert (first.again, failed.again) == (None, tick_of(unit, 1) + 30)
    assert (well.connections, site.connections) == (3, 4)
    [answer] = confirmed.answers
    [seen] = answer.observations
    assert (answer.complete, confirmed.partial, confirmed.again, confirmed.samples) == (False, True, None, ())
    assert (seen.identity["target"], values(seen), seen.reason) == (site.url, [1.0, 0.0, 0.0], failed_reason())
    assert seen.points[-1][0] == tick_of(unit, 1) - 60
    assert (after.again, after.partial) == (None, False)
    streaks = {one.identity["target"]: values(one) for one in after.answers[0].observations}
    assert streaks == {well.url: [1.0, 1.0, 1.0], site.url: [0.0, 0.0, 0.0]}


def failed_reason() -> str:
    return "status 503, expected 200-299"


async def test_a_failure_that_was_a_moments_is_a_datapoint_all_the_same(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(503)) as site:
        unit = unit_of(source, ask("SiteDown", site.url))
        failed = await polled(source, unit)
        site.behaviour = answering()
        confirmed = await polled(source, unit, 0, failed.memory)
        after = await polled(source, unit, 1, confirmed.memory)

    assert values(only(confirmed, "SiteDown")) == [0.0, 1.0]
    assert values(only(after, "SiteDown")) == [0.0, 1.0, 1.0]


async def test_a_second_look_that_comes_too_late_is_the_next_slots(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(503)) as site:
        unit = unit_of(source, ask("SiteDown", site.url))
        failed = await polled(source, unit)
        late = await polled(source, unit, 1, failed.memory)

    assert (late.partial, values(only(late, "SiteDown"))) == (False, [0.0, 0.0])


@pytest.mark.parametrize(("interval", "patience"), [("3s", "1s"), ("8s", "5s")])
async def test_half_an_interval_that_is_too_short_for_a_probe_is_none(
    sources: Sources, interval: str, patience: str
) -> None:
    source = sources()
    async with running_site(answering(503)) as site:
        unit = unit_of(source, ask("SiteDown", site.url, interval=interval, timeout=patience))
        assert (await polled(source, unit)).again is None


async def test_one_target_is_asked_four_things_at_a_time_however_many_rules_there_are(sources: Sources) -> None:
    clock = ManualClock()
    source = sources(clock)
    async with running_site(hanging()) as site:
        asks = [ask(f"R{n}", site.url, expect={"status": 200 + n}) for n in range(6)]
        polling = asyncio.create_task(polled(source, unit_of(source, *asks)))
        await until(lambda: site.connections == 4)
        await asyncio.sleep(0.02)
        assert site.connections == 4
        clock.advance(5)
        await until(lambda: site.connections == 6)
        clock.advance(5)
        result = await polling

    assert sorted(result.lags) == [0, 0, 0, 0, 5, 5]
    assert result.missed == 0


async def test_a_slot_that_was_not_probed_is_absent_not_zero(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as site:
        unit = unit_of(source, ask("SiteDown", site.url))
        memory = (await polled(source, unit, 0)).memory
        seen = only(await polled(source, unit, 2, memory), "SiteDown")

    assert [at for at, _ in seen.points] == [tick_of(unit, 0) - 60, tick_of(unit, 2) - 60]


async def test_each_rule_sees_its_own_window_of_one_memory(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as site:
        unit = unit_of(source, ask("Short", site.url, slots=1), ask("Long", site.url, slots=3))
        memory = None
        for number in range(5):
            result = await polled(source, unit, number, memory)
            memory = result.memory

    assert (len(values(only(result, "Short"))), len(values(only(result, "Long")))) == (1, 3)


async def test_a_removed_target_is_forgotten(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as one, running_site(answering()) as other:
        both = unit_of(source, ask("SiteDown", one.url, other.url))
        memory = (await polled(source, both)).memory
        alone = unit_of(source, ask("SiteDown", one.url))
        kept = (await polled(source, alone, 1, memory)).memory
        back = (await polled(source, both, 2, kept)).answers[0].observations

    assert {len(seen.points) for seen in back if seen.identity["target"] == one.url} == {3}
    assert {len(seen.points) for seen in back if seen.identity["target"] == other.url} == {1}


async def test_a_prober_in_trouble_holds_what_it_could_not_probe(sources: Sources) -> None:
    source = sources(resolver=Names(shop_example=RuntimeError("oops")))
    async with running_site(answering()) as site:
        unit = unit_of(source, ask("SiteDown", site.url, "http://shop.example/"))
        result = await polled(source, unit)

    held = {seen.identity["target"]: seen.truth for seen in result.answers[0].observations}
    assert held == {site.url: Truth.VALUE, "http://shop.example/": Truth.NOT_FETCHED}
    assert [trouble.reason for trouble in result.troubles] == [TroubleReason.INTERNAL]
    assert {sample.labels["target"] for sample in result.samples} == {site.url}


async def test_a_prober_that_can_probe_nothing_fails_the_poll_as_a_whole(sources: Sources) -> None:
    source = sources(resolver=Names(shop_example=RuntimeError("oops")))
    unit = unit_of(source, ask("SiteDown", "http://shop.example/"))

    with pytest.raises(SourceError, match="oops"):
        await polled(source, unit)


async def test_a_held_slot_keeps_the_streak_before_it(sources: Sources) -> None:
    async with running_site(answering(503)) as site, running_site(answering()) as other:
        urls = [site.url_of("shop.example"), other.url]
        well = sources(resolver=Names(shop_example="127.0.0.1"))
        unit = unit_of(well, ask("SiteDown", *urls))
        memory = (await polled(well, unit)).memory
        ill = sources(resolver=Names(shop_example=RuntimeError("oops")))
        result = await polled(ill, unit, 1, memory)

    [held] = [seen for seen in result.answers[0].observations if seen.truth is Truth.NOT_FETCHED]
    assert held.points == ((tick_of(unit) - 60, 0.0),)


async def test_probes_wait_for_a_free_place_outside_of_what_they_measure(sources: Sources) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await answering()(reader, writer)

    source = sources(limits=ProbeLimits(concurrent=1, spread=0.0))
    async with running_site(slow) as site:
        asked = ask("Slow", *(f"{site.url}{n}" for n in range(4)), value="duration")
        result = await polled(source, unit_of(source, asked))

    assert max(values(seen)[0] for seen in result.answers[0].observations) < 0.15


async def test_a_probe_that_finds_no_place_before_its_time_is_held(sources: Sources) -> None:
    clock = ManualClock()
    source = sources(clock, ProbeLimits(concurrent=1, spread=0.0))
    async with running_site(hanging()) as site:
        asked = ask("SiteDown", site.url + "a", site.url + "b", interval="8s", timeout="5s")
        polling = asyncio.create_task(polled(source, unit_of(source, asked)))
        await until(lambda: site.requests)
        clock.advance(3)
        await asyncio.sleep(0.01)
        clock.advance(2)
        result = await polling

    truths = sorted(seen.truth for seen in result.answers[0].observations)
    assert truths == [Truth.NOT_FETCHED, Truth.VALUE]
    assert result.troubles[0].detail == "cannot probe: too many probes at a time"
    assert (result.missed, len(result.lags)) == (1, 1)


async def test_the_probes_of_a_unit_do_not_start_in_one_instant(sources: Sources) -> None:
    clock = ManualClock()
    source = sources(clock, ProbeLimits(spread=2.0))
    async with running_site(answering()) as site:
        asked = ask("SiteDown", *(f"{site.url}{n}" for n in range(20)))
        polling = asyncio.create_task(polled(source, unit_of(source, asked)))
        begun = []
        for _ in range(21):
            await asyncio.sleep(0.01)
            begun.append(site.connections)
            clock.advance(0.1)
        result = await polling

    assert begun[0] < 5
    assert 3 < begun[10] < 17
    assert {seen.reason for seen in result.answers[0].observations} == {"status 200"}


async def test_a_cancelled_poll_leaves_nothing_running(sources: Sources) -> None:
    source = sources()
    async with running_site(hanging()) as site:
        asked = ask("SiteDown", *(f"{site.url}{n}" for n in range(5)))
        polling = asyncio.create_task(polled(source, unit_of(source, asked)))
        await until(lambda: site.connections == 5)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling


async def test_the_scrape_has_blackbox_exporters_names(sources: Sources) -> None:
    source = sources(resolver=Names(shop_example="127.0.0.1"))
    issued = authority().issue("shop.example")
    async with running_site(answering(), server_context(issued)) as site:
        unit = unit_of(source, ask("SiteDown", {"target": "shop"}, url=site.url_of("shop.example")))
        result = await polled(source, unit)

    scraped = {(sample.name, sample.labels.get("phase")): sample for sample in result.samples}
    phases = {phase for name, phase in scraped if name == "probe_http_duration_seconds"}
    assert {sample.labels["target"] for sample in result.samples} == {"shop"}
    assert phases == {"resolve", "connect", "tls", "processing", "transfer"}
    assert scraped["probe_success", None].value == 1
    assert scraped["probe_http_status_code", None].value == 200
    assert scraped["probe_duration_seconds", None].value > 0
    ends = issued.certificate.not_valid_after_utc.timestamp()
    assert scraped["probe_ssl_earliest_cert_expiry", None].value == ends
    assert all(sample.family == "probe" and sample.help for sample in result.samples)


async def test_a_failed_probe_scrapes_as_zero_without_a_certificate(sources: Sources) -> None:
    source = sources()
    async with running_site(closing) as site:
        result = await polled(source, unit_of(source, ask("SiteDown", site.url)))

    scraped = {sample.name: sample.value for sample in result.samples if "phase" not in sample.labels}
    assert scraped["probe_success"] == 0
    assert scraped["probe_http_status_code"] == 0
    assert "probe_ssl_earliest_cert_expiry" not in scraped


def successes(*results: PollResult) -> dict[Labels, float]:
    """The samples of probe_success by their labels; none may stand twice."""
    found = [one for result in results for one in result.samples if one.name == "probe_success"]
    assert len({one.labels for one in found}) == len(found)
    return {one.labels: one.value for one in found}


async def test_a_target_asked_for_two_paths_scrapes_the_one_that_fails_beside_the_one_that_works(
    sources: Sources,
) -> None:
    source = sources()
    async with running_site(answering(200)) as site:
        at = site.url.removeprefix("http://").rstrip("/")
        first = ask("A", at, url="http://{{ target }}/a")
        second = ask("B", at, url="http://{{ target }}/b", expect={"status": 404})
        result = await polled(source, unit_of(source, first, second))

    assert successes(result) == {
        Labels({"target": at, "url": f"http://{at}/a", "rule": "A"}): 1.0,
        Labels({"target": at, "url": f"http://{at}/b", "rule": "B"}): 0.0,
    }
    phases = [one.labels for one in result.samples if one.name == "probe_http_duration_seconds"]
    assert len(phases) == len(set(phases)) > 2


async def test_two_expectations_of_one_address_are_told_apart_by_their_rules(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(401)) as site:
        first, second = ask("A", site.url), ask("B", {"target": site.url, "expect": {"status": 401}})
        result = await polled(source, unit_of(source, first, second))

    assert {labels["rule"]: value for labels, value in successes(result).items()} == {"A": 0.0, "B": 1.0}


async def test_two_ways_to_probe_a_target_at_two_intervals_are_told_apart_too(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(401)) as site:
        fast = ask("Fast", site.url, interval="30s")
        slow = ask("Slow", {"target": site.url, "expect": {"status": 401}})
        results = [await polled(source, unit) for unit in source.plan([fast, slow], [])]

    assert {labels["rule"]: value for labels, value in successes(*results).items()} == {"Fast": 0.0, "Slow": 1.0}


async def test_one_probe_that_two_rules_share_is_one_series_by_target_alone(sources: Sources) -> None:
    source = sources()
    async with running_site(answering()) as site:
        result = await polled(source, unit_of(source, ask("A", site.url), ask("B", site.url)))

    assert successes(result) == {Labels({"target": site.url}): 1.0}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_failure_carries_its_evidence_to_the_alert(sources: Sources) -> None:
    source = sources()
    async with running_site(answering(503, b"out of order")) as site:
        seen = only(await polled(source, unit_of(source, ask("SiteDown", site.url))), "SiteDown")

    assert seen.evidence == (
        "phase reached: transfer",
        f"address: 127.0.0.1:{site.port}",
        "status: 503",
        "answer: out of order",
    )


async def test_six_hanging_names_leave_a_hundred_healthy_targets_on_time() -> None:
    gate = threading.Event()

    def lookup(host: str) -> list[str]:
        if host.startswith("slow"):
            gate.wait(30)
        return ["127.0.0.1"]

    resolver, clock = ThreadedResolver(lookup), ManualClock()
    source = ProbeSource(clock, AT_ONCE, resolver=resolver, tls=authority().policy())
    async with running_site(answering()) as site:
        healthy = [f"http://fast-{number}.example:{site.port}/" for number in range(100)]
        hanging_ones = [f"http://slow-{number}.example:{site.port}/" for number in range(6)]
        units = source.plan([ask("SiteDown", *healthy, *hanging_ones)], [])
        polling = asyncio.gather(*(polled(source, unit) for unit in units))
        await until(lambda: running_probes() == {f"probe {url}" for url in hanging_ones})
        clock.advance(5)
        results = await polling
        gate.set()
        resolver.close()
        await source.close()

    seen = [one for result in results for one in result.answers[0].observations]
    assert {one.identity["target"] for one in seen if values(one) == [1.0]} == set(healthy)
    down = {one.identity["target"]: one.reason for one in seen if values(one) == [0.0]}
    assert down == dict.fromkeys(hanging_ones, "timed out after 5s in phase resolve")


def running_probes() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("probe ")}


async def test_both_families_are_judged_and_scraped_apart(sources: Sources) -> None:
    source = sources(resolver=Names(four_example="127.0.0.1"))
    async with running_site(answering()) as site:
        url = site.url_of("four.example")
        result = await polled(source, unit_of(source, ask("SiteDown", url, family="both")))

    seen = {one.identity["family"]: (values(one), one.reason) for one in result.answers[0].observations}
    assert seen == {"ipv4": ([1.0], "status 200"), "ipv6": ([0.0], "the name has no IPv6 address")}
    assert successes(result) == {
        Labels({"target": url, "family": "ipv4"}): 1.0,
        Labels({"target": url, "family": "ipv6"}): 0.0,
    }


async def test_a_page_is_compared_with_the_first_that_was_seen(sources: Sources) -> None:
    source = sources()
    first, hacked = b"<html lang=en><title>Welcome</title>", b"<html lang=en><title>Owned</title>"
    http = {"integrity": ["title", "language"]}
    query = ProbeQuery.model_validate({"http": {"url": "http://x/", **http}, "value": "content"})
    asked = Ask("PageChanged", query, 60, 3, Priority.P3)
    async with running_site(answering(200, first)) as site:
        renamed = query.model_copy(update={"http": query.asked.model_copy(update={"url": site.url})})
        unit = unit_of(source, replace(asked, query=renamed))
        memory = (await polled(source, unit)).memory
        site.behaviour = answering(200, hacked)
        changed = await polled(source, unit, 1, memory)
        still = await polled(source, unit, 2, changed.memory)

    seen = only(still, "PageChanged")
    assert values(seen) == [1.0, 0.0, 0.0]
    assert seen.reason == "the title is 'Owned', accepted was 'Welcome'"


async def test_names_of_the_scrape_follow_the_kind(sources: Sources) -> None:
    source = sources()
    zone = Zone({"www.example A": ["192.0.2.1"]})
    async with name_server(zone), running_site(hanging()) as site:
        for probe, names in (
            (
                {"dns": {"name": "www.example", "server": zone.address}},
                {"probe_dns_query_succeeded", "probe_dns_answer_rrs"},
            ),
            ({"tcp": {"host": f"127.0.0.1:{site.port}"}}, set()),
        ):
            query = ProbeQuery.model_validate(probe)
            result = await polled(source, unit_of(source, Ask("X", query, 60, 1, Priority.P3)))
            found = {one.name for one in result.samples} - {"probe_dns_duration_seconds"}
            common = {"probe_success", "probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_ip_protocol"}
            assert found == common | names
            assert {one.value for one in result.samples if one.name == "probe_ip_protocol"} == {4.0}


@pytest.mark.skipif(not FORBIDDEN, reason="this machine permits pings")
async def test_a_ping_that_is_not_permitted_is_a_trouble_of_ours(sources: Sources) -> None:
    source = sources()
    query = ProbeQuery.model_validate({"icmp": {"host": "127.0.0.1"}})
    with pytest.raises(SourceError, match=r"icmp needs the sysctl net\.ipv4\.ping_group_range"):
        await polled(source, unit_of(source, Ask("X", query, 60, 1, Priority.P3)))


async def test_a_blind_prober_answers_every_series_as_not_seen_with_one_trouble() -> None:
    asked = {"name": "x", "tcp": {"host": "canary.example", "port": 443}, "timeout": "1s"}
    config = ProbesConfig.model_validate({"canaries": [{**asked, "name": name} for name in ("a", "b", "c")]})
    [scope] = scopes_of(config, "eu-west-1")
    dead = Names(canary_example=Down("no route"), shop_example=Down("timed out"), mail_example=Down("timed out"))
    source = ProbeSource(SystemClock(), AT_ONCE, resolver=dead, tls=authority().policy(), scopes=[scope])
    worked = encode(Memory(worked=frozenset(probe.key for probe in scope.canaries.values())))
    unit = unit_of(source, ask("SiteDown", "http://shop.example/", "http://mail.example/"))

    result = await polled(source, unit, 0, worked)
    await source.close()

    assert {seen.truth for seen in result.answers[0].observations} == {Truth.NOT_FETCHED}
    assert {seen.points for seen in result.answers[0].observations} == {()}
    assert [(trouble.reason, trouble.detail[:39]) for trouble in result.troubles] == [
        (TroubleReason.BLIND, "prober blind: 3 of 3 canaries do not an")
    ]
    assert result.samples == ()
    assert decode(result.memory).worked == decode(worked).worked


async def test_a_canary_that_answers_is_remembered_for_the_time_after_a_restart() -> None:
    async with running_site(hanging()) as canary, running_site(answering()) as site:
        tcp = {"tcp": {"host": "127.0.0.1", "port": canary.port}}
        config = ProbesConfig.model_validate(
            {
                "canaries": [],
                "scopes": {"all": {"match": ['kind="http"'], "canaries": [{"name": n, **tcp} for n in "abc"]}},
            }
        )
        scopes = scopes_of(config, "eu-west-1")
        source = ProbeSource(SystemClock(), AT_ONCE, resolver=Names(), tls=authority().policy(), scopes=scopes)
        down = f"http://127.0.0.1:{free_port()}/"
        result = await polled(source, unit_of(source, ask("SiteDown", site.url, down)))
        await source.close()

    assert decode(result.memory).worked == {probe.key for probe in scopes[0].canaries.values()}
    assert sorted(values(seen)[0] for seen in result.answers[0].observations) == [0.0, 1.0]
