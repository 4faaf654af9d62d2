"""`watchtower match-log`: lines in, matching lines out, and an exit code that a script can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from typer.testing import CliRunner

from watchtower.cli import app
from watchtower.commands.match_log import MAX_LINE

if TYPE_CHECKING:
    from pathlib import Path

IDIOM = '[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]'
LINES = "12:00 CRITICAL no rooms left\n12:01 CRITICAL Errore da Ignorare\n12:02 INFO fine\n"


def match_log(*words: str, given: str | bytes = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["match-log", *words], input=given)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def log(tmp_path: Path) -> str:
    file = tmp_path / "app.log"
    file.write_text(LINES)
    return str(file)


def test_the_matching_lines_of_a_file_are_printed(log: str) -> None:
    assert match_log(IDIOM, log) == (0, "12:00 CRITICAL no rooms left\n", "")


@pytest.mark.parametrize("words", [(), ("-",)])
def test_without_a_file_standard_input_is_read(words: tuple[str, ...]) -> None:
    assert match_log("INFO", *words, given=LINES) == (0, "12:02 INFO fine\n", "")


def test_a_pattern_may_begin_with_a_minus(log: str) -> None:
    assert match_log("-CRITICAL", log) == (0, "12:02 INFO fine\n", "")


def test_no_match_exits_1(log: str) -> None:
    assert match_log("FATAL", log) == (1, "", "")


def test_json_is_one_object_a_line_with_the_fields(log: str) -> None:
    code, out, _ = match_log("[time, level=INFO, text]", log, "--format", "json")

    fields = {"$time": "12:02", "$level": "INFO", "$text": "fine"}
    assert (code, orjson.loads(out)) == (0, {"line": 3, "message": "12:02 INFO fine", "fields": fields})


def test_an_invalid_pattern_is_shown_with_its_position(log: str) -> None:
    code, out, err = match_log("ERROR a:b", log)

    assert (code, out) == (2, "")
    assert (
        err == "the pattern is not valid: column 8: a term with ':' belongs in double quotes\n  ERROR a:b\n         ^\n"
    )


def test_a_file_that_cannot_be_read_exits_2(tmp_path: Path) -> None:
    code, _, err = match_log("x", str(tmp_path / "none.log"))
    assert (code, "No such file" in err) == (2, True)


def test_only_the_beginning_of_a_line_without_end_is_looked_at() -> None:
    code, out, _ = match_log("a", given=b"a" * (3 * MAX_LINE) + b"\nba\n")
    assert (code, [len(line) for line in out.splitlines()]) == (0, [MAX_LINE, 2])


def test_bytes_that_are_no_text_stop_nothing() -> None:
    assert match_log("ERROR", given=b"\xff\xfe ERROR\n")[0] == 0
