"""How a digest reads: counts per rule, the most urgent incidents, and how many more there are.

Its budgets add up to less than 9,000 characters in six blocks: what Slack refuses for its size tells nobody anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.incidents.notices import by_number
from watchtower.notifiers import blocks as single
from watchtower.notifiers import message
from watchtower.notifiers.blocks import HEADER_LIMIT, PLAIN, escaped
from watchtower.notifiers.text import cut, one_line, plural, utf16_units

if TYPE_CHECKING:
    from watchtower.model import Delivery, Notice, NoticeMember
    from watchtower.notifiers.blocks import Block, Look

#: Incidents that a digest names one by one, and the characters that each may take.
LINES = 30
LINE_LIMIT = 150
#: Rules that are counted by name.
RULES = 15
RULES_LIMIT = 1200
COURSE_LIMIT = 400
FALLBACK_LIMIT = 600
_LINES_A_SECTION = 15
_NAME = 80


def content(delivery: Delivery, look: Look = PLAIN, *, edited: bool = False) -> dict[str, Any]:
    """Text and blocks of any delivery to Slack, a digest or not."""
    notice = delivery.notice
    if notice.digest:
        return {"text": fallback(notice), "blocks": blocks(notice)}
    return {"text": single.fallback(notice), "blocks": single.blocks(delivery, look, edited=edited)}


def fallback(notice: Notice) -> str:
    """The digest in one line."""
    return escaped(f"{message.headline(notice)}. {message.course(notice)}", FALLBACK_LIMIT)


def blocks(notice: Notice) -> list[Block]:
    """Header, what this is, counts per rule, the incidents, and how many of them are over."""
    header = cut(message.headline(notice), HEADER_LIMIT, utf16_units)
    told = [escaped(line, LINE_LIMIT) for line in lines(notice)]
    sections = ["\n".join(told[at : at + _LINES_A_SECTION]) for at in range(0, len(told), _LINES_A_SECTION)]
    texts = [escaped(message.course(notice), COURSE_LIMIT), escaped(counted(notice), RULES_LIMIT), *sections]
    return [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}},
        *({"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts if text),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": escaped(_footer(notice), COURSE_LIMIT)}]},
    ]


def counted(notice: Notice) -> str:
    """``RdsCpuHigh 20, SiteDown 12``, of all of them."""
    found = by_number([cut(one_line(member.name), _NAME) or "no name" for member in notice.members])
    rest = [f"{plural(len(found) - RULES, 'rule')} more"] if len(found) > RULES else []
    return ", ".join([*(f"{name} {number}" for name, number in found[:RULES]), *rest])


def lines(notice: Notice) -> list[str]:
    """The most urgent incidents, one line each, and ``and N more``."""
    shown = notice.members[: LINES - 1 if len(notice.members) > LINES else LINES]
    hidden = len(notice.members) - len(shown)
    return [*map(_line, shown), *([f"and {hidden} more"] if hidden else [])]


def _line(member: NoticeMember) -> str:
    mark = f"{message.EMOJI[member.priority]} {member.priority}" if member.firing else message.RESOLVED_EMOJI
    return cut(
        f"{mark} {one_line(member.name)}: {one_line(member.summary) or one_line(str(member.labels))}", LINE_LIMIT
    )


def _footer(notice: Notice) -> str:
    return f"{notice.firing} firing, {notice.resolved} resolved · {one_line(notice.environment)} · watchtower"
