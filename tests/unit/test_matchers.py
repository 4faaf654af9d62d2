"""Matchers are read and applied as Alertmanager reads and applies them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchtower.matchers import Matcher, Operator, matches_all, parse_matcher, parse_matchers
from watchtower.model import Labels

DB = Labels({"alert": "RdsCpuHigh", "team": "db", "priority": "P2"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('team="db"', True),
        ('team="d"', False),
        ('team!="db"', False),
        ('team!="web"', True),
        ('priority=~"P1|P2"', True),
        ('priority=~"P"', False),
        ('priority=~"P.*"', True),
        ('priority!~"P1|P2"', False),
        ('priority!~"P1"', True),
        ('team=~"d|db"', True),
    ],
)
def test_each_operator_compares_the_whole_value(text: str, expected: bool) -> None:
    assert parse_matcher(text).matches(DB) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('tenant=""', True),
        ('tenant!=""', False),
        ('tenant=~".*"', True),
        ('tenant=~".+"', False),
        ("tenant!=x", True),
    ],
)
def test_a_missing_label_is_an_empty_one(text: str, expected: bool) -> None:
    assert parse_matcher(text).matches(DB) is expected


def test_alertname_reads_the_label_alert_and_keeps_its_writing() -> None:
    matcher = parse_matcher('alertname="RdsCpuHigh"')
    assert matcher.matches(DB)
    assert str(matcher) == 'alertname="RdsCpuHigh"'
    assert matcher.label == "alert"


@pytest.mark.parametrize(
    ("text", "name", "operator", "value"),
    [
        ("team=db", "team", "=", "db"),
        ("  team  =~  db|web  ", "team", "=~", "db|web"),
        ("team=", "team", "=", ""),
        ('team=""', "team", "=", ""),
        ('team=" spaced "', "team", "=", " spaced "),
        (r'path="C:\\temp"', "path", "=", r"C:\temp"),
        (r'path=~"\d+\.log"', "path", "=~", r"\d+\.log"),
        (r'said="\"yes\""', "said", "=", '"yes"'),
        (r'text="a\nb"', "text", "=", "a\nb"),
        ("path==x", "path", "=", "=x"),
        ('"label with spaces"="x"', "label with spaces", "=", "x"),
        ("étage=2", "étage", "=", "2"),
        ('note="a,b"', "note", "=", "a,b"),
    ],
)
def test_names_and_values_are_read_with_and_without_quotes(text: str, name: str, operator: str, value: str) -> None:
    assert parse_matcher(text) == Matcher(name, Operator(operator), value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a matcher"),
        ("=x", "is not a matcher"),
        ("team", "has none of ="),
        ("team~x", "has none of ="),
        ('""="x"', "empty label name"),
        ('team="a"b"', "double quote inside"),
        ('team="a', "double quote inside"),
        ('team=a"', "double quote inside"),
        ("team=a\\", "backslash that escapes nothing"),
        ('team=~"(a"', "missing )"),
        ('team=~"(?=a)"', "RE2"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str, told: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_matcher(text)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (['a="b"', "c!=d"], 2),
        (['{a="b", c!="d"}'], 2),
        (['{a="b",}'], 1),
        (["a=b,c=d", "e=f"], 3),
        (["{}"], 0),
        ([], 0),
        (['{a="x,y", b=~"}{"}'], 2),
        ([r'a="\",", b=c'], 2),
    ],
)
def test_lists_take_braces_and_commas_and_leave_quoted_commas_alone(texts: list[str], count: int) -> None:
    assert len(parse_matchers(texts)) == count


@pytest.mark.parametrize("text", ["a=b,,c=d", "", ",", "{a=b", "a=b,c"])
def test_a_list_with_a_hole_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_matchers([text])


def test_a_list_matches_when_all_of_it_does() -> None:
    assert matches_all(parse_matchers(['{team="db", priority="P2"}']), DB)
    assert not matches_all(parse_matchers(["team=db", "priority=P1"]), DB)
    assert matches_all((), DB)


def test_an_alternation_cannot_escape_its_anchors() -> None:
    """``a)|(b`` would match anything that begins with a if the anchors were only glued on."""
    with pytest.raises(ValueError):
        parse_matcher('team=~"a)|(b"')


@given(
    name=st.text(min_size=1, max_size=8).filter(lambda text: "\x00" not in text),
    operator=st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]),
    value=st.text(max_size=12),
)
def test_what_is_written_is_read_back(name: str, operator: Operator, value: str) -> None:
    matcher = Matcher(name, operator, value)
    assert parse_matcher(str(matcher)) == matcher
    assert parse_matchers([f"{{{matcher}, {matcher}}}"]) == (matcher, matcher)


@given(text=st.text(alphabet='ab={}!~", \\\n', max_size=14))
def test_no_text_is_worse_than_a_value_error(text: str) -> None:
    try:
        parsed = parse_matchers([text])
    except ValueError:
        return
    assert parse_matchers([str(matcher) for matcher in parsed]) == parsed
