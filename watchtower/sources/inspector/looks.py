"""What each rule of a unit finds at one poll: findings, new ones only, or gaps of coverage; by resource."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.model import TroubleReason
from watchtower.sources.base import Place
from watchtower.sources.inspector.closed import closed_since
from watchtower.sources.inspector.findings import ARNS, list_findings, list_gaps, named_findings
from watchtower.sources.inspector.news import MOST_KNOWN, departed, grouped, in_turn, look, sort_out, unaccounted
from watchtower.sources.vulnerabilities.finding import LINES, counted, top

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence

    from watchtower.inventory.paging import Calls
    from watchtower.sources.base import Ask, Poll
    from watchtower.sources.inspector.findings import Found, Gap, Resource
    from watchtower.sources.inspector.memory import Standing
    from watchtower.sources.inspector.news import Later, Looked, News, Told
    from watchtower.sources.inspector.query import InspectorQuery

log = structlog.get_logger("watchtower.inspector")

#: Calls of one poll and rule that ask after findings which are not listed any more; the others wait for the next.
MOST_ASKED = 20
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Seen:
    """One resource at one poll; ``fresh``: it has findings that were not there at the last one."""

    value: int
    reason: str
    evidence: tuple[str, ...] = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What one rule found; ``error`` stands in place of all else. ``complaints`` are about what was found."""

    seen: Mapping[Resource, Seen] = field(default_factory=dict)
    news: News | None = None
    error: SourceError | None = None
    complaints: tuple[SourceError, ...] = ()


async def look_around(calls: Calls, poll: Poll, before: Mapping[str, Standing]) -> dict[str, Look]:
    """Answer each rule; rules that filter alike share a listing."""
    place = Place(poll.unit.account, poll.unit.region)
    asks = [ask for ask in poll.unit.asks if ask.query.value == "findings"]
    filters = {_key(wanted): wanted for ask in asks for wanted in ask.query.criteria}
    listed = await asyncio.gather(*(_tried(list_findings(calls, place, wanted)) for wanted in filters.values()))
    findings = dict(zip(filters, listed, strict=True))
    looks = await asyncio.gather(*(_look(calls, poll, ask, before.get(ask.rule), findings) for ask in poll.unit.asks))
    return {ask.rule: found for ask, found in zip(poll.unit.asks, looks, strict=True)}


def _key(criteria: Any) -> bytes:
    return orjson.dumps(criteria, option=orjson.OPT_SORT_KEYS)


async def _tried(listing: Awaitable[list[Found]]) -> list[Found] | SourceError:
    try:
        return await listing
    except SourceError as error:
        return error


async def _look(
    calls: Calls,
    poll: Poll,
    ask: Ask,
    before: Standing | None,
    findings: Mapping[bytes, list[Found] | SourceError],
) -> Look:
    query: InspectorQuery = ask.query
    place = Place(poll.unit.account, poll.unit.region)
    try:
        if query.value == "uncovered":
            return Look(_uncovered(await list_gaps(calls, place, query)))
        listed = [findings[_key(wanted)] for wanted in query.criteria]
        mine = grouped(each for found in listed for each in _or_raise(found) if each.matches(query))
        if not query.new_only:
            return Look(_all(mine))
        return await _new(calls, poll, ask, before.news if before else None, mine)
    except SourceError as error:
        return Look(error=error)


def _or_raise(found: list[Found] | SourceError) -> list[Found]:
    if isinstance(found, SourceError):
        raise found
    return found


def _uncovered(gaps: Iterable[Gap]) -> dict[Resource, Seen]:
    by_resource: defaultdict[Resource, list[str]] = defaultdict(list)
    for gap in sorted(gaps, key=str):
        by_resource[gap.resource].append(str(gap))
    return {
        resource: Seen(len(lines), "; ".join(lines[:LINES]), tuple(lines[:LINES]))
        for resource, lines in by_resource.items()
    }


def _all(mine: Mapping[bytes, Sequence[Found]]) -> dict[Resource, Seen]:
    by_resource: defaultdict[Resource, list[Found]] = defaultdict(list)
    for same in mine.values():
        by_resource[same[0].resource].append(same[0])
    return {resource: _seen(found, len(found), "active") for resource, found in by_resource.items()}


async def _new(calls: Calls, poll: Poll, ask: Ask, before: News | None, mine: Mapping[bytes, Sequence[Found]]) -> Look:
    """Findings that were not there before; raises SourceError."""
    place = Place(poll.unit.account, poll.unit.region)
    known = before if before and before.asked == _asked(ask.query) else None
    shut, (later, turn) = await asyncio.gather(
        closed_since(calls, place, ask.query, unaccounted(known, mine), known.looked if known else 0),
        _became(calls, place, ask.query, before, departed(before, mine)),
    )
    later = replace(later, closed=later.closed | shut.digests)
    looked = look(before, _asked(ask.query), mine, later, poll.tick // _DAY)
    if looked.first:
        _tell_of_the_first(poll, ask, [same[0] for same in mine.values()])
    words = f"{looked.over} findings are more than the {MOST_KNOWN} that can be known as old or new; narrow {ask.rule}"
    over = SourceError(TroubleReason.INVALID, words) if looked.over else None
    news = replace(looked.news, looked=int(epoch(poll.now)), turn=turn)
    complaints = tuple(each for each in (over, shut.complaint) if each is not None)
    return Look(_told(before, looked, mine), news, complaints=complaints)


async def _became(
    calls: Calls, place: Place, query: InspectorQuery, before: News | None, gone: Mapping[bytes, Told]
) -> tuple[Later, bytes]:
    """What became of those that were told and are not listed; where there are many, a part of them at each look."""
    arns, turn = in_turn(gone, before.turn if before else b"", MOST_ASKED * ARNS)
    parts = [arns[at : at + ARNS] for at in range(0, len(arns), ARNS)]
    answers = await asyncio.gather(*(named_findings(calls, place, part) for part in parts))
    return sort_out(gone, arns, [each for answer in answers for each in answer], query), turn


def _told(before: News | None, looked: Looked, mine: Mapping[bytes, Sequence[Found]]) -> dict[Resource, Seen]:
    """The findings that people were told, by resource; those that have none just now are well."""
    by_resource: defaultdict[Resource, list[Found]] = defaultdict(list)
    numbers: defaultdict[Resource, int] = defaultdict(int)
    for digest, told in looked.news.told.items():
        numbers[told.resource] += 1
        by_resource[told.resource] += looked.current.get(digest, ())[:1]
    there = {same[0].resource for same in mine.values()} | set(numbers)
    fresh = {told.resource for digest, told in looked.news.told.items() if not before or digest not in before.told}
    return {
        resource: replace(_seen(by_resource[resource], numbers[resource], "new"), fresh=resource in fresh)
        for resource in there
    }


def _asked(query: InspectorQuery) -> str:
    """What makes a finding match: after a change of it, those that match only now are no news."""
    return _key(query.criteria).decode()


def _tell_of_the_first(poll: Poll, ask: Ask, found: Sequence[Found]) -> None:
    log.info(
        "inspector.baseline",
        rule=ask.rule,
        account=poll.unit.account,
        region=poll.unit.region,
        findings=counted(each.finding for each in found) or "none",
        resources=len({each.resource for each in found}),
    )


def _seen(found: Sequence[Found], number: int, what: str) -> Seen:
    words = counted(each.finding for each in found) if len(found) == number else str(number)
    reason = f"{words} {what} finding{'' if number == 1 else 's'}" if number else f"no {what} findings"
    return Seen(number, reason, top(each.finding for each in found))
