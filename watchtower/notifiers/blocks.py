"""A Slack message from a delivery: blocks within Slack's limits and a fallback text.

Limits: https://docs.slack.dev/reference/block-kit/blocks and, undocumented, a message of 11,000 characters is
refused whole (https://github.com/slackapi/bolt-js/issues/2867). The budgets below add up to less than 9,000;
lengths are UTF-16 units of the escaped text, the strictest way to count them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from watchtower import __version__
from watchtower.clock import epoch
from watchtower.model import Event, Priority
from watchtower.notifiers import message
from watchtower.notifiers.console_links import console_link, insights_link
from watchtower.notifiers.text import clean, clock_time, cut, one_line, utf16_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery, Notice

HEADER_LIMIT = 150
FALLBACK_LIMIT = 600
STATEMENT_LIMIT = 1500
MEMBER_LIMIT = 150
EVIDENCE_LIMIT = 1500
FIELD_LIMIT = 150
LINK_LIMIT = 500
CONTEXT_LIMIT = 600
#: Fields are two columns; more than eight are not read.
FIELDS = 8

#: What a click on a button asks for.
ACKNOWLEDGE = "watchtower.acknowledge"
SILENCE = "watchtower.silence"

#: What tells somebody for the first time. A message that is edited, repeated or ended calls nobody again.
_CALLS = frozenset({Event.TRIGGER, Event.ESCALATION})

Block = dict[str, Any]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Look:
    """What a channel's configuration adds to its messages.

    ``buttons``: a click reaches us; without that Slack shows a warning beside every button. ``mention`` is whom the
    first P1 message calls, in Slack's own notation.
    """

    buttons: bool = False
    mention: str = ""


PLAIN = Look()


def escaped(text: str, limit: int) -> str:
    """The text without a way to mention or format anybody in, cut to ``limit``, never inside an entity."""
    return "".join(_ENTITIES.get(char, char) for char in cut(clean(text), limit, _escaped_units))


def _escaped_units(text: str) -> int:
    return utf16_units(text) + 3 * (text.count("<") + text.count(">")) + 4 * text.count("&")


def fallback(notice: Notice) -> str:
    """The whole message in one line: what a notification shows and a screen reader says."""
    member = message.lead(notice)
    known = message.facts(member) if member else ""
    course = message.course(notice, told=member)
    return escaped(f"{message.headline(notice)} ({known or notice.route}). {course}", FALLBACK_LIMIT)


def blocks(delivery: Delivery, look: Look = PLAIN, *, edited: bool = False) -> list[Block]:
    """Header, sentence, fields, members, evidence, buttons or links, and context; what is empty is left out.

    ``edited``: it takes the place of an earlier message, and calls nobody.
    """
    notice = delivery.notice
    parts = [_header(notice), _statement(notice, "" if edited else called(delivery, look)), _fields(delivery)]
    if len(notice.members) > 1:
        parts.append(_section("\n".join(escaped(line, MEMBER_LIMIT) for line in message.members(notice))))
    parts += _evidence(notice)
    parts += _in_hand(notice)
    parts += _actions(notice) if look.buttons and notice.event is not Event.RESOLVE else _links(notice)
    parts.append(_context(delivery))
    return parts


def reply(notice: Notice, mention: str = "") -> list[Block]:
    """The short form for a thread whose message already tells everything."""
    return [_section(f"*{escaped(message.headline(notice), HEADER_LIMIT)}*"), _statement(notice, mention)]


def shown(notice: Notice) -> list[Block]:
    """Evidence that was late, for a thread."""
    return [_section(f"*{escaped(message.headline(notice), HEADER_LIMIT)}*"), *_evidence(notice)]


def called(delivery: Delivery, look: Look) -> str:
    """Whom this delivery calls: only the first that tells a channel of a P1."""
    told = (delivery.ref or {}).get("tier")
    first = delivery.event in _CALLS and delivery.tier is Priority.P1 and told != str(Priority.P1)
    return look.mention if first else ""


def _header(notice: Notice) -> Block:
    text = cut(message.headline(notice), HEADER_LIMIT, utf16_units)
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def _statement(notice: Notice, mention: str) -> Block:
    member = message.lead(notice)
    said = f"{message.statement(member)}\n" if member else ""
    calling = f"{mention} " if mention else ""
    return _section(calling + escaped(f"{said}{message.course(notice, told=member)}", STATEMENT_LIMIT))


# -- fields -----------------------------------------------------------------------------------------------------------


def _fields(delivery: Delivery) -> Block:
    notice = delivery.notice
    told = [
        f"*{escaped(one_line(name), 40)}*\n{escaped(one_line(value), FIELD_LIMIT)}"
        for name, value in _facts(notice).items()
    ]
    since = f"*Since*\n{_since(notice)}"
    lately = [f"*Lately*\n{delivery.times} times in 7 days"] if delivery.times > 1 else []
    return {"type": "section", "fields": [_mrkdwn(text) for text in [since, *lately, *told][:FIELDS]]}


def _facts(notice: Notice) -> dict[str, str]:
    """What the fields say, most telling first: the place, the resource, the rule, whose it is, what people wrote."""
    member = message.lead(notice)
    labels = {**notice.group_labels, **(message.labels(member) if member else {})}
    facts = {
        "Place": " · ".join(one_line(labels[name]) for name in ("account", "region") if labels.get(name)),
        "Resource": _resource(labels),
        "Rule": message.rule(notice),
        "Priority": str(notice.tier),
        "Owner": next((labels[name] for name in _OWNERS if labels.get(name)), ""),
        "Environment": notice.environment,
    }
    if member:
        facts |= message.annotated(member) | labels
    told = _TOLD | {name for name in labels if name in _OWNERS or one_line(labels[name]) == facts["Resource"]}
    return {name: value for name, value in facts.items() if one_line(value) and name not in told}


_OWNERS = ("owner", "team")
#: Labels that the header and the named fields already say.
_TOLD = frozenset({"alert", "priority", "account", "region", "environment", "source"})
#: Labels that say which resource it is, where no dimension of AWS does.
_RESOURCES = ("target", "resource", "cluster", "repository", "log_group")


def _resource(labels: Mapping[str, str]) -> str:
    """What is affected: the label that names it, else AWS's dimensions, which are written in capitals."""
    named = next((labels[name] for name in _RESOURCES if labels.get(name)), "")
    return one_line(named or ", ".join(value for name, value in labels.items() if name[:1].isupper()))


