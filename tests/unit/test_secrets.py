from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchtower.schema import Model
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path


class Holder(Model):
    key: Secret


def read(value: object, base: Path) -> Secret:
    return Holder.model_validate({"key": value}, context={"base_dir": base}).key


def test_a_relative_file_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("hush\n")
    assert read({"file": "key.txt"}, tmp_path).reveal() == "hush"
    assert read({"file": str(tmp_path / "key.txt")}, tmp_path / "elsewhere").reveal() == "hush"


def test_a_secret_shows_where_it_came_from_and_never_itself(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("hush")
    holder = Holder.model_validate({"key": {"file": "key.txt"}}, context={"base_dir": tmp_path})
    for shown in (repr(holder), str(holder.key), holder.model_dump_json()):
        assert "hush" not in shown
        assert "key.txt" in shown


def test_what_cannot_be_read_is_refused_without_showing_anything(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    for wrong, sentence in (
        ({"file": "absent.txt"}, "cannot be read: No such file or directory"),
        ({"file": "empty.txt"}, "is empty"),
        ({"file": "binary.txt"}, "is not UTF-8 text"),
        ({"env": "WT_SURELY_NOT_SET"}, "the environment variable WT_SURELY_NOT_SET is not set"),
        ("literal", "never as a literal"),
        ({"env": "A", "file": "B"}, "never as a literal"),
        ({"enw": "A"}, r"unknown key `enw` \(did you mean `env`\?\)"),
        ({"fiel": "A"}, r"unknown key `fiel` \(did you mean `file`\?\)"),
        ({"vault": "A"}, "unknown key `vault`"),
    ):
        with pytest.raises(ValueError, match=sentence):
            read(wrong, tmp_path)


def test_two_secrets_can_be_told_apart_without_telling_either() -> None:
    assert Secret("a").digest != Secret("b").digest
    assert Secret("a") == Secret("a", "elsewhere")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_where_secrets_are_not_read_a_stand_in_takes_their_place(tmp_path: Path) -> None:
    context = {"base_dir": tmp_path, "read_secrets": False}
    keys = [
        Holder.model_validate({"key": given}, context=context).key
        for given in ({"env": "WT_NOT_SET_ANYWHERE"}, {"env": "WT_NOT_SET_EITHER"}, {"file": "absent.txt"})
    ]
    assert all(key.stand_in for key in keys)
    assert len({key.digest for key in keys}) == 3
    assert not Secret("hush").stand_in


def test_a_literal_is_refused_even_where_secrets_are_not_read() -> None:
    with pytest.raises(ValueError, match="never as a literal"):
        Holder.model_validate({"key": "hush"}, context={"read_secrets": False})
