"""The log of an incident in the thread of its Slack message: one reply per change, shown in the channel when it counts.

An edit notifies nobody. So what changed since the message was last written is compared with what is remembered beside
its address, and said once more in the thread: to the whole channel when it got worse, quietly otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.model import DeliveryState, Event
from watchtower.notifiers import message
from watchtower.notifiers.blocks import Block, called, escaped, fallback, reply
from watchtower.notifiers.text import clock_time, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery, Notice
    from watchtower.notifiers.blocks import Look

LINE_LIMIT = 600
#: New members that are named; the others are counted.
_NAMED = 5

#: Events that are said in the channel whatever changed: they are meant to be noticed.
_LOUD = frozenset({Event.TRIGGER, Event.REPEAT, Event.ESCALATION})


@dataclass(frozen=True, slots=True)
class News:
    """One reply; ``broadcast`` shows it in the channel too."""

    text: str
    blocks: list[Block]
    broadcast: bool


def remembered(delivery: Delivery, channel: str, ts: str, *, logged: bool) -> dict[str, Any]:
    """Where the incident's message is and what it says, so that the next delivery knows what is new."""
    notice = delivery.notice
    return {
        **_doubted(delivery),
        "channel": channel,
        "ts": ts,
        "tier": str(notice.tier),
        "members": _known(notice),
        "firing": notice.firing,
        "acknowledged": bool(notice.acknowledged_by),
        "logged": logged,
    }


def _doubted(delivery: Delivery) -> dict[str, Any]:
    """Since when a second message of the incident may have arrived: an earlier attempt went unanswered."""
    known = (delivery.ref or {}).get("twin_since")
    if known is None and not delivery.ref and delivery.state is not DeliveryState.PENDING and delivery.first_attempt_at:
        known = epoch(delivery.first_attempt_at)
    return {} if known is None else {"twin_since": known}


def _known(notice: Notice) -> int:
    return notice.firing + notice.muted + notice.resolved


def news(delivery: Delivery, look: Look) -> News | None:
    """What the thread is told, given what the message said before; None when an edit tells it well enough."""
    before = delivery.ref or {}
    if delivery.event in _LOUD:
        mention = called(delivery, look)
        return News(
            fallback(delivery.notice), _begun(delivery, before) + reply(delivery.notice, mention), broadcast=True
        )
    said, broadcast = _line(delivery.notice, before)
    if not said:
        return None
    line = escaped(f"{clock_time(delivery.notice.at)} · {said}", LINE_LIMIT)
    return News(line, [*_begun(delivery, before), _text(line)], broadcast)


def _line(notice: Notice, before: Mapping[str, Any]) -> tuple[str, bool]:
    """What is new in words, and whether the channel should see it."""
    if notice.event is Event.RESOLVE:
        return f"{message.emoji(notice)} {message.course(notice)}", False
    if notice.acknowledged_by and not before.get("acknowledged"):
        return f"✋ {message.in_hand(notice)}", False
    if not notice.acknowledged_by and before.get("acknowledged"):
        return f"{message.emoji(notice)} not acknowledged any more. {one_line(notice.reason)}", True
    joined = max(_known(notice) - before.get("members", _known(notice)), notice.firing - before.get("firing", 10**9), 0)
    return (_joined(notice, joined), True) if joined else ("", False)


def _joined(notice: Notice, count: int) -> str:
    """The newest members that fire."""
    firing = sorted((one for one in notice.members if one.firing), key=lambda one: one.since, reverse=True)
    named = [message.statement(one) for one in firing[: min(count, _NAMED)]]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return f"{message.emoji(notice)} {plural(count, 'alert')} joined, {notice.firing} firing: {'; '.join(named)}{more}"


def _begun(delivery: Delivery, before: Mapping[str, Any]) -> list[Block]:
    """The log's first line, said with the second: under a fresh message it would repeat what stands above."""
    if before.get("logged", True):
        return []
    at = clock_time(delivery.notice.opened_at)
    return [_text(escaped(f"{at} · {before.get('tier', delivery.notice.tier)} fired", LINE_LIMIT))]


def _text(line: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": line}}
