"""When a channel is told to fail, how urgently, and when resolves that are owed are told of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START
from watchtower.engine.undelivered import channel_concerns
from watchtower.model import Priority
from watchtower.store.values import ChannelHealth, OutboxDepth, Standing

if TYPE_CHECKING:
    from watchtower.engine.concern import Concern

P1, P2, P3, P4, P5 = Priority


def waiting(priority: Priority = P3, *, since: float = 0, count: int = 1, channel: str = "ops") -> OutboxDepth:
    return OutboxDepth(channel, priority, count, START + timedelta(seconds=since))


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def fares(**more: Any) -> dict[str, ChannelHealth]:
    return {"ops": ChannelHealth("ops", Standing(), **more)}


def found(seconds: float, *depths: OutboxDepth, channels: dict[str, ChannelHealth] | None = None) -> list[Concern]:
    return list(channel_concerns(depths, channels or {}, at(seconds)))


def test_what_waits_for_a_minute_says_that_its_channel_fails() -> None:
    assert found(59, waiting()) == []

    [concern] = found(245, waiting(count=4), channels=fares(accepted_at=at(-60)))

    assert (concern.name, dict(concern.identity)) == ("WatchtowerDeliveryFailing", {"channel": "ops"})
    assert concern.summary == "channel ops: 4 deliveries wait, the oldest for 4m5s"
    assert concern.reason == "the last was accepted 5m5s ago"


@pytest.mark.parametrize(
    ("depths", "told"),
    [
        ((waiting(P5),), P3),
        ((waiting(P5), waiting(P2)), P2),
        ((waiting(P2), waiting(P1)), P1),
        ((waiting(P5), waiting(P1, since=30)), P3),
    ],
)
def test_it_is_as_urgent_as_the_most_urgent_page_that_waits_too_long(
    depths: tuple[OutboxDepth, ...], told: Priority
) -> None:
    [concern] = found(60, *depths)
    assert concern.priority is told


def test_each_channel_that_fails_is_told_once() -> None:
    concerns = found(60, waiting(P3), waiting(P4), waiting(P4, channel="audit"))
    assert [dict(concern.identity)["channel"] for concern in concerns] == ["audit", "ops"]


def test_a_delivery_that_was_given_up_is_told_for_a_while_though_others_are_accepted() -> None:
    channels = fares(dead=2, died_at=at(0), accepted_at=at(30))

    [concern] = found(60, channels=channels)
    assert concern.summary == "channel ops: 2 were given up, the newest 1m ago"
    assert concern.priority is P3
    assert found(901, channels=channels) == []


def test_a_channel_that_accepted_nothing_since_it_gave_up_still_fails() -> None:
    assert found(9000, channels=fares(dead=1, died_at=at(0), accepted_at=at(-5)))
    assert found(9000, channels=fares(dead=1, died_at=at(0)))


def test_a_channel_that_has_nothing_to_say_is_well() -> None:
    assert found(9000, channels=fares(accepted_at=at(0), owed=3)) == []


def test_resolves_that_are_overdue_are_told_at_p3() -> None:
    [concern] = found(420, channels=fares(owed=4, overdue=2, overdue_since=at(60)))

    assert (concern.name, concern.priority) == ("WatchtowerResolveOwed", P3)
    assert concern.summary == "channel ops: 2 resolves are owed for 6m: what ended may still look open there"


def test_what_is_owed_where_nothing_leads_is_told_as_that_and_how_it_is_closed() -> None:
    """The channel does not fail: nothing would ever end that alert."""
    owes = fares(owed=1, overdue=1, overdue_since=at(0), dead=2, died_at=at(0))

    [concern] = channel_concerns([], owes, at(7200), lost={"ops"})

    assert (concern.name, concern.priority) == ("WatchtowerResolveOwed", P3)
    assert "`watchtower forget ops`" in concern.reason
