"""`watchtower test`: the same pure rooms on a virtual clock."""

from watchtower.ruletest.files import run_files
from watchtower.ruletest.report import FileReport, junit_xml, report_data, report_lines

__all__ = ["FileReport", "junit_xml", "report_data", "report_lines", "run_files"]
