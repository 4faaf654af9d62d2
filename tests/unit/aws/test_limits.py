from __future__ import annotations

import asyncio

from watchtower.aws.limits import AdaptiveLimit


async def test_no_more_run_at_once_than_allowed() -> None:
    limit = AdaptiveLimit(start=2)
    running, most = 0, 0

    async def work() -> None:
        nonlocal running, most
        async with limit:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work() for _ in range(9)))
    assert most == 2


async def test_one_throttled_burst_halves_the_limit_once() -> None:
    limit = AdaptiveLimit(start=8)
    numbers = []
    for _ in range(8):
        async with limit as number:
            numbers.append(number)
    for number in numbers:
        limit.throttled(number)
    assert limit.allowed == 4


async def test_a_later_throttle_halves_it_again_but_never_to_nothing() -> None:
    limit = AdaptiveLimit(start=4)
    for _ in range(5):
        async with limit as number:
            limit.throttled(number)
    assert limit.allowed == 1


def test_a_round_of_successes_earns_one_more_place_up_to_the_highest() -> None:
    limit = AdaptiveLimit(start=4, highest=6)
    for _ in range(5):
        limit.succeeded()
    assert limit.allowed == 5
    for _ in range(50):
        limit.succeeded()
    assert limit.allowed == 6


async def test_a_cancelled_call_gives_its_place_back() -> None:
    limit = AdaptiveLimit(start=1)

    async def hold() -> None:
        async with limit:
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(1), limit:
        pass
