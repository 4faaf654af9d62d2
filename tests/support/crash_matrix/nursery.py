"""Lives of the daemon: started by the zygote, watched until they end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.support.crash_matrix.clock import SharedClock
    from tests.support.crash_matrix.deaths import Death


#: Real seconds that the zygote gets to kill its children.
_ENDS_WITHIN = 5.0


@dataclass
class Life:
    """One process."""

    pid: int = 0
    code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.signal(signal.SIGKILL)
        await self.ended.wait()


class ZygoteGone(Exception):
    """The process that every life is forked from ended by itself; its children end with it."""


class Nursery:
    """The zygote as seen from the harness."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lives: dict[int, Life] = {}
        self.gone = False

    async def start(self, config: Path, env: Mapping[str, str], death: Death | None, clock: SharedClock) -> Life:
        """A new process on these files; raises ZygoteGone where nothing can be started any more."""
        number, life = len(self._lives), Life()
        self._lives[number] = life
        order = {
            "life": number,
            "config": str(config),
            "log": str(config.parent / "daemon.log"),
            "env": dict(env),
            "death": asdict(death) if death else None,
            "clock": asdict(clock),
        }
        assert self._process.stdin is not None
        with suppress(ConnectionError):
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            await self._process.stdin.drain()
            if not self.gone:
                await life.began.wait()
        if self.gone or not life.pid:
            raise ZygoteGone("the zygote is gone")
        return life

    async def listen(self) -> None:
        """Take in what becomes of the lives."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._hear(orjson.loads(line))
        self.gone = True
        for life in self._lives.values():
            life.began.set()
            life.ended.set()

    def _hear(self, told: Mapping[str, Any]) -> None:
        if told["event"] == "ready":
            return
        life = self._lives[told["life"]]
        if told["event"] == "began":
            life.pid = told["pid"]
            life.began.set()
        elif told["event"] == "stopped":
            life.stopped.set()
        else:
            life.code = told["code"]
            life.ended.set()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """A zygote, and the end of everything it forked."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.crash_matrix.zygote"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
    )
    made = Nursery(process)
    listening = asyncio.create_task(made.listen(), name="nursery")
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()  # its children follow
            await process.wait()
        await listening
