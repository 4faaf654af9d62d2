"""One vulnerability, however AWS spells it: basic and enhanced findings of ECR, findings of Inspector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED"]

#: Most urgent first.
SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED")
_RANK: dict[str, int] = {name: rank for rank, name in enumerate(SEVERITIES)}

#: Lines that travel with an alert, and characters of each.
LINES, LONGEST = 10, 300
#: Packages of one finding that are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """``packages`` are names with versions; ``fixed`` are the versions that are not vulnerable, empty without a fix.

    ``name`` is the CVE, or a title where there is none; ``where`` names the image or the resource.
    """

    name: str
    severity: str
    packages: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    score: float | None = None
    where: str = ""
    link: str = ""

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What makes it the same finding in another image, however severe it is thought to be today."""
        return self.name, self.packages

    def __str__(self) -> str:
        score = f" {self.score:.1f}" if self.score is not None else ""
        head = f"{self.severity}{score} {self.name}"
        if self.packages:
            head += f" in {_some(self.packages)}"
        fix = f"fixed in {_some(self.fixed)}" if self.fixed else "no fix"
        line = "; ".join(part for part in (f"{head}, {fix}", self.where, self.link) if part)
        line = " ".join(line.split())
        return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def severity(name: object) -> str:
    """A severity in Inspector's words; basic scanning says UNDEFINED for what nobody rated."""
    return "UNTRIAGED" if name == "UNDEFINED" else str(name or "UNTRIAGED")


def basic(raw: Mapping[str, Any], where: str) -> Finding:
    """A finding of basic scanning: what is known of the package stands in attributes."""
    told = {str(each.get("key", "")): str(each.get("value", "")) for each in raw.get("attributes") or ()}
    package = f"{told.get('package_name', '')} {told.get('package_version', '')}".strip()
    scores = (told.get(f"CVSS{version}_SCORE", "") for version in (4, 3, 2))
    fixed = told.get("fixed_version") or told.get("patched_version") or ""
    return Finding(
        name=str(raw.get("name") or "unnamed"),
        severity=severity(raw.get("severity")),
        packages=(package,) if package else (),
        fixed=(fixed,) if fixed else (),
        score=next((number for text in scores if (number := _number(text)) is not None), None),
        where=where,
        link=str(raw.get("uri") or ""),
    )


def enhanced(raw: Mapping[str, Any], where: str) -> Finding:
    """A finding of Inspector, as it tells it itself and as ECR passes it on."""
    details = raw.get("packageVulnerabilityDetails") or {}
    packages = details.get("vulnerablePackages") or ()
    fixed = {str(one.get("fixedInVersion") or "") for one in packages} - {"", "NotAvailable"}
    return Finding(
        name=str(details.get("vulnerabilityId") or raw.get("title") or "unnamed"),
        severity=severity(raw.get("severity")),
        packages=tuple(sorted({f"{one.get('name', '')} {one.get('version', '')}".strip() for one in packages})),
        fixed=tuple(sorted(fixed)),
        score=_number(raw.get("inspectorScore", raw.get("score"))),
        where=where,
        link=str(details.get("sourceUrl") or ""),
    )


def top(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The worst ones as lines: by severity, then score, then name."""
    return tuple(map(str, sorted(findings, key=_badness)[:LINES]))


def counted(findings: Iterable[Finding]) -> str:
    """``3 critical, 16 high``; empty for none."""
    numbers: dict[str, int] = {}
    for each in findings:
        numbers[each.severity] = numbers.get(each.severity, 0) + 1
    return ", ".join(f"{numbers[name]} {name.lower()}" for name in sorted(numbers, key=_rank))


def _badness(finding: Finding) -> tuple[int, float, str, tuple[str, ...]]:
    return _rank(finding.severity), -(finding.score or 0.0), finding.name, finding.packages


def _rank(name: str) -> int:
    return _RANK.get(name, len(_RANK))


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
