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


async def test_more_hanging_names_than_threads_delay_no_healthy_one_for_long() -> None:
    lookups = Lookups()
    resolver = ThreadedResolver(lookups, threads=32, slow_threads=64, patience=0.02)
    for _ in range(2):
        hanging = [asyncio.create_task(resolver.resolve(f"slow-{n}")) for n in range(60)]
        async with asyncio.timeout(5):
            healthy = await asyncio.gather(*(resolver.resolve(f"fast-{n}") for n in range(100)))
        assert len(healthy) == 100
        await until_asked(lookups, 160)
        assert not any(resolver.waits(f"slow-{n}") for n in range(60))
        await asyncio.sleep(0.1)
        lookups.gate.set()
        await asyncio.gather(*hanging)
        lookups.gate.clear()
        lookups.asked.clear()
    resolver.close()


async def test_a_name_that_hung_holds_no_thread_of_the_others_until_it_answers_at_once() -> None:
    lookups = Lookups()
    resolver = ThreadedResolver(lookups, threads=1, slow_threads=1, patience=0.02)
    first = asyncio.create_task(resolver.resolve("slow"))
    await until_asked(lookups, 1)
    assert await resolver.resolve("www") == ["192.0.2.1"]
    lookups.gate.set()
    await first
    lookups.gate.clear()

    again = asyncio.create_task(resolver.resolve("slow"))
    await until_asked(lookups, 3)
    other = asyncio.create_task(resolver.resolve("slow-2"))
    await until_asked(lookups, 4)
    assert lookups.asked == ["slow", "www", "slow", "slow-2"]
    lookups.gate.set()
    await asyncio.gather(again, other)

    assert await resolver.resolve("slow") == ["192.0.2.1"]
    resolver.close()


async def test_threads_for_names_that_hang_are_bounded_too() -> None:
    lookups = Lookups()
    resolver = ThreadedResolver(lookups, threads=2, slow_threads=3, patience=0.01)
    hanging = [asyncio.create_task(resolver.resolve(f"slow-{n}")) for n in range(20)]
    await until_asked(lookups, 5)
    await asyncio.sleep(0.1)
    assert len(lookups.asked) == 5
    assert resolver.waits("slow-19")
    lookups.gate.set()
    await asyncio.gather(*hanging)
    resolver.close()


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


async def test_who_waited_for_a_thread_is_told_when_the_lookup_begins_and_who_did_not_is_not() -> None:
    begun = []
    with resolving(threads=1) as (resolver, lookups):
        first = asyncio.create_task(resolver.resolve("slow", lambda: begun.append("slow")))
        await until_asked(lookups, 1)
        second = asyncio.create_task(resolver.resolve("www", lambda: begun.append("www")))
        await asyncio.sleep(0.01)
        assert begun == []
        lookups.gate.set()
        await asyncio.gather(first, second)

    assert begun == ["www"]


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
async def test_an_address_is_its_own_answer_even_when_every_thread_hangs(address: str) -> None:
    with resolving(threads=1) as (resolver, lookups):
        hanging = asyncio.create_task(resolver.resolve("slow"))
        await until_asked(lookups, 1)

        assert list(await resolver.resolve(address)) == [address]
        assert lookups.asked == ["slow"]
        lookups.gate.set()
        await hanging
