from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from watchtower.inventory.patterns import Pattern, ValuePattern, exact_value, glob_matches, parse_pattern


@pytest.mark.parametrize(
    ("glob", "value", "fits"),
    [
        ("*", "", True),
        ("*", "anything\nat all", True),
        ("db-*", "db-1", True),
        ("db-*", "my-db-1", False),
        ("db-?", "db-1", True),
        ("db-?", "db-12", False),
        ("app/*/x", "app/a/b/x", True),
        ("db.1", "dbx1", False),
        ("[a]", "[a]", True),
        (r"100\*", "100*", True),
        (r"100\*", "1000", False),
        ("a*a*a*a*b", "a" * 200, False),
    ],
)
def test_a_glob_fits_the_whole_value(glob: str, value: str, fits: bool) -> None:
    assert glob_matches(glob, value) is fits


@pytest.mark.parametrize(
    ("glob", "value"), [("db-1", "db-1"), ("db-*", None), ("db-?", None), (r"100\*", "100*"), (r"a\\b", r"a\b")]
)
def test_a_pattern_without_wildcards_means_one_value(glob: str, value: str | None) -> None:
    assert exact_value(glob) == value


@pytest.mark.parametrize(
    ("written", "fits", "fits_not"),
    [
        ("db-1", "db-1", "db-2"),
        (["db-1", "web-*"], "web-9", "db-2"),
        ({"like": ["db-*"], "not": ["*-test"]}, "db-1", "db-test"),
        ({"like": "db-*"}, "db-1", "web-1"),
        ({"not": "*-test"}, "db-1", "db-test"),
    ],
)
def test_patterns_are_written_in_four_ways(written: object, fits: str, fits_not: str) -> None:
    pattern = parse_pattern(written)
    assert pattern.matches(fits)
    assert not pattern.matches(fits_not)


@pytest.mark.parametrize(
    ("written", "exact"),
    [("db-1", "db-1"), (["db-1"], "db-1"), (["db-1", "db-2"], None), ("db-*", None), ({"like": "a", "not": "b"}, None)],
)
def test_only_one_plain_value_is_known_without_asking(written: object, exact: str | None) -> None:
    assert parse_pattern(written).exact == exact


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (8080, "write it in quotes"),
        (True, "write it in quotes"),
        ([1], "write it in quotes"),
        ([], "takes a text or a list"),
        ("", "write it in quotes"),
        ({}, "`like` and `not`"),
        ({"unlike": "x"}, "`like` and `not`"),
        ({"like": {}}, "`like` takes a text"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(written: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_pattern(written)
    assert message in str(caught.value)


def test_a_pattern_is_dumped_as_it_may_be_written() -> None:
    adapter: TypeAdapter[ValuePattern] = TypeAdapter(Pattern)
    for written in ("db-*", ["a", "b"], {"like": ["a"], "not": ["b"]}):
        assert adapter.dump_python(adapter.validate_python(written)) == written
    assert "anyOf" in adapter.json_schema()
