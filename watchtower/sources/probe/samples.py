"""What the newest probes say to Prometheus, under blackbox_exporter's metric names.

https://github.com/prometheus/blackbox_exporter/blob/master/prober/http.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.sources.probe.result import Result

_HELP = {
    "probe_success": "Whether the newest probe of the target succeeded.",
    "probe_duration_seconds": "Seconds the newest probe took, whether it succeeded or not.",
    "probe_http_duration_seconds": "Seconds of the newest probe by phase, summed over redirects.",
    "probe_http_status_code": "Status of the newest answer, 0 without one.",
    "probe_ssl_earliest_cert_expiry": "Earliest end of the certificates seen, in seconds since 1970.",
}


def samples_of(labels: Mapping[str, str], result: Result, at: float) -> Iterator[Sample]:
    """The samples of one known result; ``at`` is the start of its slot in epoch seconds."""
    values = {
        "probe_success": 1.0 if result.success else 0.0,
        "probe_duration_seconds": sum(result.phases.values()),
        "probe_http_status_code": float(result.status or 0),
        "probe_ssl_earliest_cert_expiry": result.expires,
    }
    for name, value in values.items():
        if value is not None:
            yield _sample(name, labels, value, at)
    for phase, seconds in result.phases.items():
        yield _sample("probe_http_duration_seconds", {**labels, "phase": phase}, seconds, at)


def _sample(name: str, labels: Mapping[str, str], value: float, at: float) -> Sample:
    return Sample("probe", name, Labels(labels), value, at, _HELP[name])
