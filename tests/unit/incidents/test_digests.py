"""What leaves together, and how it is composed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import START
from tests.support.make import delivery, notice
from watchtower.incidents.digests import DIGEST_ABOVE, MOST, Batch, Choice, Kind, Waiting, choose, compose
from watchtower.model import Delivery, DeliveryState, Event, Priority

P1, P2, P3, P4, P5 = Priority
#: The first row leaves by itself.
ONE = Choice(Kind.SINGLE, None, (1,))
LATER = START + timedelta(minutes=5)


def row(seq: int, tier: Priority = P3, event: Event = Event.TRIGGER, **more: Any) -> Waiting:
    return Waiting(
        **{"seq": seq, "tier": tier, "event": event, "state": DeliveryState.PENDING, "destination": "x", **more}
    )


def queue(count: int = DIGEST_ABOVE + 1, **more: Any) -> list[Waiting]:
    return [row(seq, **more) for seq in range(1, count + 1)]


# -- choosing ----------------------------------------------------------------------------------------------------------


def test_ten_that_wait_leave_one_by_one_and_eleven_together() -> None:
    assert choose([]) is None
    assert choose(queue(DIGEST_ABOVE)) == ONE
    assert choose(queue()) == Choice(Kind.POST, None, tuple(range(1, 12)))


def test_a_p1_leaves_by_itself_and_before_the_digest() -> None:
    assert choose([row(99, P1), *queue()]) == Choice(Kind.SINGLE, None, (99,))
    assert choose(queue(tier=P1)) == ONE


def test_a_digest_takes_what_is_most_urgent_and_is_bounded() -> None:
    chosen = choose(queue(MOST + 50))
    assert chosen is not None
    assert chosen.seqs == tuple(range(1, MOST + 1))


def test_what_may_have_arrived_by_itself_is_not_told_again_with_others() -> None:
    unknown = row(50, state=DeliveryState.AMBIGUOUS)
    assert choose([unknown, *queue()]) == Choice(Kind.SINGLE, None, (50,)), "it is looked for first"
    chosen = choose([*queue(), unknown])
    assert chosen is not None
    assert 50 not in chosen.seqs


def test_other_destinations_of_a_channel_are_not_mixed_in() -> None:
    assert choose([*queue(6), *(replace(one, seq=one.seq + 50, destination="y") for one in queue(6))]) == ONE


@pytest.mark.parametrize("state", [DeliveryState.AMBIGUOUS, DeliveryState.SENDING])
def test_a_digest_that_may_have_arrived_is_sent_again_as_it_was(state: DeliveryState) -> None:
    assert choose([row(1, state=state, digest="d"), *queue()]) == Choice(Kind.AGAIN, "d")


def test_the_ends_of_one_digests_incidents_are_one_edit_however_few() -> None:
    end: dict[str, Any] = {"event": Event.RESOLVE, "told_in": "d"}
    other = row(7, event=Event.RESOLVE, told_in="e")
    waiting = [row(1, **end), other, row(2, P5, Event.UPDATE, told_in="d"), *queue(3)]
    assert choose(waiting) == Choice(Kind.EDIT, "d", (1, 2))
    assert choose([row(1, **end)]) == Choice(Kind.EDIT, "d", (1,))


def test_an_incident_with_a_message_of_its_own_ends_there() -> None:
    assert choose([row(1, event=Event.RESOLVE, told_in="d", own=True)]) == ONE
    assert choose(queue(event=Event.RESOLVE, own=True)) == ONE


def test_ends_that_edit_nothing_are_messages_and_digested_like_others() -> None:
    chosen = choose(queue(event=Event.RESOLVE))
    assert chosen is not None
    assert chosen.kind is Kind.POST


def test_reminders_of_many_incidents_are_one_message() -> None:
    chosen = choose(queue(event=Event.REPEAT, own=True))
    assert chosen is not None
    assert chosen.kind is Kind.POST


def test_after_a_digest_messages_wait_for_company_but_no_p1_no_edit_and_nothing_that_may_have_arrived() -> None:
    assert choose(queue(3), gathering=True) is None
    assert choose([*queue(3), row(9, P1)], gathering=True) == Choice(Kind.SINGLE, None, (9,))
    edit = row(9, P5, Event.RESOLVE, told_in="d")
    assert choose([*queue(30), edit], gathering=True) == Choice(Kind.EDIT, "d", (9,))
    assert choose([*queue(3), row(9, state=DeliveryState.AMBIGUOUS)], gathering=True) == Choice(Kind.SINGLE, None, (9,))


# -- composing ---------------------------------------------------------------------------------------------------------


def told(number: int, rule: str = "RdsCpuHigh", tier: Priority = P3, event: Event = Event.TRIGGER) -> Delivery:
    said = notice(event, tier, START + timedelta(seconds=number))
    members = (replace(said.members[0], name=rule),)
    said = replace(said, members=members, title=f"{tier} {rule}: db-{number} is hot", incident_id=f"i{number}")
    row = delivery(id=f"d{number}", seq=number, channel="ops", event=event, tier=tier, notice=said)
    return replace(row, incident_id=f"i{number}")


def batch(*rows: Delivery, kind: Kind = Kind.POST, **more: Any) -> Batch:
    return Batch("digest-1", kind, rows, more.pop("told", rows), **more)


def test_a_digest_is_ordered_by_priority_then_age_and_counts_per_rule() -> None:
    rows = [told(3, "DiskFull", P4), told(2), told(1), told(9, "SiteDown", P2)]
    composed = compose(batch(*rows), LATER)
    assert [member.summary for member in composed.notice.members] == [
        "db-9 is hot",
        "db-1 is hot",
        "db-2 is hot",
        "db-3 is hot",
    ]
    assert composed.notice.title == "4 incidents: RdsCpuHigh 2, DiskFull 1, SiteDown 1"
    assert (composed.id, composed.event, composed.tier, composed.notice.firing) == ("digest-1", Event.TRIGGER, P2, 4)
    assert composed.notice.digest


def test_rules_beyond_the_first_three_are_counted() -> None:
    rows = [told(number, f"Rule{number}") for number in range(5)]
    assert compose(batch(*rows), LATER).notice.title.endswith("Rule0 1, Rule1 1, Rule2 1 and 2 rules more")


def test_a_digest_that_may_have_arrived_is_looked_for_since_its_first_attempt() -> None:
    tried = replace(told(1), state=DeliveryState.AMBIGUOUS, attempts=1, first_attempt_at=START)
    composed = compose(batch(tried, replace(tried, attempts=3), kind=Kind.AGAIN), LATER)
    assert (composed.state, composed.attempts, composed.first_attempt_at) == (DeliveryState.AMBIGUOUS, 3, START)


def test_an_edit_shows_who_is_over_last_and_ends_with_the_last() -> None:
    ends = [told(1, event=Event.RESOLVE), told(2, event=Event.RESOLVE)]
    some = compose(batch(ends[0], kind=Kind.EDIT, told=(ends[0], told(2)), ref={"ts": "1"}), LATER)
    assert [member.firing for member in some.notice.members] == [True, False]
    assert (some.event, some.ref, some.notice.firing, some.notice.resolved) == (Event.UPDATE, {"ts": "1"}, 1, 1)
    last = compose(batch(ends[1], kind=Kind.EDIT, told=tuple(ends)), LATER)
    assert (last.event, last.notice.ended_at) == (Event.RESOLVE, LATER)


def test_an_edit_is_repeated_rather_than_looked_for() -> None:
    """Its message is older than the attempt, and says nothing of whether the edit arrived."""
    tried = replace(told(1, event=Event.RESOLVE), state=DeliveryState.AMBIGUOUS)
    assert compose(batch(tried, kind=Kind.EDIT), LATER).state is DeliveryState.PENDING
