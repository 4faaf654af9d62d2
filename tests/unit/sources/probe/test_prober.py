"""What of a probe's time is ours, and what is the target's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from tests.support.clock import ManualClock
from tests.support.probing import probe_of, tools, until
from tests.support.sites import Names, answering, hanging, running_site
from watchtower.model import TroubleReason
from watchtower.sources.probe.kinds.http.expect import Expect
from watchtower.sources.probe.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from watchtower.sources.probe.result import Result


class QueueingNames(Names):
    """A resolver whose lookups wait this long for a thread, and then answer after another second."""

    def __init__(self, clock: ManualClock, wait: float) -> None:
        super().__init__()
        self._clock = clock
        self._wait = wait

    async def resolve(self, host: str, begun: Callable[[], None] = lambda: None) -> Sequence[str]:
        self._clock.advance(self._wait)
        begun()
        self._clock.advance(1.0)
        return ["127.0.0.1"]


async def test_a_wait_for_a_thread_of_ours_is_in_no_figure() -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_site(answering()) as site:
        probe = probe_of(http={"url": site.url_of("shop.example")}, timeout="30s")
        result = await Prober(tools(clock, QueueingNames(clock, 7.0))).probe(probe)

    assert result.success, result.reason
    assert (result.phases["resolve"], result.duration) == (1.0, 1.0)


async def hung(wait: float) -> Result:
    clock = ManualClock(datetime.now(UTC))
    async with running_site(hanging()) as site:
        probe = probe_of(http={"url": site.url_of("shop.example")}, timeout="10s")
        running = asyncio.create_task(Prober(tools(clock, QueueingNames(clock, wait))).probe(probe))
        await until(lambda: site.requests)
        await asyncio.sleep(0.01)
        clock.advance(10)
        return await running


async def test_a_probe_whose_time_went_into_our_own_queue_blames_nobody() -> None:
    result = await hung(wait=3.0)

    assert (result.success, result.trouble) == (None, TroubleReason.TIMEOUT)
    assert result.reason == "the name lookup waited too long for a thread of ours"


async def test_a_short_wait_of_ours_excuses_no_site_that_hangs() -> None:
    result = await hung(wait=0.5)

    assert (result.success, result.reason) == (False, "timed out after 10s in phase processing")


async def test_an_answer_that_we_fail_to_judge_is_down_and_our_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n-of-ours")

    def mistaken(_self: Expect, _seen: object) -> str:
        raise RuntimeError("oops t0k3n-of-ours")

    monkeypatch.setattr(Expect, "fault_of", mistaken)
    with capture_logs() as logs:
        async with running_site(answering()) as site:
            probe = probe_of(http={"url": site.url, "auth": {"bearer": {"env": "TOKEN"}}})
            result = await Prober(tools()).probe(probe)

    assert (result.success, result.trouble) == (False, TroubleReason.INTERNAL)
    assert result.reason.startswith("the answer could not be judged, which is the prober's own mistake: RuntimeError")
    assert "t0k3n" not in result.reason + str(logs)
    assert [(one["event"], one["probe"]) for one in logs] == [("probe.failed", site.url)]


async def test_a_timeout_is_told_as_it_was_written() -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_site(hanging()) as site:
        running = asyncio.create_task(Prober(tools(clock)).probe(probe_of(http={"url": site.url}, timeout="1.5s")))
        await until(lambda: site.requests)
        clock.advance(1.5)
        result = await running

    assert result.reason == "timed out after 1.5s in phase processing"
