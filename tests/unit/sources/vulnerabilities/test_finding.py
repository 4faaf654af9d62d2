from __future__ import annotations

from watchtower.sources.vulnerabilities.finding import LINES, LONGEST, Finding, basic, counted, enhanced, top


def test_the_worst_come_first_and_ten_are_enough() -> None:
    findings = [Finding(f"CVE-{n}", "HIGH", score=n / 10) for n in range(30)]
    lines = top([*findings, Finding("CVE-low", "LOW", score=10.0), Finding("CVE-worst", "CRITICAL")])
    assert len(lines) == LINES
    assert [line.split(",")[0] for line in lines[:3]] == ["CRITICAL CVE-worst", "HIGH 2.9 CVE-29", "HIGH 2.8 CVE-28"]
    assert counted([*findings, Finding("a", "CRITICAL")]) == "1 critical, 30 high"


def test_a_line_is_one_line_and_not_endless() -> None:
    finding = Finding("CVE-1", "HIGH", tuple(f"package-{n} 1.0" for n in range(9)), where="a\nb", link="x" * 500)
    assert str(finding).startswith(
        "HIGH CVE-1 in package-0 1.0, package-1 1.0, package-2 1.0 and 6 more, no fix; a b; "
    )
    assert len(str(finding)) == LONGEST


def test_what_basic_scanning_does_not_know_is_left_out() -> None:
    raw = {"name": "CVE-1", "severity": "UNDEFINED", "attributes": [{"key": "CVSS2_SCORE", "value": "n/a"}]}
    assert str(basic(raw, "app:v1")) == "UNTRIAGED CVE-1, no fix; app:v1"
    assert str(basic({}, "app:v1")) == "UNTRIAGED unnamed, no fix; app:v1"


def test_a_finding_without_packages_has_its_title_and_one_without_a_fix_says_so() -> None:
    port = {"title": "Port 22 is reachable", "severity": "HIGH", "inspectorScore": 7.5}
    assert str(enhanced(port, "i-1")) == "HIGH 7.5 Port 22 is reachable, no fix; i-1"
    package = {"name": "zlib", "version": "1.2", "fixedInVersion": "NotAvailable"}
    details = {"vulnerabilityId": "CVE-1", "vulnerablePackages": [package, {**package, "version": "1.3"}]}
    found = enhanced({"severity": "LOW", "packageVulnerabilityDetails": details}, "i-1")
    assert (found.packages, found.fixed, found.score) == (("zlib 1.2", "zlib 1.3"), (), None)
