"""The story of the demo: what happens to the estate in an hour and three quarters, and who must hear of it.

A scenario changes the estate and nothing else. Whether an alert follows is for the rules to decide, so a rule
with another threshold tells another story.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.demo import fleet
from watchtower.demo.aws.faults import Fault, Kind
from watchtower.demo.estate import Change, Outage, Overlay, Selector, SiteState
from watchtower.demo.images import Flaw, PushedImage
from watchtower.demo.logs import Chatter
from watchtower.demo.shapes import MINUTE, noise
from watchtower.model import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.demo.estate import Estate

#: the story begins on this grid, so that periods up to a quarter of an hour begin with it
GRID = 900


@dataclass(frozen=True, slots=True)
class Promise:
    """An alert that the scenario must bring, by rule and (a part of its) labels.

    ``priorities`` are those it pages with, in order; the last has gone out by ``paged_by``, the end of it all by
    ``resolved_by`` (virtual seconds after the start). For a site ``labels`` holds its name as ``target``. The page
    shows the text ``evidence``.
    """

    alert: str
    labels: Mapping[str, str]
    priorities: tuple[Priority, ...]
    paged_by: float
    resolved_by: float
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that goes wrong, in words for the terminal, and how; offsets are virtual seconds."""

    title: str
    start: float
    end: float
    overlays: tuple[Overlay, ...] = ()
    outages: tuple[Outage, ...] = ()
    faults: tuple[Fault, ...] = ()
    chatter: tuple[Chatter, ...] = ()
    pushed: tuple[PushedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, what must be told, and how long the story lasts (virtual seconds).

    Anything that pages and is not promised is a page too many; ``quiet`` names the rules that come to mind.
    """

    incidents: tuple[Incident, ...]
    promises: tuple[Promise, ...]
    quiet: tuple[str, ...]
    duration: float

    def estate(self, start: float) -> Estate:
        """The demo's estate with this story laid over it; ``start`` is in epoch seconds."""
        overlays = [overlay for incident in self.incidents for overlay in incident.overlays]
        outages = [outage for incident in self.incidents for outage in incident.outages]
        chatter = [chatter for incident in self.incidents for chatter in incident.chatter]
        pushed = [image for incident in self.incidents for image in incident.pushed]
        return fleet.demo_estate(start).suffering(overlays, outages, chatter, pushed)

    def faults(self, start: float) -> list[Fault]:
        """What goes wrong with AWS itself, at its moments in epoch seconds."""
        return [
            _between(fault, start + incident.start, start + incident.end)
            for incident in self.incidents
            for fault in incident.faults
        ]


def aligned_start(now: float) -> float:
    """The newest moment at or before ``now`` (epoch seconds) at which the story may begin."""
    return now // GRID * GRID


def demo_scenario() -> Scenario:
    """The story ``watchtower demo`` tells."""
    return Scenario(
        incidents=(
            _site_down(),
            _error_burst(),
            _readers_drift(),
            _critical_lines(),
            _vulnerable_image(),
            _full_disk(),
            _throttled_minute(),
        ),
        promises=(
            Promise("SiteDown", {"target": _SITE}, (Priority.P1,), _at(6), _at(16)),
            Promise("AlbErrors", {"LoadBalancer": fleet.BALANCER}, (Priority.P1,), _at(19), _at(35)),
            Promise("Ec2DiskLow", {"InstanceId": _HOST.id}, (Priority.P3, Priority.P2), _at(50), _at(68)),
            Promise("ReaderImbalance", {"cluster": fleet.CLUSTER}, (Priority.P3,), _at(30), _at(72)),
            Promise(
                "PmsCritical",
                {"log_group": fleet.PMS_LOGS},
                (Priority.P2,),
                _at(32),
                _at(40),
                evidence="CRITICAL payment gateway refused: token=[redacted]",
            ),
            Promise(
                "VulnerableImage",
                {"repository": fleet.IMAGES},
                (Priority.P4,),
                _at(34),
                _at(80),
                evidence="CRITICAL 9.8 CVE-2026-31000 in openssl 3.0.1",
            ),
            Promise("RdsCpuHigh", {"DBInstanceIdentifier": _DATABASE}, (Priority.P3,), _at(57), _at(103)),
        ),
        quiet=("WatchtowerSourceFailing", "WatchtowerRuleWithoutSeries", "WatchtowerTickLate"),
        duration=_at(105),
    )


_SITE = "shop"
_DATABASE = fleet.READERS[0]
_HOST = next(host for host in fleet.HOSTS if host.name == "worker-3")


def _at(minutes: float) -> float:
    return minutes * MINUTE


def _site_down() -> Incident:
    start, end = _at(2), _at(9)
    down = Outage(_SITE, start, end, SiteState.FAILING, status=503)
    return Incident("the shop's site answers 503", start, end, outages=(down,))


def _error_burst() -> Incident:
    """A third of the requests fail, and clients try again."""
    start, end = _at(10), _at(22)
    values = {
        "RequestCount": 1500.0,
        "HTTPCode_Target_2XX_Count": 990.0,
        "HTTPCode_Target_5XX_Count": 510.0,
    }
    overlays = tuple(
        Overlay(
            f"error burst: {metric}",
            Selector("AWS/ApplicationELB", metric, {"LoadBalancer": fleet.BALANCER}),
            start,
            end,
            _around(value),
        )
        for metric, value in values.items()
    )
    return Incident("a third of the requests at the load balancer fail", start, end, overlays)


def _readers_drift() -> Incident:
    """One reader is sent most of the work: its CPU climbs, and that of the other halves."""
    start, end = _at(12), _at(58)
    busy, calm = fleet.READERS
    changes: tuple[tuple[str, str, Change], ...] = (
        ("CPUUtilization", busy, _plateau(90.0, end - start, ramp=_at(3))),
        ("CPUUtilization", calm, _times(0.5)),
        ("DatabaseConnections", busy, _times(1.6)),
        ("DatabaseConnections", calm, _times(0.5)),
    )
    overlays = tuple(
        Overlay(
            f"drift: {metric} of {name}", Selector("AWS/RDS", metric, {"DBInstanceIdentifier": name}), start, end, how
        )
        for metric, name, how in changes
    )
    return Incident(f"the readers drift apart, the CPU of {busy} climbs", start, end, overlays)


def _critical_lines() -> Incident:
    """Two minutes of lines of which one kind is known to cry wolf, and one holds a secret."""
    start, end = _at(26), _at(28)
    lines = (
        "CRITICAL Errore da Ignorare: the printer of the front desk is out of paper",
        "CRITICAL payment gateway refused: token=tok_0123456789abcdef",
    )
    return Incident(
        f"{fleet.PMS_LOGS} says critical things", start, end, chatter=(Chatter(fleet.PMS_LOGS, start, end, lines),)
    )


def _vulnerable_image() -> Incident:
    """The scan of a new image takes a few minutes and finds what nobody wants to run; the next image is well again."""
    start, end = _at(20), _at(65)
    scans = ((0.0, "IN_PROGRESS"), (_at(4), "COMPLETE"))
    numbers = {"CRITICAL": 3, "HIGH": 16, "MEDIUM": 13, "LOW": 4}
    scores = {"CRITICAL": 9.8, "HIGH": 8.1, "MEDIUM": 5.9, "LOW": 3.3}
    flaws = tuple(
        Flaw(f"CVE-2026-{31_000 + 100 * rank + number}", severity, score=scores[severity])
        for rank, (severity, count) in enumerate(numbers.items())
        for number in range(count)
    )
    bad = PushedImage(fleet.IMAGES, ("2026.2", "latest"), start, flaws=flaws, scans=scans)
    good = PushedImage(fleet.IMAGES, ("2026.3", "latest"), end, flaws=fleet.USUAL_FLAWS, scans=scans)
    title = f"{bad.repository}:2026.2 is pushed, with 3 critical vulnerabilities"
    return Incident(title, start, end, pushed=(bad, good))


def _full_disk() -> Incident:
    """Rises through 90 % about 12 minutes after it began and 95 % after 20; somebody cleans up at the end."""
    start, end = _at(16), _at(50)
    selector = Selector("CWAgent", "disk_used_percent", {"InstanceId": _HOST.id})
    filling = Overlay("disk fills", selector, start, end, lambda since, _usual: min(97.4, 82.5 + since / 96))
    return Incident(f"the disk of {_HOST.name} fills", start, end, (filling,))


def _throttled_minute() -> Incident:
    start, end = _at(54), _at(55.5)
    throttle = Fault(Kind.THROTTLE, operation="GetMetricData")
    return Incident("AWS throttles every GetMetricData", start, end, faults=(throttle,))


def _around(value: float) -> Change:
    """A count that wobbles by a twentieth; counts of one incident wobble together, so their shares hold."""
    return lambda since, _usual: float(round(value * (0.95 + 0.1 * noise(1, int(since // MINUTE)))))


def _times(factor: float) -> Change:
    """A part, or several times, of what it would have been, in whole numbers."""
    return lambda _since, usual: None if usual is None else float(round(factor * usual))


def _plateau(top: float, length: float, *, ramp: float) -> Change:
    """Climbs to nearly ``top`` within ``ramp`` seconds, stays, and is back where it came from at the end.

    A twentieth of the ordinary value shows through: a busy processor is not a straight line.
    """

    def change(since: float, usual: float | None) -> float:
        share = max(0.0, min(1.0, since / ramp, (length - since) / ramp))
        bottom = usual if usual is not None else 0.0
        return bottom + (top - bottom) * 0.95 * share

    return change


def _between(fault: Fault, since: float, until: float) -> Fault:
    return replace(fault, since=since, until=until)
