from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from watchtower.errors import ConfigError, Unreadable
from watchtower.schema import Duration, Model
from watchtower.secrets import Secret
from watchtower.yamlfile import Document, load_yaml, parse_yaml, validation_faults

HERE = Path("x.yaml")


def parse(text: str) -> Document:
    return parse_yaml(text, HERE)


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(fault) for fault in caught.value.faults]


def test_values_and_keys_have_their_positions() -> None:
    document = parse("a: 1\nb:\n  - c: {d: x}\n    e: y\n")
    assert document.data == {"a": 1, "b": [{"c": {"d": "x"}, "e": "y"}]}
    assert document.position(("a",)) == (1, 4)
    assert document.position(("a",), key=True) == (1, 1)
    assert document.position(("b", 0, "c", "d")) == (3, 12)
    assert document.position(("b", 0, "e"), key=True) == (4, 5)


def test_a_path_that_is_not_there_has_the_position_of_its_nearest_ancestor() -> None:
    document = parse("a:\n  b: 1\n")
    assert document.position(("a", "missing")) == (2, 3)
    assert document.position(("a", "missing", "deeper"), key=True) == (1, 1)
    assert document.position(("nothing",)) == (1, 1)


def test_scalars_follow_yaml_1_2_and_dates_stay_text() -> None:
    data = parse("a: yes\nb: true\nc: 0x10\nd: 1.5\ne: ~\nf: 2026-01-05\ng: 12:30\n5: x\n").data
    assert data == {
        "a": "yes", "b": True, "c": 16, "d": 1.5, "e": None, "f": "2026-01-05", "g": "12:30", "5": "x",
    }  # fmt: skip


def test_anchors_and_merges_are_followed_and_keep_the_position_of_what_was_written() -> None:
    document = parse("base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\nsame: *b\n")
    assert document.data["other"] == {"y": 3, "x": 1}
    assert document.data["same"] == {"x": 1, "y": 2}
    assert document.position(("other", "x")) == (1, 14)


def test_every_duplicate_key_is_told_with_both_places_and_the_first_counts() -> None:
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert sorted(str(fault) for fault in document.faults) == [
        "x.yaml:2:11: `c` is given twice; it stands already at line 2, column 5",
        "x.yaml:3:1: `a` is given twice; it stands already at line 1, column 1",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a:\n - b: &x [*x]\n", "2:7: an anchor may not contain itself"),
        ("a: !foo 1\n", "1:4: the tag `!foo` has no meaning here; remove it"),
        ("a: {{ value }}\n", '1:5: a key must be text; put a template in quotes: "{{ … }}"'),
        ("a: !!int x\n", "1:4: `x` cannot be read as int"),
    ],
)
def test_what_is_yaml_but_not_data_is_a_fault(text: str, fault: str) -> None:
    assert [str(found) for found in parse(text).faults] == [f"x.yaml:{fault}"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["1:1: the file is empty"]),
        ("- a\n", ["1:1: the file must be a mapping: `key: value` lines at its top"]),
        ("a:\n\tb: 1\nc:\n  \td: 1\n", [
            "2:1: a tab in the indentation: YAML wants spaces",
            "4:3: a tab in the indentation: YAML wants spaces",
        ]),
        ("a: 1\n b: 2\n", [
            "2:3: a `:` where no key can be: check the indentation, or put the text in quotes",
        ]),
        ("a:\n  - b\n c: 1\n", ["3:2: bad indentation: this does not line up with what stands above it"]),
        ("a: [1\nb: 2\n", ["2:2: a `,` or a closing bracket is missing in what opened at line 1"]),
        ("a: {b: 1\n", ["2:1: a bracket opened at line 1 is never closed"]),
        ("a: 'x\n", ["2:1: a quote opened at line 1 is never closed"]),
        ("a: @x\n", ["1:4: a value cannot begin with `@`: put it in quotes"]),
        ("a: 1\tb\n", ["1:5: a value cannot begin with a tab: put it in quotes"]),
        ("when: > 80\n", [
            '1:9: a condition must stand in quotes, like "> 80": a bare `>` means something else in YAML',
        ]),
        ("when: {P1: > 80}\n", [
            '1:12: a condition must stand in quotes, like "> 80": a bare `>` means something else in YAML',
        ]),
        ("a: *x\n", ["1:4: the alias `*x` has no anchor `&x` above it"]),
        ("a: 1\n---\nb: 2\n", ["2:1: a second document (`---`) is not allowed in one file"]),
        ("a: 1\nb: \x07\n", ["2:4: the character U+0007 is not allowed"]),
        ("a: " + "[" * 600, ["1:1: is nested too deeply to be read"]),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_in_words_at_its_place(text: str, faults: list[str]) -> None:
    assert refused(text) == [f"x.yaml:{fault}" for fault in faults]


