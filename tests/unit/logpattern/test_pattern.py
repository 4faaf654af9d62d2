"""CloudWatch's filter patterns, evaluated here; ``tests/data/logfilter.json`` holds what AWS publishes of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from watchtower.logpattern import PatternError, compile_pattern, normalised

PUBLISHED = orjson.loads((Path(__file__).parents[2] / "data" / "logfilter.json").read_bytes())


def matches(pattern: str, line: str) -> bool:
    return compile_pattern(pattern).matches(line)


@pytest.mark.parametrize(
    "vector", PUBLISHED["vectors"], ids=lambda vector: f"{vector['pattern']} on {vector['message']}"
)
def test_a_published_example_does_what_aws_says(vector: dict[str, Any]) -> None:
    pattern = compile_pattern(vector["pattern"])

    assert pattern.matches(vector["message"]) is vector["match"]
    if "extracted" in vector:
        assert pattern.extract(vector["message"]) == vector["extracted"]


@pytest.mark.parametrize("vector", PUBLISHED["invalid_patterns"], ids=lambda vector: vector["pattern"])
def test_what_aws_calls_invalid_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(PatternError):
        compile_pattern(vector["pattern"])


APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 404 1534'
FLOW = "2 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 22 6 20 4249 1418530010 1418530070 REJECT OK"
EVENT = (
    '{"eventType":"UpdateTrail","ip":"111.111.111.111","list":["value","another value"],"n":400,"ok":true,"no":false,'
    '"nothing":null,"objects":[{"id":1},{"id":2}],"grid":[[0,1],[4,5]],"cluster.name":"c","text":"1e3","Ev":"Ev*ent"}'
)

CASES = [
    ("", "anything", True),
    ('""', "anything", True),
    ('" "', "nothingelse", True),
    ("-ERROR", "all is well", True),
    ("-ERROR", "ERROR", False),
    ('ERROR -"disk full"', "ERROR disk full", False),
    ('ERROR - "Exiting"', "Exiting with ERRORCODE: -1", False),
    ('?"disk full" ?timeout', "the disk full again", True),
    ("?ERROR -WARN", "quiet", True),
    ("error", "ERROR", False),
    ('"a \\"quoted\\" word"', 'has a "quoted" word', True),
    ("%^ERROR% done", "ERROR is done", True),
    ("%^ERROR% done", "an ERROR is done", False),
    (r"%\[ERROR\]\s[0-9]{3}%", "an [ERROR] 404", True),
    (r"%call\x28\x29%", "a call() failed", True),
    ("[..., status_code = 4*, size]", APACHE, True),
    ("[ip, id, user, time, request, status_code = 4* && size > 1000]", APACHE, True),
    ("[ip, id, user, time, request, status_code = 4* && size > 2000]", APACHE, False),
    ("[ip, id, user, time, request, status_code = 4* && status_code != 404, size]", APACHE, False),
    ("[ip, id, user, time, request = *apache*, code >= 400 && code < 500, size <= 1.6e3]", APACHE, True),
    ("[ip = 127.0.0.*, ...]", APACHE, True),
    ("[ip, ..., size = 1534]", APACHE, True),
    ("[ip, user, ...]", "one", False),
    ("[..., last]", "one", True),
    ("[a,,c = x]", "1 2 x", True),
    ("[a, b]", "alone", False),
    ("[(w1 = A || w1 = B) && w2 != C, w2]", "B D", True),
    ("[(w1 = A || w1 = B) && w2 != C, w2]", "B C", False),
    ("[w1 = A || w1 = B && w2 = C, w2]", "A D", True),
    ('[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]', "12:00 CRITICAL no rooms left", True),
    ('[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]', "12:00 CRITICAL Errore da Ignorare 7", False),
    ("[level = %ERR|CRIT%, ...]", "CRITICAL now", True),
    ("[level != %ERR|CRIT%, ...]", "CRITICAL now", False),
    ('[version, account, eni, source != "-", ..., action = REJECT, status]', FLOW, True),
    ('[v, a, e, s, d, sp, dp="22", p="6", n, b, from, to, action="ACCEPT", status]', FLOW, False),
    ('[timestamp=*Z, request_id="*-*", event]', "2020-01-01T00:00:00Z ab-cd hello world", True),
    ("[..., code=5**]", "GET / 503", True),
    ("[w1=*]", "two words", True),
    ("{ ($.eventType=UpdateTrail) && (($.n=1) || ($.n=400)) }", EVENT, True),
    ("{ $.eventType = Update* }", EVENT, True),
    ("{ $.eventType = *Trail }", EVENT, True),
    ("{ $.Ev = Ev*ent }", EVENT, True),
    ("{ $.eventType = Up*Trail }", EVENT, False),
    ("{ $.ip != 123.123.* }", EVENT, True),
    ("{ $.ip != 111.* }", EVENT, False),
    ("{ $.n >= 400 && $.n < 4.01e2 }", EVENT, True),
    ("{ $.n = 400.0 }", EVENT, True),
    ("{ $.n > +1000 }", EVENT, False),
    ("{ $.text = 1000 }", EVENT, True),
    ("{ $.ok IS TRUE && $.no IS FALSE }", EVENT, True),
    ("{ $.no IS TRUE }", EVENT, False),
    ("{ $.n IS TRUE }", EVENT, False),
    ("{ $.nothing IS NULL }", EVENT, True),
    ("{ $.missing IS NULL }", EVENT, False),
    ("{ $.nothing NOT EXISTS }", EVENT, False),
    ("{ $.deeper.missing NOT EXISTS }", EVENT, True),
    ("{ $.nothing != x }", EVENT, False),
    ("{ $.missing != x }", EVENT, False),
    ("{ $.objects != 1 }", EVENT, False),
    ("{ $.list[0] = value }", EVENT, True),
    ("{ $.list[2] = value }", EVENT, False),
    ("{ $.objects[1].id = 2 }", EVENT, True),
    ("{ $.objects[*].id = 2 }", EVENT, True),
    ("{ $.grid[1][0] = 4 }", EVENT, True),
    ("{ $.list[*] = %val.{2}% }", EVENT, True),
    ("{ $.* = c }", EVENT, True),
    ("{ $.ip[0] = 1 }", EVENT, False),
    ("{ $.n = 1 || $.n = 400 && $.n = 2 }", EVENT, False),
    ("{ ($.n = 400 || $.n = 1) && $.ok IS TRUE }", EVENT, True),
    ("{ $.x NOT EXISTS }", "not JSON", False),
    ("{ $.x NOT EXISTS }", "[1]", False),
    ("{ $.x NOT EXISTS }", "{}", True),
]


@pytest.mark.parametrize(("pattern", "line", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_the_rules_of_the_page_hold_where_it_has_no_example(pattern: str, line: str, expected: bool) -> None:
    assert matches(pattern, line) is expected


REFUSED = [
    ("ERROR: disk", 6, "double quotes"),
    ("a.b", 2, "double quotes"),
    ("?", 2, "needs a term"),
    ("- ", 3, "needs a term"),
    ('ERROR "open', 7, "never closed"),
    ("%open", 1, "never closed"),
    ("%%", 1, "empty"),
    ("%a(b)%", 3, "\\x28"),
    ("%a b%", 3, "\\s"),
    ("%a\\(%", 3, "does not know"),
    ("%[[:digit:]]%", 2, "POSIX"),
    ("%[a%", 2, "not a regular expression"),
    ("%é%", 2, "does not take"),
    ("%a% %b% %c%", 9, "at most 2"),
    ("[a, b", 1, "never closed"),
    ("[a b]", 4, "missing"),
    ("[a] b", 5, "behind"),
    ("[..., a, ...]", 10, "once"),
    ("[a =! b]", 5, "!="),
    ("[a = ]", 6, "needs a value"),
    ("[a > b]", 6, "needs a number"),
    ("[a = x & b = y]", 8, "two characters"),
    ("[(a = x]", 2, "never closed"),
    ("{}", 2, "begins with"),
    ("{ $.a }", 7, "NOT EXISTS"),
    ("{ $.a IS NOT NULL }", 7, "NOT EXISTS"),
    ("{ $.a EXISTS }", 7, "NOT EXISTS"),
    ("{ $.a = 1", 1, "never closed"),
    ("{ $.a = 1 } x", 13, "behind"),
    ("{ a = 1 }", 3, "begins with"),
    ('{ $."a-b" = 1 }', 5, "property"),
    ("{ $.a[x] = 1 }", 7, "number"),
    ("{ $.*.b[*] = 1 }", 3, "at most one"),
    ("{ $.a = x@y }", 10, "double quotes"),
    ("{ $.a >= %b% }", 10, "regular expression"),
    ("{ " + "(" * 51 + "$.a = 1" + ")" * 51 + " }", 53, "deeper"),
    ("x" * 1025, 1025, "at most 1024"),
]


@pytest.mark.parametrize(("pattern", "column", "why"), REFUSED, ids=lambda value: str(value)[:30])
def test_an_invalid_pattern_is_refused_at_its_column(pattern: str, column: int, why: str) -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern(pattern)

    assert (refused.value.column, why in refused.value.message) == (column, True), str(refused.value)


def test_patterns_that_are_only_spaced_differently_are_equal() -> None:
    assert normalised('[ (w1 = "a  b") && w2,w3 ]') == normalised('[(w1="a  b")&&w2, w3]')
    assert normalised("  ERROR   WARN ") == normalised("ERROR WARN")
    assert normalised('"a  b"') != normalised('"a b"')
    assert normalised("ERROR WARN") != normalised("ERRORWARN")
    assert normalised('{ $.a="x"&&$.b IS   NULL}') == normalised('{$.a = "x" && $.b IS NULL }')
    assert normalised('- DEBUG "a"') == normalised('-DEBUG   "a"')


def test_a_quotation_mark_inside_quotes_ends_no_quotation_when_patterns_are_compared() -> None:
    assert normalised(r'{ $.a = "x\" y" }') != normalised(r'{ $.a = "x\"  y" }')
    assert normalised(r'{ $.a = "x\"y"  &&  $.b = 1 }') == normalised(r'{$.a="x\"y"&&$.b=1}')
    assert normalised(r'[a = %x"y%, b = "p  q"]') != normalised(r'[a = %x"y%, b = "p q"]')
    assert normalised("{ $['a  b'] = 1 }") != normalised("{ $['a b'] = 1 }")


def test_a_pattern_that_cannot_be_read_is_compared_as_it_stands() -> None:
    assert normalised("[a,  (") == normalised("[a,  (")
    assert normalised("[a,  (") != normalised("[a, (")


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("[a, b = *x*, ...]", '[ " ' * 250_000),
        ('"' + "a" * 200 + 'b"', "a" * 1_000_000),
        ("%(a|aa)+$%".replace("(", "[").replace(")", "]"), "a" * 1_000_000),
        ("{ $.a = 1 }", '{"a":' * 200_000),
    ],
    ids=["fields", "term", "regex", "json"],
)
def test_a_hostile_line_is_read_in_linear_time(pattern: str, line: str) -> None:
    began = time.process_time()
    matches(pattern, line)
    assert time.process_time() - began < 3


BIG = 9007199254740993

EXACT = [
    ("{ $.n = 9007199254740993 }", f'{{"n": {BIG}}}', True),
    ("{ $.n = 9007199254740993 }", f'{{"n": {BIG - 1}}}', False),
    ("{ $.n = 9007199254740993 }", f'{{"n": "{BIG - 1}"}}', False),
    ("{ $.n != 9007199254740993 }", f'{{"n": {BIG - 1}}}', True),
    ("{ $.n > 9007199254740992 }", f'{{"n": {BIG}}}', True),
    ("{ $.n <= 9007199254740992 }", f'{{"n": {BIG}}}', False),
    ("{ $.n = 900719925474099* }", f'{{"n": {BIG}}}', True),
    ("{ $.n = 18446744073709551617 }", '{"n": 18446744073709551616}', False),
    ("{ $.n = 18446744073709551617 }", '{"n": 18446744073709551617}', True),
    ("{ $.n = 0.12345678901234567891 }", '{"n": 0.12345678901234567892}', False),
    ("{ $.n = 0.1 }", f'{{"n": 0.1, "id": {BIG}}}', True),
    ("{ $.n = 0.10 }", '{"n": 1e-1}', True),
    ("{ $.n = 1000 }", f'{{"n": 1e3, "id": {BIG}}}', True),
    ("{ $.n = 1e400 }", '{"n": 1e400}', True),
    ("{ $.n > 1e399 }", '{"n": 1e400}', True),
    ("{ $.other = 1 }", '{"other": 1, "n": 1e999999999999999999999}', True),
    ("{ $.n > 1 }", '{"n": ' + "9" * 100_000 + "}", False),
    ("{ $.n > 1 }", '{"n": 1e999999999999999999999}', False),
    ("{ $.n > 1 }", f'{{"n": NaN, "id": {BIG}}}', False),
    ("{ $.id > 1 }", f'{{"id": {BIG}, "deep": ' + "[" * 900 + "]" * 900 + "}", True),
    ("{ $.id > 1 }", f'{{"id": {BIG}, "deep": ' + "[" * 100_000 + "]" * 100_000 + "}", False),
    ("[id = 9007199254740993]", f"{BIG - 1}", False),
    ("[id > 9007199254740992]", f"{BIG}", True),
]


@pytest.mark.parametrize(("pattern", "line", "expected"), EXACT, ids=lambda value: str(value)[:60])
def test_numbers_are_compared_as_they_are_written_however_many_digits_they_have(
    pattern: str, line: str, expected: bool
) -> None:
    began = time.perf_counter()
    assert matches(pattern, line) is expected
    assert time.perf_counter() - began < 1
