"""The wording every channel shares: one headline, one sentence, bounded lists.

Whatever an alert carries (ten thousand characters, hundreds of members, control characters), what leaves here
is bounded; a message a vendor refuses for its size is a bug of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.model import Event, Priority
from watchtower.notifiers.text import clean, clock_time, cut, elapsed, number, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.model import Delivery, Notice, NoticeMember

#: Members listed one by one; the rest is counted.
LISTED_MEMBERS = 10
#: Members that a machine is told of at most: the first whole, the others in a line.
MOST_OTHERS = 50
#: Evidence lines shown, and the characters each may take.
EVIDENCE_LINES = 10
EVIDENCE_WIDTH = 150
#: Characters of all evidence, and of a line that takes what the others leave of them: a page's answer is one line.
EVIDENCE_ROOM, EVIDENCE_LONGEST = 1_400, 900

_SENTENCE = 1000
_LINK = 2000
_LABELS = 20
_LABEL_NAME = 100
_LABEL_VALUE = 200

EMOJI: Mapping[Priority, str] = {
    Priority.P1: "🔴",
    Priority.P2: "🟠",
    Priority.P3: "🟡",
    Priority.P4: "🔵",
    Priority.P5: "⚪",
}
RESOLVED_EMOJI = "🟢"
#: Ended here alone: another route goes on telling of it.
MOVED_EMOJI = "➡️"
#: Tells more of what was told: nothing began.
EVIDENCE_EMOJI = "🔎"
#: Fires, but is held back: nobody is asked to act on it.
MUTED_EMOJI = "🔇"

_WORDS: Mapping[Event, str] = {
    Event.TRIGGER: "FIRING",
    Event.UPDATE: "FIRING",
    Event.REPEAT: "STILL FIRING",
    Event.ESCALATION: "ESCALATED",
    Event.ACKNOWLEDGE: "ACKNOWLEDGED",
    Event.GRAPH: "FIRING",
    Event.EVIDENCE: "EVIDENCE",
    Event.RESOLVE: "RESOLVED",
}


def emoji(notice: Notice) -> str:
    """The colour of the message, readable without opening it."""
    if notice.event is Event.RESOLVE:
        return MOVED_EMOJI if notice.moved_to else RESOLVED_EMOJI
    if notice.event is Event.EVIDENCE:
        return EVIDENCE_EMOJI
    return MUTED_EMOJI if _muted(notice) else EMOJI[notice.tier]


def status(notice: Notice) -> str:
    """``P1 FIRING``, ``P3 RESOLVED``, ``P1 FIRING (late by 4 min)``."""
    label = f" ({cut(one_line(notice.label), _LABEL_NAME)})" if notice.label else ""
    return f"{notice.tier} {_word(notice)}{label}"


def _word(notice: Notice) -> str:
    """What stands in capitals; a change does not take back that it is muted, or that somebody has it in hand."""
    if notice.moved_to:
        return "MOVED"
    if _muted(notice):
        return "MUTED"
    held = notice.event is Event.UPDATE and notice.acknowledged_by
    return _WORDS[Event.ACKNOWLEDGE if held else notice.event]


def _muted(notice: Notice) -> bool:
    """Whatever still fires is held back; the message changes, and asks nobody to act."""
    return notice.event is Event.UPDATE and notice.muted > 0 and notice.firing == 0


def headline(notice: Notice) -> str:
    """The one line a locked phone shows: ``🔴 P1 FIRING · RdsCpuHigh: db-1 …``."""
    return f"{emoji(notice)} {status(notice)} · {title(notice)}"


def title(notice: Notice) -> str:
    """The incident in one line, never empty; the priority is said by :func:`status` already."""
    return cut(one_line(notice.title).removeprefix(f"{notice.tier} "), _SENTENCE) or rule(notice)


def lead(notice: Notice) -> NoticeMember | None:
    """The member the message speaks about: the flush puts urgent and firing ones first."""
    return notice.members[0] if notice.members else None


def rule(notice: Notice) -> str:
    """The name of the lead member's rule."""
    member = lead(notice)
    return one_line(member.name if member else notice.route)


