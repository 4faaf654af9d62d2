"""Which findings are new: pure. What was there at the first look was told by nobody, and is told to nobody.

A finding that was told stays told while it is active, however severe it is thought to be by now. One that Inspector
closed is forgotten, told or not: when it comes back, that is news. One that merely ceased to match (its severity fell,
its image does not run at night) is remembered for a month, so that its return is not. Nor is what a replaced instance
had: AWS closes its findings with it, and opens them for the new one, which is made of the same.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watchtower.sources.inspector.findings import Found, Resource
    from watchtower.sources.inspector.query import InspectorQuery

#: Findings of one rule that are remembered in a place: eight bytes each, and two for the day.
MOST_KNOWN = 50_000
#: Days for which one that is not listed any more is remembered; Inspector itself keeps closed ones no longer
#: (https://docs.aws.amazon.com/inspector/latest/user/findings-understanding.html).
KEPT_DAYS = 30
#: Days (of the calendar, in UTC) within which an instance takes the place of another: Inspector reads the disks of
#: those without an agent once a day.
REPLACED_DAYS = 1
_DAY = 86_400
#: ARNs that are kept of one that was told: as many as can be asked for in one call.
MOST_ARNS = 10


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that was told: whose it is, and under which ARNs Inspector has it."""

    resource: Resource
    arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class News:
    """``known`` are digests and the day (since 1970) each was last listed; ``told`` those of them that people know.

    ``asked`` is what the rule asked for: after an edit the next look is a first one. ``looked`` is the moment (epoch
    seconds) of the last look, ``turn`` the digest up to which those that departed were asked after.
    """

    asked: str
    known: Mapping[bytes, int] = field(default_factory=dict)
    told: Mapping[bytes, Told] = field(default_factory=dict)
    looked: int = 0
    turn: bytes = b""


@dataclass(frozen=True, slots=True)
class Later:
    """What became of findings that were told and are not listed any more, by digest.

    ``active`` ones match in all but their severity; ``closed`` are closed or deleted, and may be of those that nobody
    was told; of the ``unasked`` nobody knows.
    """

    active: Mapping[bytes, Sequence[Found]] = field(default_factory=dict)
    closed: frozenset[bytes] = frozenset()
    unasked: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look brought: what to remember, and the findings by digest as they are now.

    ``first``: it was the first look, so nothing of it is new. ``over`` findings could not be remembered.
    """

    news: News
    current: Mapping[bytes, Sequence[Found]]
    first: bool
    over: int = 0


def grouped(found: Iterable[Found]) -> dict[bytes, list[Found]]:
    """The findings by what makes them the same."""
    groups: dict[bytes, list[Found]] = {}
    for each in found:
        groups.setdefault(each.digest, []).append(each)
    return groups


def departed(before: News | None, listed: Collection[bytes]) -> dict[bytes, Told]:
    """Those that were told and are not listed any more: somebody must say what became of them."""
    return {digest: one for digest, one in before.told.items() if digest not in listed} if before else {}


def in_turn(gone: Mapping[bytes, Told], turn: bytes, most: int) -> tuple[list[str], bytes]:
    """The ARNs (``most`` of them) to ask after, those first whose turn it is; and where the next turn begins."""
    order = sorted(gone)
    begin = bisect_right(order, turn)
    arns: list[str] = []
    for digest in (*order[begin:], *order[:begin]):
        if len(arns) + len(gone[digest].arns) > most:
            return arns, turn
        arns += gone[digest].arns
        turn = digest
    return arns, b""


def unaccounted(before: News | None, listed: Collection[bytes]) -> set[bytes]:
    """Those that are known, were never told and are not listed: nobody remembers their ARNs."""
    return set(before.known) - set(before.told) - set(listed) if before else set()


def sort_out(gone: Mapping[bytes, Told], asked: Collection[str], now: Iterable[Found], query: InspectorQuery) -> Later:
    """What became of the departed; ``now`` are those of the ``asked`` ARNs that Inspector still has."""
    by_arn = {each.arn: each for each in now}
    active: dict[bytes, list[Found]] = {}
    closed, unasked = set[bytes](), set[bytes]()
    for digest, one in gone.items():
        if not asked or not set(one.arns) <= set(asked):
            unasked.add(digest)
            continue
        left = [by_arn[arn] for arn in one.arns if arn in by_arn and by_arn[arn].status != "CLOSED"]
        matching = [each for each in left if each.matches(query, any_severity=True)]
        if matching:
            active[digest] = matching
        elif not left:
            closed.add(digest)
    return Later(active, frozenset(closed), frozenset(unasked))


def look(
    before: News | None,
    asked: str,
    listed: Mapping[bytes, Sequence[Found]],
    later: Later,
    day: int,
    *,
    most: int = MOST_KNOWN,
) -> Looked:
    """Compare what is listed (by digest) with what is known; ``later`` is what became of those that departed."""
    first = before is None or before.asked != asked
    known, told = (before.known, before.told) if before else ({}, {})
    origins = {each.origin for found in listed.values() for each in found if each.origin is not None}
    admitted = _remembered(_without(known, later.closed), listed, origins, day, most)
    still = {
        digest: one for digest, one in told.items() if digest in listed or digest in {*later.active, *later.unasked}
    }
    unknown = [] if first else [digest for digest in listed if digest not in known and digest in admitted]
    fresh = [digest for digest in unknown if not all(_replaces(each, known, day) for each in listed[digest])]
    new = {digest: Told(listed[digest][0].resource, ()) for digest in fresh}
    current = {**later.active, **listed}
    renamed = {digest: _named(one, current.get(digest, ())) for digest, one in {**still, **new}.items()}
    return Looked(News(asked, admitted, renamed), current, first, max(0, len(listed) - most))


def _replaces(found: Found, known: Mapping[bytes, int], day: int) -> bool:
    """Whether it came with an instance that is launched in the place of one that had it until a day ago."""
    if found.origin is None or day - found.launched // _DAY > REPLACED_DAYS:
        return False
    return found.origin in known and day - known[found.origin] <= REPLACED_DAYS


def _named(one: Told, found: Sequence[Found]) -> Told:
    return replace(one, arns=tuple(sorted(each.arn for each in found)[:MOST_ARNS])) if found else one


def _without(known: Mapping[bytes, int], closed: Collection[bytes]) -> dict[bytes, int]:
    return {digest: at for digest, at in known.items() if digest not in closed}


def _remembered(
    known: Mapping[bytes, int], listed: Collection[bytes], origins: Collection[bytes], day: int, most: int
) -> dict[bytes, int]:
    """Those listed now, those that were for a month; and what instances are made of, as far as there is room."""
    order = [*sorted(listed, key=lambda digest: (digest not in known, digest)), *sorted(origins)]
    kept = dict.fromkeys(order[:most], day)
    past = ((at, digest) for digest, at in known.items() if digest not in kept and day - at <= KEPT_DAYS)
    recent = sorted(past, reverse=True)[: most - len(kept)]
    return {**kept, **{digest: at for at, digest in recent}}
