"""Which findings are new, without any AWS: the limit, the month, and what is written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from watchtower.sources.inspector.findings import Found, Resource, resource_name
from watchtower.sources.inspector.memory import Memory, Standing, decode, encode
from watchtower.sources.inspector.news import KEPT_DAYS, Later, News, Told, grouped, in_turn, look
from watchtower.sources.vulnerabilities.finding import Finding

DAY = 86_400
WEB = Resource("AWS_ECR_CONTAINER_IMAGE", "akai/web", "111122223333")


def found(name: str, arn: str = "", packages: tuple[str, ...] = ("openssl 3.0.1",)) -> Found:
    return Found(arn or f"arn:{name}", WEB, Finding(name, "HIGH", packages), "ACTIVE", "YES", "NO", used=True)


def told(news: News) -> set[str]:
    return {arn for one in news.told.values() for arn in one.arns}


def test_a_finding_is_the_same_in_a_rebuilt_image_and_another_in_another_package() -> None:
    one = found("CVE-1", "arn:1")
    assert one.digest == found("CVE-1", "arn:2", ("openssl 3.0.9",)).digest
    assert one.digest == replace(one, finding=replace(one.finding, severity="LOW")).digest
    assert one.digest != found("CVE-1", packages=("zlib 1",)).digest
    assert one.digest != replace(one, resource=replace(WEB, name="akai/jobs")).digest
    assert found("port", "arn:1", ()).digest != found("port", "arn:2", ()).digest, "nothing else tells them apart"


def test_a_name_outlives_an_image_and_a_version() -> None:
    image = f"arn:aws:ecr:eu-west-1:111122223333:repository/akai/web/sha256:{'a' * 64}"
    assert resource_name(image) == "akai/web"
    assert resource_name("arn:aws:lambda:eu-west-1:111122223333:function:resize:$LATEST") == "resize"
    assert resource_name("i-1") == "i-1"


def host(name: str, finding: str = "CVE-1", *, group: str = "", image: str = "", launched: int = 0) -> Found:
    """A finding of an instance."""
    there = Resource("AWS_EC2_INSTANCE", group or name, "111122223333")
    one = replace(found(finding, f"arn:{name}:{finding}"), resource=there, launched=launched * DAY)
    return replace(one, group=group, machine_image=image)


def test_a_finding_is_the_same_on_every_instance_of_a_group_and_another_on_one_of_none() -> None:
    assert host("i-1", group="web").digest == host("i-2", group="web").digest
    assert host("i-1", group="web").digest != host("i-1", group="jobs").digest
    assert host("i-1", image="ami-1").digest != host("i-2", image="ami-1").digest
    ports = [replace(each, finding=Finding("port 22", "HIGH")) for each in (host("i-1"), host("i-2"))]
    assert ports[0].digest != ports[1].digest
    ports = [replace(each, group="web", resource=replace(each.resource, name="web")) for each in ports]
    assert ports[0].digest == ports[1].digest


@pytest.mark.parametrize("made_of", [{"group": "web"}, {"image": "ami-1"}], ids=["group", "image"])
def test_what_a_replaced_instance_had_is_no_news_of_the_one_in_its_place(made_of: dict[str, Any]) -> None:
    first = look(None, "q", grouped([host("i-1", **made_of)]), Later(), 100).news
    gone = look(first, "q", {}, Later(closed=frozenset([host("i-1", **made_of).digest])), 100).news
    assert not look(gone, "q", grouped([host("i-2", launched=101, **made_of)]), Later(), 101).news.told
    late = look(gone, "q", grouped([host("i-2", launched=102, **made_of)]), Later(), 102).news
    assert told(late), "two days later it is back"
    old = look(gone, "q", grouped([host("i-2", launched=90, **made_of)]), Later(), 101).news
    assert told(old), "it was there before, so it replaces nothing"
    other = look(gone, "q", grouped([host("i-2", "CVE-2", launched=101, **made_of)]), Later(), 101).news
    assert told(other) == {"arn:i-2:CVE-2"}


def test_those_that_departed_are_asked_after_in_turn() -> None:
    gone = {bytes([number]): Told(WEB, (f"a{number}", f"b{number}")) for number in range(5)}
    asked, turn = [], b""
    for _ in range(4):
        arns, turn = in_turn(gone, turn, 5)
        asked.append("".join(arns))
    assert asked == ["a0b0a1b1", "a2b2a3b3", "a4b4a0b0", "a1b1a2b2"]
    assert in_turn(gone, turn, 100)[1] == b"", "all were asked after"
    assert in_turn({}, b"x", 5) == ([], b"")


def test_what_is_not_listed_is_known_for_a_month() -> None:
    first = look(None, "q", grouped([found("CVE-1"), found("CVE-2")]), Later(), 100).news
    later = look(first, "q", grouped([found("CVE-2")]), Later(), 100 + KEPT_DAYS)
    assert not later.news.told
    assert len(later.news.known) == 2
    over = look(later.news, "q", grouped([found("CVE-2")]), Later(), 101 + KEPT_DAYS).news
    back = look(over, "q", grouped([found("CVE-1"), found("CVE-2")]), Later(), 102 + KEPT_DAYS)
    assert told(back.news) == {"arn:CVE-1"}


def test_those_that_cannot_be_remembered_are_counted_and_not_told() -> None:
    first = look(None, "q", grouped(map(found, "ab")), Later(), 1, most=3)
    more = look(first.news, "q", grouped(map(found, "abcde")), Later(), 1, most=3)
    again = look(more.news, "q", grouped(map(found, "abcde")), Later(), 1, most=3)
    assert (first.over, more.over, len(more.news.known), len(more.news.told)) == (0, 2, 3, 1)
    assert again.news == more.news, "who was told stays the same"


def test_what_nobody_could_ask_about_stays_told() -> None:
    first = look(None, "q", {}, Later(), 1).news
    second = look(first, "q", grouped([found("CVE-1")]), Later(), 1).news
    third = look(second, "q", {}, Later(unasked=frozenset(second.told)), 1).news
    assert told(third) == {"arn:CVE-1"}
    assert not look(third, "q", {}, Later(closed=frozenset(third.told)), 1).news.known


def test_a_memory_is_ten_bytes_a_finding_and_one_of_another_version_is_a_first_look() -> None:
    news = look(None, "q", grouped(found(f"CVE-{n}") for n in range(1000)), Later(), 20_000).news
    news = look(news, "q", grouped([found("new")]), Later(), 20_000).news
    memory = Memory({"Rule": Standing({}, replace(news, looked=1_700_000_000, turn=b"12345678"))}, "111122223333")
    blob = encode(memory)
    assert decode(blob) == memory
    assert len(blob) < 12_000
    assert decode(b"nonsense") == decode(None) == Memory()
