"""What a rule may write under ``probe:``, and what it is told when it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from watchtower.sources.probe.expect import Expect, format_statuses
from watchtower.sources.probe.query import ProbeQuery

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = {"url": "https://{{ target }}/"}
FIXED = {"url": "https://www.example.com/"}


def read(**probe: Any) -> ProbeQuery:
    return ProbeQuery.model_validate(probe)


def faults(context: dict[str, Any] | None = None, **probe: Any) -> dict[tuple[int | str, ...], str]:
    with pytest.raises(ValidationError) as caught:
        ProbeQuery.model_validate(probe, context=context)
    return {error["loc"]: error["msg"].removeprefix("Value error, ") for error in caught.value.errors()}


def test_the_probe_of_the_design_is_read_whole() -> None:
    query = read(
        http={
            "url": "https://{{ target }}/",
            "expect": {"status": "200-299", "contains": "Welcome", "lacks": "page not found"},
        },
        targets=[
            "www.example.com",
            {"target": "shop.example.com", "labels": {"tenant": "shop"}, "expect": {"status": 401}},
        ],
        interval="30s",
        timeout="5s",
    )

    plain, shop = query.all_targets
    assert (query.period, query.timeout, query.value) == (30, 5.0, "success")
    assert (plain.target, plain.expect) == ("www.example.com", None)
    assert shop.labels == {"tenant": "shop"}
    assert shop.expect == Expect(status=((401, 401),))


def test_a_probe_without_targets_has_its_url_as_the_one_target() -> None:
    query = read(http=FIXED)

    assert [target.target for target in query.all_targets] == ["https://www.example.com/"]
    assert (query.period, query.timeout) == (60, 5.0)


@pytest.mark.parametrize(
    ("written", "ranges"),
    [
        (200, ((200, 200),)),
        ("200-299", ((200, 299),)),
        ("200-299, 301", ((200, 299), (301, 301))),
        ([200, "400-499"], ((200, 200), (400, 499))),
    ],
)
def test_statuses_are_written_alone_as_ranges_and_as_lists(written: object, ranges: object) -> None:
    assert read(http={**FIXED, "expect": {"status": written}}).asked.expect.status == ranges


def test_statuses_print_as_they_are_written() -> None:
    assert format_statuses(((200, 299), (301, 301))) == "200-299,301"


@pytest.mark.parametrize("written", ["2xx", "", "299-200", 99, "600", "200-", True, None, []])
def test_what_is_no_status_is_a_fault_at_its_place(written: object) -> None:
    assert ("http", "expect", "status") in {
        place[:3] for place in faults(http={**FIXED, "expect": {"status": written}})
    }


def test_targets_come_from_a_file_beside_the_rules(tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_text("# ours\nwww.example.com\n\n  shop.example.com   # the shop\n")
    query = ProbeQuery.model_validate(
        {"http": TEMPLATE, "targets": {"file": "sites.txt"}}, context={"base_dir": tmp_path}
    )

    assert [target.target for target in query.all_targets] == ["www.example.com", "shop.example.com"]


def test_a_missing_or_empty_target_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing yet\n")
    context = {"base_dir": tmp_path}

    missing = faults(context, http=TEMPLATE, targets={"file": "sites.txt"})
    empty = faults(context, http=TEMPLATE, targets={"file": "empty.txt"})
    assert "cannot be read: No such file" in missing["targets",]
    assert "names no target" in empty["targets",]


def test_a_target_file_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_bytes(b"\xff\xfe\x00")

    assert "not UTF-8" in faults({"base_dir": tmp_path}, http=TEMPLATE, targets={"file": "sites.txt"})["targets",]


def test_every_faulty_target_is_named_at_its_own_place() -> None:
    found = faults(http=TEMPLATE, targets=["a.example", "b c", "a.example", {"target": "d.example:99999"}])

    assert "holds a space" in found["targets", 1]
    assert found["targets", 2] == "the target 'a.example' is named twice"
    assert "is no URL" in found["targets", 3]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("www.example.com", "with its scheme, like https://www.example.com"),
        ("ftp://example.com/", "with its scheme"),
        ("https://", "names no host"),
        ("https://exa mple.com/", "holds a space"),
        ("https://user:pw@example.com/", "credentials do not belong in a URL"),
        ("https://example.com:0/", "port 0"),
        ("https://{{ tenant }}/", "knows {{ target }} only"),
    ],
)
def test_a_bad_url_is_a_fault_that_says_what_to_change(url: str, words: str) -> None:
    assert words in faults(http={"url": url})["http", "url"]


def test_a_url_that_forgets_its_targets_is_a_fault() -> None:
    assert "every target would be asked the same url" in faults(http=FIXED, targets=["a", "b"])["targets",]


def test_targets_that_a_url_waits_for_are_missed() -> None:
    assert faults(http=TEMPLATE)["http", "url"] == "url names {{ target }}, but there are no targets"


def test_one_target_may_name_a_fixed_url_for_its_labels() -> None:
    query = read(http=FIXED, targets=[{"target": "shop", "labels": {"tenant": "x"}}])

    assert query.all_targets[0].target == "shop"


def test_no_targets_at_all_would_watch_nothing() -> None:
    assert "would watch nothing" in faults(http=TEMPLATE, targets=[])["targets",]


def test_a_timeout_as_long_as_the_interval_is_a_fault_where_it_was_written() -> None:
    assert "before the next begins" in faults(http=FIXED, interval="10s", timeout="10s")["timeout",]
    assert "timeout (5s), interval (3s)" in faults(http=FIXED, interval="3s")["interval",]


@pytest.mark.parametrize("interval", ["500ms", "1500ms", "0s", "soon", 30])
def test_an_interval_is_whole_seconds_with_a_unit(interval: object) -> None:
    assert ("interval",) in faults(http=FIXED, interval=interval, timeout="100ms")


@pytest.mark.parametrize(
    "probe",
    [
        {"tcp": {"address": "db:5432"}},
        {"tls": {"address": "db:5432"}},
        {"dns": {"name": "example.com"}},
        {"icmp": {"host": "example.com"}},
        {"http": FIXED, "family": "both"},
        {"http": TEMPLATE, "targets": {"from": "route53"}},
        {"http": TEMPLATE, "targets": {"http_sd": "http://sd/"}},
        {"http": {**FIXED, "auth": {"bearer": {"env": "X"}}}},
        {"http": {**FIXED, "proxy": "http://proxy:3128"}},
        {"http": {**FIXED, "redirects": 0}},
        {"http": {**FIXED, "headers": {"Authorization": {"env": "X"}}}},
        {"http": {**FIXED, "expect": {"regex": "a+"}}},
        {"http": {**FIXED, "expect": {"headers": {"Server": "x"}}}},
        {"http": {**FIXED, "expect": {"json_path": {"$.a": 1}}}},
    ],
    ids=str,
)
def test_what_a_later_release_brings_is_refused_by_name(probe: dict[str, Any]) -> None:
    assert any("not supported yet" in message for message in faults(**probe).values())


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ({"http": FIXED, "family": "ipv5"}, "ipv4, ipv6 or both"),
        ({"http": TEMPLATE, "targets": {"from": "gcp"}}, "it takes route53, cloudfront, alb"),
        ({"tcp": 5}, "takes a mapping"),
        ({"http": {**FIXED, "expect": {"regex": "a("}}}, "is no regular expression"),
        ({"http": {**FIXED, "expect": {"regex": 5}}}, "regex takes a pattern"),
        ({"http": TEMPLATE, "targets": {"files": "x"}}, "does not know 'files'"),
        ({"http": TEMPLATE, "targets": {"file": "x", "from": "alb"}}, "or one of"),
    ],
    ids=str,
)
def test_even_what_comes_later_is_held_to_its_shape(probe: dict[str, Any], words: str) -> None:
    assert any(words in message for message in faults(**probe).values())


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"body": "x"}, "a GET request sends no body"),
        ({"method": "HEAD", "expect": {"contains": "x"}}, "HEAD has no body"),
        ({"headers": {"Connection": "keep-alive"}}, "set by the prober itself"),
        ({"headers": {"X Y": "1"}}, "is no header name"),
        ({"headers": {"X-Y": "a\r\nInjected: 1"}}, "no header can carry"),
        ({"expect": {"contains": "page not found", "lacks": "not found"}}, "no body contains"),
        ({"method": "DELETE"}, "'GET', 'HEAD' or 'POST'"),
    ],
    ids=str,
)
def test_a_request_that_cannot_work_is_a_fault(http: dict[str, Any], words: str) -> None:
    assert any(words in message for message in faults(http={**FIXED, **http}).values())


def test_a_targets_own_expectation_must_fit_the_method_too() -> None:
    found = faults(http={**TEMPLATE, "method": "HEAD"}, targets=[{"target": "a", "expect": {"contains": "x"}}])

    assert "HEAD has no body" in found["targets", 0, "expect"]


def test_labels_that_watchtower_sets_cannot_be_set_by_a_target() -> None:
    found = faults(http=TEMPLATE, targets=[{"target": "a", "labels": {"phase": "x"}}])

    assert "set by Watchtower itself" in found["targets", 0, "labels"]


def test_certificate_days_of_a_plain_url_never_come() -> None:
    assert "needs an https url" in faults(http={"url": "http://example.com/"}, value="certificate_days")["value",]


def test_a_probe_of_nothing_says_what_is_missing() -> None:
    assert "http: {url: ...}" in faults()[()]


def test_the_schema_can_be_published() -> None:
    assert "targets" in ProbeQuery.model_json_schema()["properties"]
