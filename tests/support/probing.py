"""Probes of any kind as a rule writes them, run once against a test's own servers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.clock import ManualClock
from tests.support.sites import Names, authority
from watchtower.clock import SystemClock
from watchtower.sources.probe.attempt import Tools
from watchtower.sources.probe.plan import wishes_of
from watchtower.sources.probe.prober import Probe, Prober
from watchtower.sources.probe.query import ProbeQuery

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from watchtower.clock import Clock
    from watchtower.sources.probe.resolver import Resolver
    from watchtower.sources.probe.result import Result


def probe_of(**query: Any) -> Probe:
    """The one probe that this query asks for."""
    [wish] = wishes_of(ProbeQuery.model_validate(query))
    return wish.probe


def tools(
    clock: Clock | None = None,
    names: Resolver | None = None,
    ping: Callable[[str], socket.socket] | None = None,
) -> Tools:
    """A prober's tools: trust in the test's authority, and only the names that are told."""
    more = {"ping": ping} if ping else {}
    return Tools(clock or SystemClock(), names or Names(), authority().policy(), **more)


async def probed(names: Resolver | None = None, **query: Any) -> Result:
    """Run it once, on the machine's clock."""
    return await Prober(tools(names=names)).probe(probe_of(**query))


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def timed_out(reached: Callable[[], object], names: Resolver | None = None, **query: Any) -> Result:
    """Let the probe's whole timeout pass at once when the server has what it waits for."""
    clock, probe = ManualClock(datetime.now(UTC)), probe_of(**query)
    running = asyncio.create_task(Prober(tools(clock, names)).probe(probe))
    await until(reached)
    await asyncio.sleep(0.02)
    clock.advance(probe.timeout)
    return await running
