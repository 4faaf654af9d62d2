"""What the outcomes of rule tests look like: lines for people, data, and JUnit's XML for continuous integration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.faults import Fault
    from watchtower.ruletest.compare import Mismatch, Outcome, Step
    from watchtower.ruletest.suite import Told

#: What XML 1.0 cannot carry.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FileReport:
    """What came of one file: its faults, or the outcomes of its tests with the seconds that each took."""

    path: str
    faults: tuple[Fault, ...] = ()
    outcomes: tuple[tuple[Outcome, float], ...] = ()

    @property
    def failed(self) -> list[Outcome]:
        """The tests that did not pass."""
        return [outcome for outcome, _ in self.outcomes if not outcome.passed]

    @property
    def passed(self) -> bool:
        """It could be run, and every test passed."""
        return not self.faults and not self.failed


# -- for people -------------------------------------------------------------------------------------------------------


def report_lines(reports: Sequence[FileReport]) -> Iterator[str]:
    """Faults and failures in the order of the files, then the count."""
    for report in reports:
        yield from (str(fault) for fault in report.faults)
        for outcome in report.failed:
            yield from failure_lines(report.path, outcome)
    yield _summary(reports)


def failure_lines(path: str, outcome: Outcome) -> Iterator[str]:
    """One test that failed: name, place, expected and got with the datapoints and the reason."""
    yield f"FAILED {outcome.test.name} ({path}:{outcome.test.line})"
    for mismatch in outcome.mismatches:
        yield from (f"  {line}" for line in _mismatch_lines(path, mismatch))
    if outcome.difference:
        yield "  notifications (- expected, + delivered):"
        yield from (f"  {step.sign} {_told(step.told)}" for step in outcome.difference)


def _mismatch_lines(path: str, mismatch: Mismatch) -> Iterator[str]:
    about = f" {mismatch.alert}" if mismatch.alert else ""
    yield f"at {format_duration(mismatch.at)}{about} ({path}:{mismatch.line})"
    yield f"  expected {mismatch.expected}"
    yield f"  got      {mismatch.got}"
    if mismatch.datapoints:
        points = " ".join("_" if value is None else f"{value:.10g}" for value in mismatch.datapoints)
        yield f"  datapoints, newest last: {points}"
    if mismatch.reason:
        yield f"  reason: {mismatch.reason}"


def _told(told: Told) -> str:
    about = f"  {told.about}" if told.about else ""
    return f"{format_duration(told.at):>8} {told.channel} {told.event}{about}"


def _summary(reports: Sequence[FileReport]) -> str:
    failed = sum(len(report.failed) for report in reports)
    passed = sum(len(report.outcomes) for report in reports) - failed
    faulty = sum(bool(report.faults) for report in reports)
    counts = [f"{passed} passed"]
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{faulty} {'file' if faulty == 1 else 'files'} with faults, not run"] if faulty else []
    return f"{', '.join(counts)} in {len(reports)} {'file' if len(reports) == 1 else 'files'}"


# -- as data ----------------------------------------------------------------------------------------------------------


def report_data(reports: Sequence[FileReport]) -> dict[str, Any]:
    """The same as data; moments are seconds since the virtual start."""
    return {
        "passed": sum(outcome.passed for report in reports for outcome, _ in report.outcomes),
        "failed": sum(len(report.failed) for report in reports),
        "faults": [_fault_data(fault) for report in reports for fault in report.faults],
        "tests": [_test_data(report.path, outcome) for report in reports for outcome, _ in report.outcomes],
    }


def _fault_data(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "message": fault.message}


def _test_data(path: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.test.name,
        "file": path,
        "line": outcome.test.line,
        "passed": outcome.passed,
        "failures": [_mismatch_data(mismatch) for mismatch in outcome.mismatches],
        "notifications": [_step_data(step) for step in outcome.difference],
    }


def _mismatch_data(mismatch: Mismatch) -> dict[str, Any]:
    return {
        "line": mismatch.line,
        "at": mismatch.at,
        "alert": mismatch.alert,
        "expected": mismatch.expected,
        "got": mismatch.got,
        "datapoints": list(mismatch.datapoints),
        "reason": mismatch.reason,
    }


_SIGNS = {"-": "missing", "+": "unexpected", " ": "as expected"}


def _step_data(step: Step) -> dict[str, Any]:
    told = step.told
    return {"is": _SIGNS[step.sign], "at": told.at, "channel": told.channel, "event": str(told.event)}


# -- JUnit ------------------------------------------------------------------------------------------------------------


def junit_xml(reports: Sequence[FileReport]) -> bytes:
    """JUnit's XML as continuous integration reads it: a suite a file, a failure a test, an error a faulty file."""
    root = Xml.Element("testsuites", _counts(reports), name="watchtower test")
    for report in reports:
        suite = Xml.SubElement(root, "testsuite", _counts([report]), name=_clean(report.path))
        if report.faults:
            case = Xml.SubElement(suite, "testcase", name="the file can be run", classname=_clean(report.path))
            _said(case, "error", "the file has faults", map(str, report.faults))
        for outcome, seconds in report.outcomes:
            _junit_case(suite, report.path, outcome, seconds)
    Xml.indent(root)
    found: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _junit_case(suite: Xml.Element, path: str, outcome: Outcome, seconds: float) -> None:
    case = Xml.SubElement(
        suite,
        "testcase",
        name=_clean(outcome.test.name),
        classname=_clean(path),
        file=_clean(path),
        line=str(outcome.test.line),
        time=f"{seconds:.4f}",
    )
    if not outcome.passed:
        _said(case, "failure", "not as expected", failure_lines(path, outcome))


def _said(case: Xml.Element, kind: str, message: str, lines: Iterator[str]) -> None:
    Xml.SubElement(case, kind, message=message).text = _clean("\n".join(lines))


def _counts(reports: Sequence[FileReport]) -> dict[str, str]:
    faulty = sum(bool(report.faults) for report in reports)
    return {
        "tests": str(sum(len(report.outcomes) for report in reports) + faulty),
        "failures": str(sum(len(report.failed) for report in reports)),
        "errors": str(faulty),
        "time": f"{sum(seconds for report in reports for _, seconds in report.outcomes):.4f}",
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
