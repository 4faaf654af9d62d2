"""Reports: lines for people, data, JUnit's XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

import pytest

from tests.unit.ruletest.suites import CLOCK, CONFIG, write
from watchtower.ruletest import FileReport, junit_xml, report_data, report_lines, run_files

if TYPE_CHECKING:
    from pathlib import Path

TESTS = r"""
- {name: fine, rule: DiskFull, series: [{labels: {Id: a}, values: 99}], expect: [{at: 0s, state: ALARM}]}
- name: "wrong & <odd> \abell"
  rule: DiskFull
  series: [{labels: {Id: a}, values: "_ 99"}]
  expect: [{at: 1m, state: OK}]
  notifications: [{at: 1m, channel: oncall, event: trigger}]
"""


@pytest.fixture
def reports(tmp_path: Path) -> list[FileReport]:
    one = write(tmp_path, TESTS, config=CONFIG)
    other = tmp_path / "faulty.yaml"
    other.write_text("groups: [{rules: []}]\n")
    return run_files([one, other], CLOCK)


def test_files_with_faults_do_not_keep_the_others_from_running(reports: list[FileReport], tmp_path: Path) -> None:
    lines = list(report_lines(reports))
    assert lines[-1] == "1 passed, 1 failed, 1 file with faults, not run in 2 files"
    assert f"{tmp_path}/faulty.yaml:1:1: `tests` is missing in the file" in lines
    assert [report.passed for report in reports] == [False, False]


def test_when_all_pass_one_line_says_so(tmp_path: Path) -> None:
    tests = "- {name: t, rule: DiskFull, series: [{labels: {Id: a}, values: 1}], expect: [{at: 0s, state: OK}]}\n"
    [report] = run_files([write(tmp_path, tests)], CLOCK)
    assert report.passed
    assert list(report_lines([report])) == ["1 passed in 1 file"]


def test_the_same_is_there_as_data(reports: list[FileReport], tmp_path: Path) -> None:
    data = report_data(reports)
    assert (data["passed"], data["failed"]) == (1, 1)
    assert data["faults"] == [
        {"file": f"{tmp_path}/faulty.yaml", "line": 1, "column": 1, "message": "`tests` is missing in the file"}
    ]
    fine, wrong = data["tests"]
    assert (fine["name"], fine["passed"], fine["failures"], fine["notifications"]) == ("fine", True, [], [])
    [failure] = wrong["failures"]
    assert failure == {
        "line": 38,
        "at": 60.0,
        "alert": 'DiskFull{Id="a", account="prod", region="eu-west-1"}',
        "expected": "OK",
        "got": "ALARM P1",
        "datapoints": [None, None, 99.0],
        "reason": "the last datapoint was > 90 (newest 99 at 00:00 UTC)",
    }
    assert wrong["notifications"] == [
        {"is": "as expected", "at": 60.0, "channel": "oncall", "event": "trigger"},
        {"is": "unexpected", "at": 60.0, "channel": "ops", "event": "trigger"},
    ]


def test_junit_counts_failures_and_faults_and_carries_the_whole_text(reports: list[FileReport], tmp_path: Path) -> None:
    root = Xml.fromstring(junit_xml(reports))
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    fine, wrong, faulty = root.iter("testcase")
    assert (fine.get("name"), list(fine)) == ("fine", [])
    assert wrong.get("name") == "wrong & <odd> �bell"
    assert (wrong.get("file"), wrong.get("line")) == (f"{tmp_path}/rule_tests.yaml", "35")
    text = wrong.findtext("failure") or ""
    assert "got      ALARM P1" in text
    assert "+       1m ops trigger" in text
    assert faulty.findtext("error") == f"{tmp_path}/faulty.yaml:1:1: `tests` is missing in the file"
