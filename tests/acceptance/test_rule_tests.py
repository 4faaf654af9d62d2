"""`watchtower test` as a user types it: the packs' tests, the published vectors, what it prints and how it exits."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as Xml

import orjson
import pytest

from tests.support.daemon import command, command_here
from watchtower.rulebook.loader import load_rules
from watchtower.ruletest.load import load_suite

ROOT = Path(__file__).parents[2]
PACKS = sorted((ROOT / "rules").glob("*.yaml"))
PACK_TESTS = sorted((ROOT / "rules" / "tests").glob("*.yaml"))
VECTORS = sorted((ROOT / "tests" / "data" / "rule_tests").glob("*.yaml"))

#: The rule test of design section 7, as it stands there.
CONTRACT = """\
rules: [rules.yaml]
config: watchtower.yaml
start: 2026-01-05T00:00:00Z
tests:
- name: two hot quarters tell the channel once
  rule: RdsCpuHigh
  period: 15m
  series:
  - labels: {DBInstanceIdentifier: db-1}
    values: "50 85x2 _ ! 60"
    initial_state: OK
  silences: [{at: 0s, until: 10m, matchers: ['alert="Other"']}]
  expect:
  - {at: 30m, labels: {DBInstanceIdentifier: db-1}, state: ALARM, priority: P3}
  notifications:
  - {at: 30m, channel: ops, event: trigger}
"""

CONFIG = """\
rules: [rules.yaml]
aws: {accounts: [{name: prod, regions: [eu-west-1]}]}
channels:
  ops: {type: slack, token: {env: WT_A_TOKEN_NOBODY_HAS}, channel: "#ops"}
routes:
- {channels: [ops]}
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


async def run(*arguments: str | Path) -> Done:
    return Done(*await command_here("test", *map(str, arguments)))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text((ROOT / "rules" / "rds.yaml").read_text())
    (tmp_path / "watchtower.yaml").write_text(CONFIG)
    return write(tmp_path / "rule_tests.yaml", CONTRACT)


async def test_the_tests_of_all_packs_and_all_published_vectors_pass() -> None:
    done = Done(*await command("test", *map(str, [*PACK_TESTS, *VECTORS])))
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(f"passed in {len(PACK_TESTS) + len(VECTORS)} files\n")


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.stem)
def test_every_rule_of_a_pack_is_tested_at_each_of_its_priorities(pack: Path) -> None:
    suite = load_suite(pack.parent / "tests" / pack.name)
    reached = {(each.rule, each.priority) for test in suite.tests for each in test.expected}
    for rule in load_rules([pack]).rules:
        assert {(rule.name, level.priority) for level in rule.levels} <= reached


async def test_the_test_of_the_design_passes_as_it_stands(contract: Path) -> None:
    done = await run(contract)
    assert (done.code, done.out, done.err) == (0, "1 passed in 1 file\n", "")


async def test_a_test_that_fails_exits_1_and_says_all_that_is_needed(contract: Path) -> None:
    write(contract, CONTRACT.replace("85x2", "85 75"))
    done = await run(contract)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"FAILED two hot quarters tell the channel once ({contract}:5)",
        f'  at 30m RdsCpuHigh{{DBInstanceIdentifier="db-1", account="prod", region="eu-west-1"}} ({contract}:14)',
        "    expected ALARM P3",
        "    got      OK",
        "    datapoints, newest last: _ 50 85 75",
        "    reason: 1 of the last 2 datapoints was > 80 (newest 75 at 00:15 UTC)",
        "  notifications (- expected, + delivered):",
        "  -      30m ops trigger",
        "0 passed, 1 failed in 1 file",
    ]


async def test_data_and_junit_say_the_same(contract: Path, tmp_path: Path) -> None:
    write(contract, CONTRACT.replace("85x2", "85 75"))
    done = await run(contract, "--format", "json", "--junit", tmp_path / "report.xml")
    assert done.code == 1
    [test] = orjson.loads(done.out)["tests"]
    assert test["name"] == "two hot quarters tell the channel once"
    assert test["failures"][0]["got"] == "OK"
    suite = Xml.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "got      OK" in (suite.findtext("testsuite/testcase/failure") or "")


async def test_faults_are_told_at_their_places_and_the_sound_files_are_run(contract: Path, tmp_path: Path) -> None:
    faulty = write(tmp_path / "faulty.yaml", CONTRACT.replace("name: two", "nmae: two"))
    done = await run(faulty, contract)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"{faulty}:5:3: `name` is missing in an item of `tests`",
        f"{faulty}:5:3: unknown key `nmae` (did you mean `name`?)",
        "1 passed, 1 file with faults, not run in 2 files",
    ]


@pytest.mark.parametrize("arguments", [(), ("absent.yaml",), ("--format", "xml", "x.yaml")])
async def test_misuse_and_files_that_cannot_be_opened_exit_2(arguments: tuple[str, ...]) -> None:
    done = await run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err


async def test_a_report_that_cannot_be_written_exits_2(contract: Path, tmp_path: Path) -> None:
    done = await run(contract, "--junit", tmp_path / "absent" / "report.xml")
    assert done.code == 2
    assert "report.xml cannot be written: No such file or directory" in done.err


async def test_hundreds_of_tests_take_seconds(contract: Path) -> None:
    head, test = CONTRACT.split("- name", 1)
    write(contract, head + ("- name" + test) * 300)
    done = await run(contract)
    assert done.out == "300 passed in 1 file\n"