def test_a_file_that_cannot_be_opened_is_told_apart_from_a_faulty_one(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read: No such file or directory"):
        load_yaml(tmp_path / "absent.yaml")
    with pytest.raises(Unreadable, match="cannot be read: Is a directory"):
        load_yaml(tmp_path)


def test_bytes_that_are_no_text_have_a_position(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: é\nb: é".encode() + b"\xe9")
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    assert not isinstance(caught.value, Unreadable)
    assert str(caught.value) == f"{path}:2:5: byte 0xe9 is not UTF-8 text"


class Inner(Model):
    wait: Duration = 0.0
    count: int = Field(default=1, ge=1)
    continue_: bool = Field(default=False, alias="continue")


class Apple(Model):
    type: Literal["apple"]
    size: int


class Pear(Model):
    type: Literal["pear"]
    token: Secret | None = None


class Outer(Model):
    name: str
    missing: Literal["ignore", "breaching"] = "ignore"
    items: tuple[Inner, ...] = ()
    fruit: dict[str, Annotated[Apple | Pear, Field(discriminator="type")]] = Field(default_factory=dict)
    either: str | list[str] | Inner = ""


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("nmae: x\n", ["1:1: `name` is missing", "1:1: unknown key `nmae` (did you mean `name`?)"]),
        ("name: x\nzzz: 1\n", ["2:1: unknown key `zzz`"]),
        ("name: x\nmissing: ignor\n", [
            "2:10: `missing` must be one of ignore, breaching, not `ignor` (did you mean `ignore`?)",
        ]),
        ("name: x\nitems:\n- {wiat: 1s}\n- {continu: true, count: 0}\n", [
            "3:4: unknown key `wiat` (did you mean `wait`?)",
            "4:4: unknown key `continu` (did you mean `continue`?)",
            "4:26: `count` must be 1 or more",
        ]),
        ("name: x\nitems: [{wait: 5}, {count: many}, 7]\n", [
            "2:16: 5 is not a duration; write it with a unit, like 30s, 5m or 1h30m",
            "2:28: `count` must be a whole number, not `many`",
            "2:35: an item of `items` must be a mapping (`key: value`), not `7`",
        ]),
        ("name: [x]\nitems: {}\n", [
            "1:7: `name` must be text, not a list",
            "2:8: `items` must be a list, not a mapping",
        ]),
        ("name: x\nfruit: {a: {type: appel}, b: {size: 1}}\n", [
            "2:12: `type` must be one of apple, pear, not `appel` (did you mean `apple`?)",
            "2:30: `type` is missing in `b`",
        ]),
        ("name: x\nfruit: {a: {type: apple, sise: 1}, b: {type: pear, token: abc}}\n", [
            "2:12: `size` is missing in `a`",
            "2:26: unknown key `sise` (did you mean `size`?)",
            "2:59: a secret is written {env: NAME} or {file: PATH}, never as a literal",
        ]),
        ("name: x\neither: 5\n", [
            "2:9: `either` must be text or a list or a mapping (`key: value`), not `5`",
        ]),
        ("name: x\neither: {wiat: 1s}\n", ["2:10: unknown key `wiat` (did you mean `wait`?)"]),
        ("name:\n", ["1:1: `name` must be text, not empty"]),
    ],
)  # fmt: skip
def test_what_a_model_refuses_is_said_in_words_at_its_place(text: str, faults: list[str]) -> None:
    document = parse(text)
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.data)
    found = sorted(validation_faults(caught.value, document, model=Outer))
    assert [str(fault) for fault in found] == [f"x.yaml:{fault}" for fault in faults]
    assert not any("Input" in fault.message or "pydantic" in fault.message for fault in found)


def test_a_part_of_a_file_can_be_validated_alone() -> None:
    document = parse("things:\n- x: 1\n- {wiat: 1s}\n")
    with pytest.raises(ValidationError) as caught:
        Inner.model_validate(document.data["things"][1])
    found = validation_faults(caught.value, document, model=Inner, at=("things", 1))
    assert [str(fault) for fault in found] == ["x.yaml:3:4: unknown key `wiat` (did you mean `wait`?)"]


def test_a_part_of_a_file_is_a_document_that_keeps_the_places_of_the_file() -> None:
    document = parse("a: 1\ngroups:\n- group: x\n  rules: [y]\n- text\n")
    part = document.part(("groups", 0))
    assert part is not None
    assert part.data == {"group": "x", "rules": ["y"]}
    assert part.position(("rules", 0)) == (4, 11)
    assert document.part(("groups", 1)) is None
    assert document.part(("groups", 2)) is None


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("one two", 10),
        ('"one two"', 11),
        ("'one two'", 11),
        ('"one \\u0074wo"', 6),
        (">\n  one two", 6),
        ("one\n  two", 6),
    ],
)
def test_a_place_inside_a_text_is_told_where_the_text_stands_as_it_was_read(written: str, column: int) -> None:
    document = parse_yaml(f"key: {written}\n", Path("f.yaml"))
    assert document.data["key"].rstrip() == "one two"
    assert document.position(("key",), offset=4) == (1, column)
