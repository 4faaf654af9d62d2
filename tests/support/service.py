"""The whole daemon inside the test's process, on a clock that runs faster than the machine's."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from watchtower import config as configuration
from watchtower.engine.settings import EngineSettings
from watchtower.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.clock import Clock


@asynccontextmanager
async def service_on(
    file: Path, clock: Clock, pace: float = 1.0, settings: EngineSettings | None = None
) -> AsyncIterator[Service]:
    """A service that is ready; afterwards it is stopped, and whatever ended it early is raised."""
    chosen = (settings or EngineSettings()).at_pace(pace)
    service = Service(file, configuration.load(file), clock=clock, settings=chosen, pace=pace)
    running = asyncio.create_task(service.run(), name="service")
    try:
        async with asyncio.timeout(30):
            while service.live.unready() and not running.done():
                await asyncio.sleep(0.01)
        yield service
    finally:
        service.stop()
        await running
