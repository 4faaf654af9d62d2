"""Many runs, several at once: most of their time they wait."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import traceback
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import choice
from typing import TYPE_CHECKING

from tests.support.crash_matrix.books import Counts, Verdict
from tests.support.crash_matrix.clock import SharedClock
from tests.support.crash_matrix.conduct import conduct
from tests.support.crash_matrix.nursery import Nursery, nursery
from tests.support.crash_matrix.scripts import Script, cells, script
from tests.support.crash_matrix.sites import Sites, open_sites
from tests.support.crash_matrix.stores import Shelf
from tests.support.crash_matrix.world import open_world
from tests.support.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.crash_matrix.report import Report

#: A process that is killed loses nothing that it wrote, so no disk is needed.
_MEMORY = Path("/dev/shm")
#: Ports that no outgoing connection is given: a run binds its own again and again.
_PORTS = range(15_000, 32_000)


def quiet_port() -> int:
    """A port that nothing listens on, and that stays so while a daemon is between two lives."""
    while True:
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", choice(_PORTS)))
            port: int = listener.getsockname()[1]
            return port


@dataclass
class Stage:
    """What runs share."""

    folder: Path
    clock: SharedClock
    nursery: Nursery
    shelf: Shelf
    sites: Sites


async def play(
    report: Report,
    numbers: Sequence[int],
    *,
    jobs: int,
    postgres: bool,
    tell: Callable[[str], None],
) -> None:
    """Play these runs of the report's seed; what is ended early reports the runs so far."""
    matrix = cells(report.seed)
    waiting = [script(report.seed, number, matrix, postgres=postgres) for number in numbers]
    report.begin(len(waiting))
    try:
        async with AsyncExitStack() as stack:
            stage = await _open(stack, postgres=postgres)
            queue = iter(waiting)
            async with asyncio.TaskGroup() as group:
                for _ in range(jobs):
                    group.create_task(_work(stage, queue, report, tell))
    finally:
        report.end()


async def _work(stage: Stage, queue: Iterator[Script], report: Report, tell: Callable[[str], None]) -> None:
    for one in queue:
        if stage.nursery.gone:
            return  # nothing can be started any more, and too few runs are a failure
        broken = len(report.broken)
        await _run(stage, one, report)
        for found in report.broken[broken:]:
            if found.script is one:
                tell(found.text(report.seed))
        if report.total.runs % 20 == 0:
            tell(report.progress())


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="watchtower-crash-", dir=_MEMORY if _MEMORY.is_dir() else None))


async def _open(stack: AsyncExitStack, *, postgres: bool) -> Stage:
    folder = _folder()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    clock = SharedClock.begin()
    server = stack.enter_context(running_postgres()) if postgres else None
    shelf = Shelf(folder, clock, server)
    await shelf.prepare()
    sites = await stack.enter_async_context(open_sites())
    return Stage(folder, clock, await stack.enter_async_context(nursery()), shelf, sites)


async def _run(stage: Stage, script: Script, report: Report) -> None:
    folder = stage.folder / f"run{script.number}"
    folder.mkdir()
    clock = stage.clock.copy()
    store = await (stage.shelf.database(script.number) if script.postgres else stage.shelf.sqlite(folder))
    ports = (quiet_port(), quiet_port())
    try:
        async with open_world(script, folder, clock, ports=ports, store=store.url, site=stage.sites.url) as world:
            verdict = await conduct(world, stage.nursery, store, stage.sites)
            report.add(script, verdict, world.timeline, folder / "daemon.log")
    except Exception as error:  # noqa: BLE001 - one run of a thousand; it is reported like a broken promise
        traceback.print_exc()
        report.add(script, Verdict(Counts(runs=1), [f"the harness failed: {error!r}"]), [], folder / "daemon.log")
    finally:
        await store.close()
        shutil.rmtree(folder, ignore_errors=True)
