"""What the newest probes say to Prometheus, under blackbox_exporter's metric names.

https://github.com/prometheus/blackbox_exporter (prober/*.go)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels, Sample
from watchtower.sources.probe.result import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.sources.probe.result import Result

_HELP = {
    "probe_success": "Whether the newest probe of the target succeeded.",
    "probe_duration_seconds": "Seconds the newest probe took, whether it succeeded or not.",
    "probe_dns_lookup_time_seconds": "Seconds the newest probe looked for the target's address.",
    "probe_ip_protocol": "Version of the IP address that was probed, 4 or 6.",
    "probe_failed_due_to_regex": "Whether a text, pattern or header that was expected made the newest probe fail.",
    "probe_http_duration_seconds": "Seconds of the newest probe by phase, summed over redirects.",
    "probe_http_status_code": "Status of the newest answer, 0 without one.",
    "probe_dns_duration_seconds": "Seconds of the newest DNS probe by phase.",
    "probe_dns_query_succeeded": "Whether the server answered the newest DNS probe, whatever it said.",
    "probe_dns_answer_rrs": "Records in the answer section of the newest answer.",
    "probe_icmp_duration_seconds": "Seconds of the newest ping by phase.",
    "probe_ssl_earliest_cert_expiry": "Earliest end of the certificates that were shown, in seconds since 1970.",
    "probe_ssl_last_chain_expiry_timestamp_seconds": "Earliest end in the trusted chain lasting longest, since 1970.",
}
#: Metrics of the phases by the kind of probe, where blackbox_exporter has one.
_PHASES = {kind: f"probe_{kind}_duration_seconds" for kind in ("http", "dns", "icmp")}


def samples_of(kind: str, labels: Mapping[str, str], result: Result, at: float) -> Iterator[Sample]:
    """The samples of one known result of a kind; ``at`` is the start of its slot in epoch seconds."""
    values = {
        "probe_success": 1.0 if result.success else 0.0,
        "probe_duration_seconds": sum(result.phases.values()),
        "probe_dns_lookup_time_seconds": result.phases.get(Phase.RESOLVE),
        "probe_ip_protocol": _protocol(result.address),
        "probe_http_status_code": float(result.status or 0) if kind == "http" else None,
        **result.measures,
    }
    known = Labels(labels)
    for name, value in values.items():
        if value is not None:
            yield _sample(name, known, value, at)
    if kind in _PHASES:
        for phase, seconds in result.phases.items():
            yield _sample(_PHASES[kind], Labels([*known.pairs, ("phase", phase)]), seconds, at)


def _protocol(address: str) -> float | None:
    if not address:
        return None
    return 6.0 if ":" in address else 4.0


def _sample(name: str, labels: Labels, value: float, at: float) -> Sample:
    return Sample("probe", name, labels, value, at, _HELP[name])
