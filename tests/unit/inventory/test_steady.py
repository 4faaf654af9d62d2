from __future__ import annotations

import asyncio

from tests.support.clock import ManualClock
from watchtower.errors import SourceError
from watchtower.inventory.steady import Steady, judge
from watchtower.model import TroubleReason as Why

TEN = frozenset(range(10))
THROTTLED = SourceError(Why.THROTTLED, "ListMetrics: Throttling")


class Listing:
    """Answers the listings in turn, the last one for ever."""

    def __init__(self, *answers: frozenset[int] | SourceError) -> None:
        self.answers = answers
        self.calls = 0

    async def __call__(self, key: str) -> frozenset[int]:
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        await asyncio.sleep(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer


def test_a_set_that_grows_or_shrinks_a_little_is_believed() -> None:
    for new in (frozenset(range(20)), frozenset(range(6)), TEN):
        assert judge(TEN, new, doubted=False).items == new


def test_a_set_that_loses_half_at_once_is_doubted_and_says_so() -> None:
    known = judge(TEN, frozenset(range(5)), doubted=False)
    assert known.items == TEN
    assert not known.fresh
    assert "only 5 of 10" in known.detail


def test_an_empty_listing_after_a_full_one_is_doubted() -> None:
    assert judge(frozenset({1}), frozenset(), doubted=False).items == frozenset({1})


def test_the_first_listing_is_believed_even_when_empty() -> None:
    assert judge(None, frozenset(), doubted=False).fresh
    assert judge(frozenset(), frozenset(), doubted=False).fresh


async def test_a_set_is_listed_again_only_after_the_interval() -> None:
    clock, listing = ManualClock(), Listing(TEN)
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    clock.advance(299)
    await steady.get("a")
    assert listing.calls == 1
    clock.advance(1)
    await steady.get("a")
    assert listing.calls == 2


async def test_concurrent_askers_of_one_key_share_one_listing() -> None:
    listing = Listing(TEN)
    steady = Steady(listing, ManualClock(), 300)
    await asyncio.gather(*(steady.get("a") for _ in range(5)), steady.get("b"))
    assert listing.calls == 2


async def test_concurrent_askers_share_a_failure_too() -> None:
    listing = Listing(THROTTLED)
    steady = Steady(listing, ManualClock(), 300)
    found = await asyncio.gather(*(steady.get("a") for _ in range(5)))
    assert listing.calls == 1
    assert {known.detail for known in found} == {"ListMetrics: Throttling"}


async def test_a_failed_refresh_keeps_the_old_set_and_says_why() -> None:
    clock, listing = ManualClock(), Listing(TEN, THROTTLED, TEN)
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    clock.advance(300)
    known = await steady.get("a")
    assert known.items == TEN
    assert not known.fresh
    assert known.reason == Why.THROTTLED
    clock.advance(30)
    assert (await steady.get("a")).fresh


async def test_a_halved_set_is_believed_when_the_next_listing_confirms_it() -> None:
    clock, listing = ManualClock(), Listing(TEN, frozenset({1, 2}))
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    clock.advance(300)
    assert (await steady.get("a")).items == TEN
    clock.advance(30)
    known = await steady.get("a")
    assert known.items == frozenset({1, 2})
    assert known.fresh


async def test_a_half_that_must_be_missing_for_some_time_is_looked_at_again_and_again() -> None:
    clock, listing = ManualClock(), Listing(TEN, frozenset({1}))
    steady = Steady(listing, clock, 300, settle=660)
    await steady.get("a")
    clock.advance(300)
    known = await steady.get("a")
    assert known.detail == "only 1 of 10 were listed; kept until it is so for 11m"
    for wait in (30, 300, 300):
        clock.advance(wait)
        assert (await steady.get("a")).items == TEN
    clock.advance(30)
    assert (await steady.get("a")).items == frozenset({1})


async def test_a_set_is_settled_when_it_is_known_for_long_enough() -> None:
    clock = ManualClock()
    steady = Steady(Listing(TEN), clock, 300, settle=600)
    steady.seed("a", TEN)
    assert not (await steady.get("a")).settled
    clock.advance(599)
    assert not (await steady.get("a")).settled
    clock.advance(1)
    assert (await steady.get("a")).settled


async def test_a_halved_set_that_recovers_was_never_believed() -> None:
    clock, listing = ManualClock(), Listing(TEN, frozenset(), TEN, frozenset())
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    for wait, items in ((300, TEN), (30, TEN), (300, TEN)):
        clock.advance(wait)
        assert (await steady.get("a")).items == items


async def test_a_failure_between_two_halved_listings_does_not_make_the_doubt_forgotten() -> None:
    clock, listing = ManualClock(), Listing(TEN, frozenset({1}), THROTTLED, frozenset({1}))
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    for wait, items in ((300, TEN), (30, TEN), (30, frozenset({1}))):
        clock.advance(wait)
        assert (await steady.get("a")).items == items


async def test_a_set_never_listed_is_unknown_rather_than_empty() -> None:
    assert (await Steady(Listing(THROTTLED), ManualClock(), 300).get("a")).items is None


async def test_what_an_earlier_process_knew_survives_a_failing_first_listing() -> None:
    steady = Steady(Listing(THROTTLED), ManualClock(), 300)
    steady.seed("a", TEN)
    known = await steady.get("a")
    assert known.items == TEN
    assert not known.fresh


async def test_what_an_earlier_process_knew_makes_a_halved_first_listing_doubted() -> None:
    steady = Steady(Listing(frozenset({1})), ManualClock(), 300)
    steady.seed("a", TEN)
    assert (await steady.get("a")).items == TEN


async def test_a_seed_does_not_replace_what_this_process_found() -> None:
    steady = Steady(Listing(TEN, THROTTLED), ManualClock(), 300)
    await steady.get("a")
    steady.seed("a", frozenset({99}))
    assert (await steady.get("a")).items == TEN


async def test_an_asker_that_gives_up_does_not_leave_the_others_waiting() -> None:
    steady = Steady(Listing(TEN), ManualClock(), 300)
    first = asyncio.create_task(steady.get("a"))
    second = asyncio.create_task(steady.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).items == TEN


async def test_what_happened_since_a_listing_makes_it_old() -> None:
    clock, listing = ManualClock(), Listing(TEN)
    steady = Steady(listing, clock, 300)
    await steady.get("a")
    await steady.get("a", told_at=clock.now())
    assert listing.calls == 1, "the listing is as new as that"
    clock.advance(5)
    told_at = clock.now()
    await steady.get("a", told_at=told_at)
    await steady.get("a", told_at=told_at)
    assert listing.calls == 2
    clock.advance(-60)
    await steady.get("a", told_at=told_at)
    assert listing.calls == 2, "what is to happen only later says nothing"