def runbook(notice: Notice) -> str | None:
    """The first runbook a member names that is a web address of bearable length."""
    for member in notice.members:
        link = "".join(clean(member.runbook or "").split())
        if link.startswith(("https://", "http://")) and len(link) <= _LINK:
            return link
    return None


def statement(member: NoticeMember) -> str:
    """One sentence: what, the value, and against which threshold."""
    told = facts(member)
    said = cut(one_line(member.summary) or one_line(member.name), _SENTENCE)
    return cut(f"{said} ({told})" if told else said, 2 * _SENTENCE)


def facts(member: NoticeMember) -> str:
    """The value, the evaluation's reason, since when data is missing and what holds it back; empty when unknown."""
    known = []
    if member.value is not None:
        known.append(f"value {number(member.value)}")
    if member.reason:
        known.append(one_line(member.reason))
    if member.no_data_since:
        known.append(f"no data since {clock_time(member.no_data_since)}")
    if member.firing and member.muted_by:
        known.append(one_line(member.muted_by))
    return "; ".join(known)


def duration(notice: Notice) -> str:
    """How long the incident has lasted, until its end or this notice."""
    return elapsed(notice.opened_at, notice.ended_at or notice.at)


def course(notice: Notice, *, told: NoticeMember | None = None) -> str:
    """``Firing for 5m, since …`` or ``Resolved after 12m``, and why this is said now.

    The facts of the member that was ``told`` just before are not said again.
    """
    if notice.event is Event.RESOLVE:
        said = f"{'Moved to another route' if notice.moved_to else 'Resolved'} after {duration(notice)}."
    else:
        said = f"Firing for {duration(notice)}, since {clock_time(notice.opened_at)}."
    known = f" ({one_line(told.reason)})" if told and told.reason else ""
    why = cut(one_line(notice.reason).removesuffix(known), _SENTENCE)
    return f"{said} {why}" if why else said


def counts(notice: Notice) -> str:
    """``3 alerts firing, 1 muted, 1 resolved``."""
    others = ((notice.muted, "muted"), (notice.resolved, "resolved"))
    return ", ".join([f"{plural(notice.firing, 'alert')} firing", *(f"{n} {word}" for n, word in others if n)])


def members(notice: Notice) -> list[str]:
    """The listed members, one line each, and ``and N more``."""
    shown = notice.members[:LISTED_MEMBERS]
    lines = [_member_line(member) for member in shown]
    hidden = max(notice.firing + notice.muted + notice.resolved, len(notice.members)) - len(shown)
    return [*lines, f"and {hidden} more"] if hidden > 0 else lines


def _member_line(member: NoticeMember) -> str:
    ended = MOVED_EMOJI if member.moves_to else RESOLVED_EMOJI
    mark = EMOJI[member.priority] if member.firing else ended
    if member.firing and member.muted_by:
        mark = MUTED_EMOJI
    return f"{mark} {cut(statement(member), 200)}"


def evidence(notice: Notice) -> list[str]:
    """The first evidence lines of the first member that has any."""
    for member in notice.members:
        if member.evidence:
            return _within_room([one_line(line) for line in member.evidence[:EVIDENCE_LINES]])
    return []


def _within_room(lines: Sequence[str]) -> list[str]:
    """Each line has its width; long ones share what is left, the first before the last."""
    spare = max(0, EVIDENCE_ROOM - sum(min(len(line), EVIDENCE_WIDTH) for line in lines))
    shown = []
    for line in lines:
        more = min(max(0, len(line) - EVIDENCE_WIDTH), spare, EVIDENCE_LONGEST - EVIDENCE_WIDTH)
        shown.append(cut(line, EVIDENCE_WIDTH + more))
        spare -= more
    return shown


def labels(member: NoticeMember) -> dict[str, str]:
    """The member's labels, bounded in number and length."""
    return _bounded(member.labels)


