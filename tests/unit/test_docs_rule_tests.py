"""The page on rule tests: its examples pass, its failure is the one that is shown, its tables are the code's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import ManualClock
from tests.support.docs import README, ROOT, RULE_TESTS, Block, blocks, sections, tables
from tests.unit.test_docs import default_of
from watchtower.ruletest import report_lines, run_files
from watchtower.ruletest.schema import (
    ExpectModel,
    NotificationModel,
    RuleTestFileModel,
    RuleTestModel,
    SeriesModel,
    SilenceModel,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

TABLES: dict[str, type[BaseModel]] = {
    "The file": RuleTestFileModel,
    "A test": RuleTestModel,
    "series": SeriesModel,
    "expect": ExpectModel,
    "notifications": NotificationModel,
    "silences": SilenceModel,
}
EXAMPLE, *OTHERS = [block for block in blocks(RULE_TESTS) if block.is_rule_tests]


@pytest.fixture
def beside_the_readme(tmp_path: Path) -> Path:
    """The directory of somebody who followed the README."""
    [config] = [block for block in blocks(README) if block.language == "yaml"]
    (tmp_path / "watchtower.yaml").write_text(config.text)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path


def printed(directory: Path, text: str) -> list[str]:
    path = directory / "rule_tests.yaml"
    path.write_text(text)
    return [line.replace(f"{directory}/", "") for line in report_lines(run_files([path], ManualClock()))]


def shown(language: str) -> Block:
    return next(block for block in blocks(RULE_TESTS) if block.language == language)


@pytest.mark.parametrize("example", [EXAMPLE, *OTHERS], ids=str)
def test_an_example_passes(beside_the_readme: Path, example: Block) -> None:
    assert printed(beside_the_readme, example.text) == ["1 passed in 1 file"]


def test_the_failure_that_is_shown_is_what_a_wrong_idea_prints(beside_the_readme: Path) -> None:
    wrong = EXAMPLE.text.replace("at: 30m, labels: {DBInstanceIdentifier: db-1}", "at: 15m")
    wrong = wrong.replace("  - {at: 15m, state: OK}\n", "").replace("at: 30m30s", "at: 15m30s")
    assert printed(beside_the_readme, wrong) == shown("text").text.splitlines()


def test_as_many_tests_ship_as_the_page_shows() -> None:
    files = sorted((ROOT / "rules" / "tests").glob("*.yaml"))
    [summary] = report_lines(run_files(files, ManualClock()))
    assert shown("console").text.splitlines()[1] == summary


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_in_its_table_with_its_default(heading: str) -> None:
    rows = next(rows for rows in tables(sections(RULE_TESTS)[heading]) if rows[0][:2] == ["key", "default"])
    told = {key.strip("`"): default for key, default, _ in rows[1:]}
    fields = TABLES[heading].model_fields
    assert set(told) == set(fields)
    for key, field in fields.items():
        known = default_of(field)
        assert known is None or key == "start" or known in told[key], key