def _since(notice: Notice) -> str:
    stamp = int(epoch(notice.opened_at))
    return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{clock_time(notice.opened_at)}>"


def _evidence(notice: Notice) -> list[Block]:
    lines = "\n".join(message.evidence(notice)).replace("```", "'''")
    return [_section(f"```{escaped(lines, EVIDENCE_LIMIT - 6)}```")] if lines else []


# -- what can be done -------------------------------------------------------------------------------------------------


def _addresses(notice: Notice) -> dict[str, str]:
    """Where to go on: the runbook and the console, percent-encoded; one that is too long would lead nowhere."""
    member = message.lead(notice)
    console = console_link(member.labels, member.annotations) if member else None
    logs = insights_link(member.labels, member.since) if member else None
    found = {"Runbook": message.runbook(notice) or "", "Console": console or "", "Logs Insights": logs or ""}
    sound = {name: quote(link, safe="/:?#[]@!$&'()*+,;=%~") for name, link in found.items()}
    return {name: link for name, link in sound.items() if link and _escaped_units(link) <= LINK_LIMIT}


def _links(notice: Notice) -> list[Block]:
    links = [f"<{escaped(link, LINK_LIMIT)}|{name}>" for name, link in _addresses(notice).items()]
    return [_section(" · ".join(links))] if links else []


def _in_hand(notice: Notice) -> list[Block]:
    if not notice.acknowledged_by or notice.event is Event.RESOLVE:
        return []
    return [_section(f"✋ {escaped(message.in_hand(notice), MEMBER_LIMIT)}")]


def _actions(notice: Notice) -> list[Block]:
    """Buttons; what they send back is the incident's id and nothing else."""
    acknowledge = {**_button("Acknowledge", ACKNOWLEDGE), "value": notice.incident_id, "style": "primary"}
    silence = {**_button("Silence 1 h", SILENCE), "value": notice.incident_id}
    asked = [silence] if notice.acknowledged_by else [acknowledge, silence]
    addresses = _addresses(notice).items()
    links = [{**_button(name, f"watchtower.{name.lower().replace(' ', '_')}"), "url": link} for name, link in addresses]
    return [{"type": "actions", "block_id": "watchtower.actions", "elements": [*asked, *links]}]


def _button(text: str, action: str) -> Block:
    return {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": text, "emoji": False}}


def _context(delivery: Delivery) -> Block:
    notice = delivery.notice
    counted = message.counts(notice) if notice.firing + notice.muted + notice.resolved > 1 else ""
    told = [
        counted,
        f"incident {notice.incident_id}",
        f"route {cut(one_line(notice.route), FIELD_LIMIT)}",
        *message.receipts(delivery),
        f"watchtower {__version__}",
    ]
    said = " · ".join(part for part in told if part)
    return {"type": "context", "elements": [_mrkdwn(escaped(said, CONTEXT_LIMIT))]}
