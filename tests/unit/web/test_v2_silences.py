"""Silences over /api/v2: taken, refused, changed, listed and ended as Alertmanager does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.support.stores import at
from watchtower.matchers import parse_matchers

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig

NOBODY = "00000000-0000-4000-8000-000000000000"


def matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


# -- taken ------------------------------------------------------------------------------------------------------------


async def test_a_posted_silence_is_in_the_store_as_it_was_meant(rig: Rig) -> None:
    matchers = [
        matcher("alertname", "CpuHigh"),
        matcher("db", "db-[0-9]+", regex=True),
        matcher("team", "x", equal=False),
    ]

    answer = await rig.post(matchers=matchers, comment="  moving ")

    [kept] = await rig.store.silences()
    assert answer.data == {"silenceID": kept.id}
    assert str(UUID(kept.id)) == kept.id
    assert kept.matchers == parse_matchers(['alertname="CpuHigh"', 'db=~"db-[0-9]+"', 'team!="x"'])
    assert (kept.starts_at, kept.ends_at, kept.updated_at) == (at(0), at(7200), at(0))
    assert (kept.created_by, kept.comment, kept.expire_on_resolve) == ("ana", "moving", False)


async def test_is_equal_may_be_left_out_as_old_clients_do(rig: Rig) -> None:
    await rig.silenced(matchers=[{"name": "db", "value": "db-1", "isRegex": False}])

    [kept] = await rig.store.silences()
    assert kept.matchers == parse_matchers(['db="db-1"'])


async def test_fields_that_nobody_knows_are_ignored(rig: Rig) -> None:
    await rig.silenced(metadata={"folder": "x"}, status={"state": "expired"})


async def test_our_own_fields_are_taken_besides(rig: Rig) -> None:
    rig.clock.advance(60)
    await rig.silenced(startsAt=None, endsAt=None, **{"for": "1h30m", "expire_on_resolve": True})

    [kept] = await rig.store.silences()
    assert (kept.starts_at, kept.ends_at, kept.expire_on_resolve) == (at(60), at(60 + 5400), True)


async def test_a_new_silence_does_not_begin_in_the_past(rig: Rig) -> None:
    rig.clock.advance(600)
    await rig.silenced(startsAt="2020-01-01T00:00:00+02:00")

    [kept] = await rig.store.silences()
    assert kept.starts_at == at(600)


async def test_for_counts_from_a_beginning_ahead(rig: Rig) -> None:
    await rig.silenced(startsAt="2026-01-05T10:00:00+02:00", endsAt=None, **{"for": "1h"})

    [kept] = await rig.store.silences()
    assert (kept.starts_at, kept.ends_at) == (at(8 * 3600), at(9 * 3600))


async def test_go_s_zero_time_begins_now(rig: Rig) -> None:
    await rig.silenced(startsAt="0001-01-01T00:00:00.000Z")

    [kept] = await rig.store.silences()
    assert kept.starts_at == at(0)


# -- refused ----------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no matcher": ({"matchers": []}, "at least one matcher"),
    "matchers of nothing": (
        {"matchers": [matcher("a", ""), matcher("b", ".*", regex=True)]},
        "at least one matcher must not match the empty string",
    ),
    "a matcher without a name": ({"matchers": [matcher("", "x")]}, "a matcher has an empty label name"),
    "a nul": ({"matchers": [matcher("db", "a\x00")]}, "'db' holds a NUL"),
    "a faulty expression": ({"matchers": [matcher("db", "(", regex=True)]}, "'(' is not a regular expression"),
    "is_regex missing": ({"matchers": [{"name": "db", "value": "x"}]}, "matchers.0.isRegex: Field required"),
    "is_regex as text": ({"matchers": [{"name": "db", "value": "x", "isRegex": "no"}]}, "matchers.0.isRegex: "),
    "no matchers at all": ({"matchers": None}, "matchers: Field required"),
    "no author": ({"createdBy": " "}, "createdBy is empty: a silence says who asks for it"),
    "no comment": ({"comment": ""}, "comment is empty: a silence says why"),
    "no end": ({"endsAt": None}, "a silence has either endsAt or for"),
    "two ends": ({"for": "2h"}, "a silence has either endsAt or for"),
    "an end that is past": (
        {"startsAt": None, "endsAt": "2026-01-04T23:59:59Z"},
        "the silence would end at 2026-01-04T23:59:59.000Z, which is past; it is 2026-01-05T00:00:00.000Z",
    ),
    "an end that is now": ({"endsAt": "2026-01-05T00:00:00Z"}, "which is past"),
    "an end before the beginning": (
        {"startsAt": "2026-01-05T03:00:00Z"},
        "the silence would end at 2026-01-05T02:00:00.000Z, before it starts at 2026-01-05T03:00:00.000Z",
    ),
    "an end that is the beginning": ({"startsAt": "2026-01-05T02:00:00Z"}, "before it starts"),
    "a time without a zone": ({"endsAt": "2026-01-06T00:00:00"}, "endsAt: "),
    "a time that is a number": ({"endsAt": 1767571200}, "endsAt: "),
    "a time beyond the calendar": ({"endsAt": "9999-12-31T23:59:59-10:00"}, "beyond what a calendar holds"),
    "a faulty duration": ({"endsAt": None, "for": "2 hours"}, "for: '2 hours' is not a duration"),
    "a duration of nothing": ({"endsAt": None, "for": "0s"}, "which is past"),
    "a duration without end": ({"endsAt": None, "for": "99999999999w"}, "for: 99999999999w is too long"),
}


@pytest.mark.parametrize(("fields", "sentence"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_a_silence_is_refused_with_a_sentence(
    rig: Rig, fields: dict[str, Any], sentence: str
) -> None:
    answer = await rig.post(**fields)

    assert answer.status == 400
    assert isinstance(answer.data, str)
    assert sentence in answer.data
    assert await rig.store.silences() == []


async def test_every_wrong_field_is_named_at_once(rig: Rig) -> None:
    answer = await rig.post(comment=None, endsAt="tomorrow")

    assert "endsAt: " in answer.data
    assert "comment: Field required" in answer.data


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b'{"matchers": "\\ud800"}', b"\xff\xfe"])
async def test_a_body_that_is_no_silence_is_a_sentence_too(rig: Rig, body: bytes) -> None:
    answer = await rig.ask("POST", "/api/v2/silences", body)

    assert answer.status == 400
    assert isinstance(answer.data, str)


async def test_a_body_without_measure_is_refused(rig: Rig) -> None:
    answer = await rig.post(comment="x" * 70_000)

    assert answer.status == 413
    assert isinstance(answer.data, str)


# -- changed ----------------------------------------------------------------------------------------------------------


async def test_another_end_and_comment_keep_the_id(rig: Rig) -> None:
    known = await rig.silenced()
    rig.clock.advance(60)

    again = await rig.silenced(id=known, endsAt="2026-01-05T04:00:00Z", comment="longer")

    [kept] = await rig.store.silences()
    assert again == known == kept.id
    assert (kept.starts_at, kept.ends_at, kept.updated_at) == (at(0), at(4 * 3600), at(60))
    assert kept.comment == "longer"


async def test_the_millisecond_in_which_a_silence_began_is_no_change(rig: Rig) -> None:
    """Clients are shown milliseconds and post what they were shown."""
    rig.clock.advance(0.123456)
    known = await rig.silenced(startsAt=None)
    shown = await rig.get(f"/api/v2/silence/{known}")
    rig.clock.advance(60)

    assert await rig.silenced(id=known, startsAt=shown["startsAt"], endsAt="2026-01-05T05:00:00Z") == known

    [kept] = await rig.store.silences()
    assert kept.starts_at == at(0.123456)


@pytest.mark.parametrize(
    "change",
    [{"matchers": [matcher("db", "db-2")]}, {"startsAt": "2026-01-05T00:30:00Z"}],
    ids=["matchers", "beginning"],
)
async def test_what_a_running_silence_stands_for_is_changed_by_a_new_one(rig: Rig, change: dict[str, Any]) -> None:
    known = await rig.silenced()
    rig.clock.advance(60)

    new = await rig.silenced(id=known, **change)

    kept = {silence.id: silence for silence in await rig.store.silences(ended=True)}
    assert new != known
    assert kept[known].ends_at == at(60)
    assert kept[new].ends_at == at(7200)


async def test_a_silence_to_come_can_be_moved(rig: Rig) -> None:
    known = await rig.silenced(startsAt="2026-01-05T01:00:00Z")

    assert await rig.silenced(id=known, startsAt="2026-01-05T01:30:00Z") == known

    [kept] = await rig.store.silences()
    assert kept.starts_at == at(5400)


async def test_a_silence_that_ended_is_not_revived_but_made_anew(rig: Rig) -> None:
    known = await rig.silenced()
    rig.clock.advance(7200)

    new = await rig.silenced(id=known, endsAt="2026-01-05T09:00:00Z")

    assert [(silence.id, silence.starts_at) for silence in await rig.store.silences()] == [(new, at(7200))]


async def test_a_refused_change_changes_nothing(rig: Rig) -> None:
    known = await rig.silenced()

    assert (await rig.post(id=known, matchers=[matcher("db", "db-2")], comment="")).status == 400

    [kept] = await rig.store.silences()
    assert (kept.id, kept.comment) == (known, "moving the database")


async def test_maintenance_is_a_silence_with_a_word_that_other_clients_do_not_take_away(rig: Rig) -> None:
    known = await rig.silenced(maintenance=True)
    await rig.silenced(id=known)
    assert (await rig.get(f"/api/v2/silence/{known}"))["maintenance"] is True
    [kept] = await rig.store.silences()
    assert kept.maintenance


async def test_clients_that_do_not_know_expire_on_resolve_do_not_take_it_away(rig: Rig) -> None:
    known = await rig.silenced(expire_on_resolve=True)

    await rig.silenced(id=known, comment="longer")
    assert (await rig.get(f"/api/v2/silence/{known}"))["expire_on_resolve"] is True

    await rig.silenced(id=known, expire_on_resolve=False)
    assert (await rig.get(f"/api/v2/silence/{known}"))["expire_on_resolve"] is False


async def test_a_change_of_what_is_not_there_is_not_found(rig: Rig) -> None:
    answer = await rig.post(id=NOBODY)

    assert (answer.status, answer.data) == (404, f"no silence {NOBODY}")
    assert await rig.store.silences() == []


# -- listed -----------------------------------------------------------------------------------------------------------


async def test_a_silence_is_shown_with_every_field_of_the_published_shape(rig: Rig) -> None:
    known = await rig.silenced(matchers=[matcher("db", "db-.*", regex=True, equal=False)])

    assert await rig.get(f"/api/v2/silence/{known}") == {
        "id": known,
        "status": {"state": "active"},
        "updatedAt": "2026-01-05T00:00:00.000Z",
        "matchers": [matcher("db", "db-.*", regex=True, equal=False)],
        "startsAt": "2026-01-05T00:00:00.000Z",
        "endsAt": "2026-01-05T02:00:00.000Z",
        "createdBy": "ana",
        "comment": "moving the database",
        "expire_on_resolve": False,
        "maintenance": False,
    }


async def test_silences_stand_in_the_order_in_which_they_matter(rig: Rig) -> None:
    ended_first = await rig.silenced(endsAt="2026-01-05T00:00:10Z")
    ended_last = await rig.silenced(endsAt="2026-01-05T00:00:20Z")
    much_later = await rig.silenced(startsAt="2026-01-05T01:30:00Z")
    later = await rig.silenced(startsAt="2026-01-05T01:00:00Z")
    long = await rig.silenced(endsAt="2026-01-05T05:00:00Z")
    short = await rig.silenced()
    rig.clock.advance(60)

    found = await rig.get("/api/v2/silences")

    assert [one["id"] for one in found] == [short, long, later, much_later, ended_last, ended_first]
    assert [one["status"]["state"] for one in found] == [*["active"] * 2, *["pending"] * 2, *["expired"] * 2]


async def test_a_filter_names_matchers_that_a_silence_has_itself(rig: Rig) -> None:
    mine = await rig.silenced(matchers=[matcher("alertname", "CpuHigh"), matcher("db", "db-1")])
    other = await rig.silenced(matchers=[matcher("db", "db-.*", regex=True)], createdBy="ben")

    async def ids(*filters: str, **more: str) -> list[str]:
        params = [("filter", text) for text in filters] + list(more.items())
        return [one["id"] for one in await rig.get("/api/v2/silences", params=params)]

    assert await ids('db="db-1"') == [mine]
    assert await ids('alert="CpuHigh"', 'db="db-1"') == [mine]
    assert await ids('db=~"db-.*"') == [other]
    assert await ids('db="db-3"') == []
    assert await ids(creator="ben") == [other]


async def test_a_filter_that_cannot_be_read_is_refused(rig: Rig) -> None:
    answer = await rig.ask("GET", "/api/v2/silences", params={"filter": "db"})

    assert answer.status == 400
    assert answer.data.startswith("filter: 'db' has none of =, !=, =~ and !~")


async def test_what_is_not_there_is_not_found(rig: Rig) -> None:
    for method in ("GET", "DELETE"):
        answer = await rig.ask(method, f"/api/v2/silence/{NOBODY}")
        assert (answer.status, answer.data) == (404, f"no silence {NOBODY}")


# -- ended ------------------------------------------------------------------------------------------------------------


async def test_a_deleted_silence_holds_no_more_and_is_still_shown(rig: Rig) -> None:
    known = await rig.silenced()
    rig.clock.advance(60)

    assert (await rig.ask("DELETE", f"/api/v2/silence/{known}")).status == 200

    assert await rig.store.silences() == []
    shown = await rig.get(f"/api/v2/silence/{known}")
    assert (shown["status"]["state"], shown["endsAt"]) == ("expired", "2026-01-05T00:01:00.000Z")


async def test_ending_twice_is_no_fault(rig: Rig) -> None:
    known = await rig.silenced()
    await rig.ask("DELETE", f"/api/v2/silence/{known}")
    rig.clock.advance(60)

    assert (await rig.ask("DELETE", f"/api/v2/silence/{known}")).status == 200
    assert (await rig.get(f"/api/v2/silence/{known}"))["endsAt"] == "2026-01-05T00:00:00.000Z"


async def test_whoever_changes_a_silence_has_everything_judged_at_once(rig: Rig) -> None:
    woken: list[str] = []
    rig.live.judge = lambda: woken.append("now")

    known = await rig.silenced()
    await rig.ask("DELETE", f"/api/v2/silence/{known}")
    await rig.post(comment="")
    await rig.get("/api/v2/silences")

    assert woken == ["now", "now"]