def annotated(member: NoticeMember) -> dict[str, str]:
    """The member's annotations, bounded in number and length."""
    return _bounded(member.annotations)


def _bounded(texts: Mapping[str, str]) -> dict[str, str]:
    pairs = list(texts.items())[:_LABELS]
    return {cut(one_line(key), _LABEL_NAME): cut(one_line(value), _LABEL_VALUE) for key, value in pairs}


def in_hand(notice: Notice) -> str:
    """``Acknowledged by ana at 2026-01-05 14:02 UTC``."""
    when = f" at {clock_time(notice.acknowledged_at)}" if notice.acknowledged_at else ""
    return f"Acknowledged by {cut(one_line(notice.acknowledged_by), _LABEL_NAME)}{when}"


#: How the vendors write themselves.
_VENDORS: Mapping[str, str] = {"pagerduty": "PagerDuty", "slack": "Slack", "sns": "SNS"}
#: Receipts shown; a route rarely has more channels.
_RECEIPTS = 6


def receipts(delivery: Delivery) -> list[str]:
    """``PagerDuty oncall ✓ 14:02:11``: who else accepted the incident, and when (UTC)."""
    return [
        f"{_VENDORS.get(heard.kind, heard.kind)} {cut(one_line(heard.channel), _LABEL_NAME)} ✓ {heard.at:%H:%M:%S}"
        for heard in delivery.receipts[:_RECEIPTS]
    ]


def body(delivery: Delivery) -> str:
    """The whole message as plain text, for e-mail."""
    notice = delivery.notice
    parts = [headline(notice), "", *_told(notice)]
    parts += _listed("Evidence:", evidence(notice))
    link = runbook(notice)
    if link:
        parts += ["", f"Runbook: {cut(link, _SENTENCE)}"]
    parts += ["", *_footer(delivery)]
    return "\n".join(parts)


def _told(notice: Notice) -> list[str]:
    member = lead(notice)
    told = [statement(member)] if member else []
    told.append(course(notice, told=member))
    if len(notice.members) > 1:
        told += _listed(f"{counts(notice)}:", members(notice))
    if member:
        told += _listed("Labels:", [f"{key} = {value}" for key, value in labels(member).items()])
        told += _listed("Annotations:", [f"{key} = {value}" for key, value in annotated(member).items()])
    return told


def _listed(heading: str, lines: list[str]) -> list[str]:
    return ["", heading, *(f"  {line}" for line in lines)] if lines else []


def _footer(delivery: Delivery) -> list[str]:
    notice = delivery.notice
    return [
        f"Environment: {one_line(notice.environment)}, route: {one_line(notice.route)}",
        f"Incident {notice.incident_id}, delivery {delivery.id}, sent by watchtower",
    ]


def document(notice: Notice) -> dict[str, Any]:
    """The message for machines: every list and text in it is bounded."""
    return {
        "event": str(notice.event),
        "priority": str(notice.tier),
        "incident": notice.incident_id,
        "environment": cut(one_line(notice.environment), _LABEL_VALUE),
        "route": cut(one_line(notice.route), _LABEL_VALUE),
        "status": course(notice),
        "opened_at": notice.opened_at.isoformat(),
        "firing": notice.firing,
        "muted": notice.muted,
        "resolved": notice.resolved,
        "members": [_member_document(member) for member in notice.members[:LISTED_MEMBERS]],
        "others": [_member_line(member) for member in notice.members[LISTED_MEMBERS:MOST_OTHERS]],
        "evidence": evidence(notice),
    }


def _member_document(member: NoticeMember) -> dict[str, Any]:
    return {
        "rule": cut(one_line(member.name), _LABEL_VALUE),
        "state": str(member.state),
        "priority": str(member.priority),
        "summary": statement(member),
        "value": member.value,
        "since": member.since.isoformat(),
        "labels": labels(member),
        "annotations": annotated(member),
    }
