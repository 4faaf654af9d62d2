"""A queue that cannot be read is told after five minutes, and not forgotten by a restart."""

from __future__ import annotations

from watchtower.engine.deafness import deaf_concerns, still_deaf
from watchtower.live.queues import QueueHealth
from watchtower.model import AlertKey, Labels, Priority

HERE = ("prod", "eu-west-1")
KEY = AlertKey("WatchtowerSourceFailing", Labels({"source": "events", "account": "prod", "region": "eu-west-1"}))
FAILING = QueueHealth(100.0, "ReceiveMessage: AccessDenied", heard=True)


def test_a_queue_that_could_not_be_read_for_five_minutes_is_told() -> None:
    assert list(deaf_concerns({HERE: FAILING}, 399)) == []
    [concern] = deaf_concerns({HERE: FAILING}, 400)
    assert (concern.key, concern.priority, concern.reason) == (KEY, Priority.P3, "ReceiveMessage: AccessDenied")
    assert concern.summary == (
        "events prod eu-west-1: the queue cannot be read, for 5m: what AWS announces is seen only when it is polled"
    )


def test_a_queue_that_is_read_is_no_concern() -> None:
    assert list(deaf_concerns({HERE: QueueHealth(heard=True)}, 10_000)) == []


def test_the_alert_goes_on_until_the_queue_was_read_or_is_told_again() -> None:
    assert still_deaf({HERE: QueueHealth()}, 0) == {KEY}
    assert still_deaf({HERE: QueueHealth(100.0, "refused")}, 200) == {KEY}
    assert still_deaf({HERE: QueueHealth(heard=True)}, 0) == frozenset()
    assert still_deaf({HERE: FAILING}, 400) == frozenset(), "then it is a concern of its own"
