"""The installed command, run as a user runs it: its own process, real signals, its own files."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from typer.testing import CliRunner

from watchtower.cli import app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

COMMAND = [str(Path(sys.executable).with_name("watchtower"))]
#: Real seconds a process may take to become ready on a machine that runs other tests too.
PATIENCE = 30.0


def free_port() -> int:
    """A port that nothing listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def own_address() -> str | None:
    """An address of this machine that is not loopback; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing:
        try:
            probing.connect(("198.51.100.1", 9))
        except OSError:
            return None
        found: str = probing.getsockname()[0]
        return None if found.startswith("127.") else found


async def until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something that another process does; the real seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not holds():
        if loop.time() - began > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.05)
    return loop.time() - began


class Daemon:
    """One `watchtower run`, or whatever command is given, and what it logged."""

    def __init__(self, folder: Path, arguments: Sequence[str], url: str, env: Mapping[str, str]) -> None:
        self._arguments = list(arguments)
        self._env = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **env}
        self._log = folder / "daemon.log"
        self._process: asyncio.subprocess.Process | None = None
        self.url = url

    async def start(self) -> None:
        """Start the process; it is not ready yet."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments, stdout=log, stderr=log, env=self._env
            )

    async def ready(self) -> None:
        """Wait until /readyz says so."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (await self.get("/readyz"))[0] != 200:
            if self.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"not ready ({self.returncode}); it said:\n{self.said()}")
            await asyncio.sleep(0.05)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a page of the daemon; status 0 when it does not answer."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(self.url + path, headers=headers) as response,
            ):
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, seconds: float = 15) -> int:
        """Wait for the process to end; its exit code (negative: killed by that signal)."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def kill(self) -> None:
        """kill -9, and wait for the end."""
        if self.returncode is None:
            self.send(signal.SIGKILL)
        await self.ended()

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.returncode

    def said(self) -> str:
        """Everything it printed so far."""
        return self._log.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        lines = [orjson.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


@asynccontextmanager
async def running(
    folder: Path, config: Path, url: str, env: Mapping[str, str], command: Sequence[str] = (*COMMAND, "run")
) -> AsyncIterator[Daemon]:
    """A daemon that is ready, and gone afterwards whatever happens."""
    daemon = Daemon(folder, [*command, "--config", str(config)], url, env)
    await daemon.start()
    try:
        await daemon.ready()
        yield daemon
    finally:
        await daemon.kill()


async def command(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def command_here(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """The same inside this process: a second of imports is saved. Not for commands that configure logs."""
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
