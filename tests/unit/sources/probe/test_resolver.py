"""Name lookups: one per name, bounded, and never in the way of others."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from watchtower.sources.probe.resolver import ThreadedResolver, choose, system_lookup
from watchtower.sources.probe.result import Down

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lookups:
    """A blocking lookup: names that begin with ``slow`` wait until they are let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.gate.wait(10)
        return ["192.0.2.1"]


@contextmanager
def resolving(threads: int) -> Iterator[tuple[ThreadedResolver, Lookups]]:
    lookups = Lookups()
    resolver = ThreadedResolver(lookups, threads=threads)
    try:
        yield resolver, lookups
    finally:
        lookups.gate.set()
        resolver.close()


async def until_asked(lookups: Lookups, count: int) -> None:
    async with asyncio.timeout(5):
        while len(lookups.asked) < count:
            await asyncio.sleep(0.001)


async def test_names_that_hang_do_not_delay_others_while_a_thread_is_left() -> None:
    with resolving(threads=7) as (resolver, lookups):
        hanging = [asyncio.create_task(resolver.resolve(f"slow-{n}")) for n in range(6)]
        await until_asked(lookups, 6)

        async with asyncio.timeout(5):
            healthy = await asyncio.gather(*(resolver.resolve(f"fast-{n}") for n in range(100)))

        assert len(healthy) == 100
        lookups.gate.set()
        await asyncio.gather(*hanging)


async def test_one_name_is_looked_up_once_at_a_time() -> None:
    with resolving(threads=4) as (resolver, lookups):
        waiting = [asyncio.create_task(resolver.resolve("slow")) for _ in range(5)]
        await until_asked(lookups, 1)
        await asyncio.sleep(0.01)
        lookups.gate.set()
        await asyncio.gather(*waiting)

        assert lookups.asked == ["slow"]


async def test_an_answer_is_not_kept_for_the_next_lookup() -> None:
    with resolving(threads=1) as (resolver, lookups):
        await resolver.resolve("www")
        await resolver.resolve("www")

        assert lookups.asked == ["www", "www"]


async def test_who_stops_waiting_does_not_take_the_lookup_from_the_others() -> None:
    with resolving(threads=1) as (resolver, lookups):
        impatient = asyncio.create_task(resolver.resolve("slow"))
        patient = asyncio.create_task(resolver.resolve("slow"))
        await until_asked(lookups, 1)
        impatient.cancel()
        lookups.gate.set()

        assert await patient == ["192.0.2.1"]


async def test_a_name_that_finds_no_thread_is_known_to_wait() -> None:
    with resolving(threads=1) as (resolver, lookups):
        first = asyncio.create_task(resolver.resolve("slow"))
        await until_asked(lookups, 1)
        second = asyncio.create_task(resolver.resolve("www"))
        await asyncio.sleep(0)

        assert (resolver.waits("slow"), resolver.waits("www"), resolver.waits("other")) == (False, True, False)
        lookups.gate.set()
        await asyncio.gather(first, second)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name not found"),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            "name lookup failed (temporary failure in name resolution)",
        ),
        (UnicodeError("label too long"), "name not found: it is no valid host name"),
    ],
)
async def test_a_failed_lookup_is_told_in_words(error: Exception, reason: str) -> None:
    def fails(_host: str) -> list[str]:
        raise error

    resolver = ThreadedResolver(fails)
    with pytest.raises(Down, match="^" + reason.replace("(", r"\(").replace(")", r"\)")):
        await resolver.resolve("www.example.com")
    resolver.close()


async def test_a_thread_survives_a_failed_lookup() -> None:
    answers: list[list[str] | Exception] = [OSError(5, "no"), ["192.0.2.1"]]

    def lookup(_host: str) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    resolver = ThreadedResolver(lookup, threads=1)
    with pytest.raises(Down):
        await resolver.resolve("a")
    assert await resolver.resolve("b") == ["192.0.2.1"]
    resolver.close()


async def test_the_machines_own_resolver_knows_localhost() -> None:
    assert "127.0.0.1" in system_lookup("localhost")
    assert system_lookup("192.0.2.7") == ["192.0.2.7"]


def test_ipv4_comes_first_and_ipv6_where_there_is_nothing_else() -> None:
    assert choose(["2001:db8::1", "192.0.2.1", "192.0.2.2"]) == "192.0.2.1"
    assert choose(["2001:db8::1", "2001:db8::2"]) == "2001:db8::1"
