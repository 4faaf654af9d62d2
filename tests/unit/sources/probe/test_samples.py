"""The names that dashboards of blackbox_exporter already know."""

from __future__ import annotations

import pytest

from watchtower.sources.probe.result import Result
from watchtower.sources.probe.samples import samples_of

PHASES = {"resolve": 0.25, "setup": 0.5, "rtt": 1.0}


def scraped(kind: str, result: Result) -> dict[str, float]:
    samples = list(samples_of(kind, {"target": "a"}, result, at=60.0))
    assert all(sample.help and sample.family == "probe" and sample.at == 60.0 for sample in samples)
    return {f"{one.name} {one.labels.get('phase', '')}".strip(): one.value for one in samples}


def test_a_ping_has_its_own_phases() -> None:
    result = Result(success=True, reason="answered", address="192.0.2.1", phases=PHASES)

    assert scraped("icmp", result) == {
        "probe_success": 1.0,
        "probe_duration_seconds": 1.75,
        "probe_dns_lookup_time_seconds": 0.25,
        "probe_ip_protocol": 4.0,
        "probe_icmp_duration_seconds resolve": 0.25,
        "probe_icmp_duration_seconds setup": 0.5,
        "probe_icmp_duration_seconds rtt": 1.0,
    }


@pytest.mark.parametrize(("address", "protocol"), [("2001:db8::1", 6.0), ("192.0.2.1", 4.0), ("", None)])
def test_the_version_of_the_address_is_told_where_there_is_one(address: str, protocol: float | None) -> None:
    found = scraped("tcp", Result(success=False, reason="", address=address))

    assert found.get("probe_ip_protocol") == protocol


def test_only_sites_have_a_status_and_what_was_measured_stands_under_its_own_name() -> None:
    measures = {"probe_ssl_last_chain_expiry_timestamp_seconds": 7.0, "probe_failed_due_to_regex": 1.0}
    result = Result(success=False, reason="", measures=measures)

    assert scraped("http", result) == {
        "probe_success": 0.0,
        "probe_duration_seconds": 0.0,
        "probe_http_status_code": 0.0,
        **measures,
    }
    assert "probe_http_status_code" not in scraped("tls", result)
