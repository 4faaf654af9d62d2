"""From scans to one value: pure. What was not seen changes nothing, what nobody scanned is never healthy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.model import Truth
from watchtower.sources.ecr.scans import Outcome, Scan
from watchtower.sources.vulnerabilities.finding import LINES, SEVERITIES, Finding, counted, top

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watchtower.sources.ecr.choose import Choice
    from watchtower.sources.ecr.query import EcrQuery

#: Seconds after which a scan that is on its way is taken not to come.
PATIENCE = 86_400


@dataclass(frozen=True, slots=True)
class Verdict:
    """``value`` is None where nothing could be counted; ``truth`` says what that means."""

    truth: Truth
    value: float | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()


def given_up(scan: Scan, since: int | None, now: int) -> Scan:
    """The scan, as unscanned where it has been on its way for too long; ``since`` in epoch seconds."""
    if scan.outcome is not Outcome.WAITING or since is None or now - since < PATIENCE:
        return scan
    return replace(scan, outcome=Outcome.UNSCANNED, why=f"{scan.why} for more than {format_duration(PATIENCE)}")


def judge(query: EcrQuery, choice: Choice, scans: Sequence[Scan]) -> Verdict:
    """The value of one series.

    1. An image that could not be asked about, or is being scanned: nobody knows yet, so nothing changes.
    2. ``unscanned``: how many images have no scan that counts; those that run and are deleted are among them.
    3. ``findings``: the distinct findings of those that were scanned, of the rule's own severities; no value where none
       was. Where AWS contradicts itself about their number, nothing changes.
    """
    for outcome in (Outcome.UNSEEN, Outcome.WAITING):
        held = next((scan for scan in scans if scan.outcome is outcome), None)
        if held is not None:
            truth = Truth.FORBIDDEN if held.forbidden else Truth.NOT_FETCHED
            return Verdict(truth, reason=_not_yet(held))
    gaps = _gaps(choice, scans)
    if query.value == "unscanned":
        reason = "; ".join(gaps[:LINES]) or f"{_named(choice)} is scanned"
        return Verdict(Truth.VALUE, float(len(gaps)), reason, tuple(gaps[:LINES]))
    scanned = [scan.only(query.severity) for scan in scans if scan.outcome is Outcome.SCANNED]
    doubts = [f"{scan.image.name}: {why}" for scan in scanned for why in scan.doubts.values()]
    if doubts:
        return Verdict(Truth.NOT_FETCHED, reason="; ".join(doubts[:LINES]))
    return _found(query, choice, scanned, gaps)


def _not_yet(scan: Scan) -> str:
    return f"the scan of {scan.image.name} is {scan.why}" if scan.outcome is Outcome.WAITING else scan.why


def _gaps(choice: Choice, scans: Iterable[Scan]) -> list[str]:
    gaps = [f"{scan.image.name} is not scanned: {scan.why}" for scan in scans if scan.outcome is Outcome.UNSCANNED]
    return gaps + [f"{name} runs, but its repository has it no more" for name in choice.missing]


def _found(query: EcrQuery, choice: Choice, scans: Sequence[Scan], gaps: Sequence[str]) -> Verdict:
    if not scans:
        return Verdict(Truth.NO_DATA, reason="; ".join(gaps[:LINES]))
    distinct = union(scan.findings for scan in scans)
    unlisted = _most(scan.unlisted for scan in scans)
    everything = [*distinct, *(Finding("", name) for name in SEVERITIES for _ in range(unlisted[name]))]
    names = " or ".join(name.lower() for name in query.severity)
    reason = "; ".join([f"{counted(everything) or f'no {names} findings'} in {_named(choice)}", *gaps[:LINES]])
    return Verdict(Truth.VALUE, float(len(everything)), reason, top(distinct))


def union(scans: Iterable[Collection[Finding]]) -> list[Finding]:
    """Findings that several images share, once; those that one image has twice, twice."""
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    known: dict[tuple[str, tuple[str, ...]], Finding] = {}
    for findings in scans:
        counts |= Counter(each.key for each in findings)
        for each in findings:
            known.setdefault(each.key, each)
    return [known[key] for key, number in counts.items() for _ in range(number)]


def _most(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    most: Counter[str] = Counter()
    for each in counts:
        most |= Counter(each)
    return most


def _named(choice: Choice) -> str:
    names = [image.name for image in choice.images]
    return names[0] if len(names) == 1 else f"{choice.repository} ({len(names) + len(choice.missing)} images)"
