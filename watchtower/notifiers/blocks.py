"""A Slack message from a delivery: blocks within Slack's limits and a fallback text.

Limits: https://docs.slack.dev/reference/block-kit/blocks and, undocumented, a message of 11,000 characters is
refused whole (https://github.com/slackapi/bolt-js/issues/2867). The budgets below add up to less than 9,000;
lengths are UTF-16 units of the escaped text, the strictest way to count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from watchtower.clock import epoch
from watchtower.notifiers import message
from watchtower.notifiers.text import clean, clock_time, cut, one_line, utf16_units

if TYPE_CHECKING:
    from watchtower.model import Delivery, Notice

HEADER_LIMIT = 150
FALLBACK_LIMIT = 1000
STATEMENT_LIMIT = 1800
MEMBER_LIMIT = 200
EVIDENCE_LIMIT = 1500
FIELD_LIMIT = 150
LINK_LIMIT = 600
CONTEXT_LIMIT = 500
#: Fields are two columns; more than eight are not read.
FIELDS = 8

Block = dict[str, Any]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str, limit: int) -> str:
    """The text without a way to mention or format anybody in, cut to ``limit``, never inside an entity."""
    return "".join(_ENTITIES.get(char, char) for char in cut(clean(text), limit, _escaped_units))


def _escaped_units(text: str) -> int:
    return utf16_units(text) + 3 * (text.count("<") + text.count(">")) + 4 * text.count("&")


def fallback(notice: Notice) -> str:
    """The whole message in one line: what a notification shows and a screen reader says."""
    member = message.lead(notice)
    known = message.facts(member) if member else ""
    return escaped(f"{message.headline(notice)} ({known or notice.route}). {message.course(notice)}", FALLBACK_LIMIT)


def blocks(delivery: Delivery) -> list[Block]:
    """Header, sentence, fields, members, evidence, runbook and context; what is empty is left out."""
    notice = delivery.notice
    parts = [_header(notice), _statement(notice), _fields(notice)]
    if len(notice.members) > 1:
        parts.append(_section("\n".join(escaped(line, MEMBER_LIMIT) for line in message.members(notice))))
    parts += _evidence(notice)
    parts += _runbook(notice)
    parts.append(_context(delivery))
    return parts


def reply(notice: Notice) -> list[Block]:
    """The short form for a thread whose message already tells everything."""
    return [_section(f"*{escaped(message.headline(notice), HEADER_LIMIT)}*"), _statement(notice)]


def _header(notice: Notice) -> Block:
    text = cut(message.headline(notice), HEADER_LIMIT, utf16_units)
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _statement(notice: Notice) -> Block:
    member = message.lead(notice)
    said = f"{message.statement(member)}\n" if member else ""
    return _section(escaped(f"{said}{message.course(notice)}", STATEMENT_LIMIT))


def _fields(notice: Notice) -> Block:
    since = f"*Since*\n{_local_time(notice)}"
    told = [
        f"*{escaped(one_line(name), 40)}*\n{escaped(one_line(value), FIELD_LIMIT)}"
        for name, value in _facts(notice).items()
    ]
    return {"type": "section", "fields": [_mrkdwn(text) for text in [since, *told[: FIELDS - 1]]]}


def _facts(notice: Notice) -> dict[str, str]:
    """What the fields say, most telling first: the place, what people wrote, what tells the member from others."""
    member = message.lead(notice)
    facts = {"rule": message.rule(notice), "environment": notice.environment, **notice.group_labels}
    if member:
        facts |= message.annotated(member) | message.labels(member)
    return {name: value for name, value in facts.items() if one_line(value) and name not in _TOLD}


#: Labels that the header and the other fields already say.
_TOLD = frozenset({"alert", "priority"})


def _local_time(notice: Notice) -> str:
    stamp = int(epoch(notice.opened_at))
    return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{clock_time(notice.opened_at)}>"


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def _evidence(notice: Notice) -> list[Block]:
    lines = "\n".join(message.evidence(notice)).replace("```", "'''")
    return [_section(f"```{escaped(lines, EVIDENCE_LIMIT - 6)}```")] if lines else []


def _runbook(notice: Notice) -> list[Block]:
    link = quote(message.runbook(notice) or "", safe="/:?#[]@!$&'()*+,;=%~")
    if not link or _escaped_units(link) > LINK_LIMIT:
        return []
    return [_section(f"<{escaped(link, LINK_LIMIT)}|Runbook>")]


def _context(delivery: Delivery) -> Block:
    notice = delivery.notice
    counted = f"{message.counts(notice)} · " if notice.firing + notice.muted + notice.resolved > 1 else ""
    told = f"{counted}incident {notice.incident_id} · route {one_line(notice.route)} · watchtower"
    return {"type": "context", "elements": [_mrkdwn(escaped(told, CONTEXT_LIMIT))]}
