"""What is remembered of probes from one poll to the next."""

from __future__ import annotations

import zlib

import pytest

from watchtower.sources.probe.kinds.http.content import Content
from watchtower.sources.probe.memory import Entry, Memory, decode, encode, entry_of, learn, remember
from watchtower.sources.probe.result import Result


def up(slot: int) -> Entry:
    return Entry(slot, 1.0, 0.1, None)


def down(slot: int) -> Entry:
    return Entry(slot, 0.0, None, None)


def test_a_memory_comes_back_as_it_went() -> None:
    memory = Memory(
        {"a": (up(0), down(60)), "b": (Entry(60, 1.0, 0.25, 12.5, 0.8),)},
        {"b": Content("Welcome", None, (1, 2)), "c": Content(None, "en", None)},
        names={"a": "a.example", "b": "b.example"},
    )

    assert decode(encode(memory)) == memory


@pytest.mark.parametrize(
    "blob",
    [None, b"", b"not zlib", zlib.compress(b"not json"), zlib.compress(b"[]"), zlib.compress(b'{"v":99,"probes":{}}')],
)
def test_a_blob_that_is_not_ours_is_forgotten(blob: bytes | None) -> None:
    assert decode(blob) == Memory()


def test_a_new_result_joins_the_old_ones_in_order() -> None:
    assert remember(Memory({"a": (up(0),)}), {"a": down(60)}, {"a": "a.example"}, since=0).entries == {
        "a": (up(0), down(60))
    }


def test_a_retry_of_the_same_slot_replaces_what_it_said() -> None:
    assert remember(Memory({"a": (up(0), down(60))}), {"a": up(60)}, {"a": "a.example"}, since=0).entries == {
        "a": (up(0), up(60))
    }


def test_what_is_older_than_the_longest_window_is_dropped() -> None:
    assert remember(Memory({"a": (up(0), up(60), up(120))}), {"a": up(180)}, {"a": "a.example"}, since=120).entries == {
        "a": (up(120), up(180))
    }


def test_a_probe_that_nobody_wants_any_more_is_dropped() -> None:
    assert remember(Memory({"a": (up(0),), "b": (up(0),)}), {}, {"a": "a.example"}, since=0).entries == {"a": (up(0),)}


def test_a_slot_without_a_result_leaves_what_was_known() -> None:
    assert remember(Memory({"a": (up(0),)}), {}, {"a": "a.example"}, since=0).entries == {"a": (up(0),)}


def test_an_entry_counts_the_days_that_a_certificate_has_left() -> None:
    result = Result(success=True, reason="", duration=0.2500001, expires=86_400.0 * 10)

    assert entry_of(0, result, now=86_400.0 * 11.5) == Entry(0, 1.0, 0.25, -1.5)


def test_a_failure_without_a_connection_has_a_success_value_only() -> None:
    entry = entry_of(0, Result(success=False, reason="connection refused"), now=0.0)

    assert [entry.value(name) for name in ("success", "duration", "certificate_days")] == [0.0, None, None]


def test_the_first_content_is_accepted_and_no_later_one_takes_its_place() -> None:
    first, later = Content("Welcome", "en"), Content("Hacked", "en")
    learnt = learn(Memory(), {"a": Result(success=True, reason="", content=first)})
    again = learn(learnt, {"a": Result(success=True, reason="", content=later)})

    assert again.accepted == {"a": first}
    result = Result(success=True, reason="", content=later)
    assert entry_of(0, result, now=0.0, accepted=first).content == 0.0
    assert entry_of(0, result, now=0.0).content == 1.0


def test_the_accepted_content_of_a_probe_that_nobody_wants_is_dropped() -> None:
    memory = Memory({}, {"a": Content("Welcome"), "b": Content("Other")})

    assert remember(memory, {}, {"a": "a.example"}, since=0).accepted == {"a": Content("Welcome")}
