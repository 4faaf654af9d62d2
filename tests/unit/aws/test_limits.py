from __future__ import annotations

import asyncio

from watchtower.aws.limits import BURST, HIGHEST_RATE, LOWEST_RATE, START_RATE, AdaptiveLimit, AdaptiveRate


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


def test_a_bucket_lets_a_burst_pass_and_then_as_many_a_second_as_it_may() -> None:
    rate = AdaptiveRate()
    waits = [rate.take(0.0)[1] for _ in range(int(BURST) + 10)]
    assert waits[: int(BURST)] == [0.0] * int(BURST)
    assert waits[-1] == 10 / START_RATE
    assert rate.take(100.0)[1] == 0.0, "it fills up again"


def test_one_throttled_burst_halves_the_rate_once_and_empties_the_bucket() -> None:
    rate = AdaptiveRate()
    numbers = [rate.take(0.0)[0] for _ in range(4)]
    for number in numbers:
        rate.throttled(number)
    assert rate.rate == START_RATE / 2
    assert rate.take(0.0)[1] == 1 / rate.rate
    for _ in range(20):
        rate.throttled(rate.take(0.0)[0])
    assert rate.rate == LOWEST_RATE


def test_a_second_of_successes_earns_one_more_call_a_second_up_to_the_highest() -> None:
    rate = AdaptiveRate()
    for _ in range(int(START_RATE)):
        rate.succeeded()
    assert START_RATE + 0.9 < rate.rate <= START_RATE + 1
    for _ in range(10_000):
        rate.succeeded()
    assert rate.rate == HIGHEST_RATE
