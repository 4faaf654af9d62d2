"""What a rule may write under ``probe:``, and what it is told when it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from watchtower.sources.probe.kinds.http.expect import Expect
from watchtower.sources.probe.kinds.http.statuses import format_statuses
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.targets import lines

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
    query = read(http={**FIXED, "expect": {"status": written}})
    assert query.http is not None
    assert query.http.expect.status == ranges


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

    assert query.where is not None
    assert query.where.place == str(tmp_path / "sites.txt")
    found = [(number, target.target) for number, target in lines(query.where)]
    assert found == [(2, "www.example.com"), (4, "shop.example.com")]


def test_a_file_that_names_a_target_twice_or_one_that_cannot_be_asked_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_text("a.example\nb c\na.example\n")
    with pytest.raises(ValidationError) as caught:
        ProbeQuery.model_validate({"http": TEMPLATE, "targets": {"file": "sites.txt"}}, context={"base_dir": tmp_path})
    path = tmp_path / "sites.txt"
    assert [(error["loc"], error["msg"].split(" holds")[0]) for error in caught.value.errors()] == [
        (("targets",), f"{path}:3: the target 'a.example' is named twice"),
        (("targets",), f"{path}:2: 'https://b c/'"),
    ]


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
        ("https://example.com/?token=hunter2", "write query: {token: {env: NAME}} beside it"),
        ("https://example.com/?a=1&X-Amz-Signature=abc#x", "the value of 'X-Amz-Signature' looks like a secret"),
        ("https://{{ tenant }}/", "knows {{ target }} only"),
    ],
)
def test_a_bad_url_is_a_fault_that_says_what_to_change(url: str, words: str) -> None:
    assert words in faults(http={"url": url})["http", "url"]


@pytest.mark.parametrize("query", ["page=2", "token=", "key={{ target }}", "monkey=1", "q=token"])
def test_a_query_without_a_secret_is_none(query: str) -> None:
    assert read(http={"url": f"https://{{{{ target }}}}/?{query}"}, targets=["a.example"]).period == 60


def test_a_secret_in_a_target_is_a_fault_at_the_target() -> None:
    found = faults(http={"url": "{{ target }}"}, targets=["https://a.example/", "https://b.example/?api_key=hunter2"])
    assert "the value of 'api_key' looks like a secret" in found["targets", 1]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("name", ["Authorization", "proxy-authorization", "X-Api-Key", "X-Auth-Token"])
def test_a_secret_in_a_header_comes_from_elsewhere(name: str) -> None:
    said = faults(http={**FIXED, "headers": {name: "Bearer hunter2"}})["http", "headers"]
    assert said == f"{name} is a secret: write {{env: NAME}} or {{file: PATH}}, or use `auth`"


def test_a_url_that_forgets_its_targets_is_a_fault() -> None:
    assert "every target would be asked the same url" in faults(http=FIXED, targets=["a", "b"])["targets",]


def test_targets_that_a_url_waits_for_are_missed() -> None:
    assert faults(http=TEMPLATE)["http", "url"] == "url names {{ target }}, but there are no targets"


def test_one_target_may_name_a_fixed_url_for_its_labels() -> None:
    query = read(http=FIXED, targets=[{"target": "shop", "labels": {"tenant": "x"}}])

    assert query.all_targets[0].target == "shop"


def test_no_targets_at_all_would_watch_nothing() -> None:
    assert "would watch nothing" in faults(http=TEMPLATE, targets=[])["targets",]


def test_an_interval_of_a_second_and_a_half_is_said_as_what_it_is() -> None:
    said = faults(http=FIXED, interval="1500ms", timeout="1s")["interval",]
    assert said == "interval is whole seconds, at least 1s, not 1.5s"


def test_a_timeout_as_long_as_the_interval_is_a_fault_where_it_was_written() -> None:
    assert "before the next begins" in faults(http=FIXED, interval="10s", timeout="10s")["timeout",]
    assert "timeout (5s), interval (3s)" in faults(http=FIXED, interval="3s")["interval",]


@pytest.mark.parametrize("interval", ["500ms", "1500ms", "0s", "soon", 30])
def test_an_interval_is_whole_seconds_with_a_unit(interval: object) -> None:
    assert ("interval",) in faults(http=FIXED, interval=interval, timeout="100ms")


@pytest.mark.parametrize(
    ("targets", "context"),
    [
        ({"from": "route53", "zones": ["example.com"], "names": {"not": "test.*"}}, {"zone"}),
        ({"from": "cloudfront", "tags": {"env": "production"}}, {"distribution"}),
        ({"from": "alb", "scheme": "internal"}, {"load_balancer"}),
        ({"http_sd": "http://sd.example.com/sites", "labels": ["tenant"]}, {"tenant"}),
    ],
    ids=str,
)
def test_targets_may_follow_a_list_that_somebody_else_keeps(targets: dict[str, Any], context: set[str]) -> None:
    query = read(http=TEMPLATE, targets=targets)
    assert query.where is not None
    assert query.all_targets == ()
    assert query.target_labels == context
    assert ProbeQuery.model_validate({"http": TEMPLATE, "targets": targets}) == query


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ({"http": FIXED, "family": "ipv5"}, "'ipv4', 'ipv6' or 'both'"),
        ({"http": TEMPLATE, "targets": {"from": "gcp"}}, "no source of targets: route53, cloudfront, alb"),
        ({"http": TEMPLATE, "targets": {"from": "route53", "tags": {"a": "b"}}}, "`tags` is for cloudfront and alb"),
        ({"http": TEMPLATE, "targets": {"from": "alb", "labels": ["a"]}}, "`labels` is for http_sd"),
        ({"http": TEMPLATE, "targets": {"http_sd": "sd.example.com"}}, "is not a web address"),
        ({"http": TEMPLATE, "targets": {"http_sd": "http://sd/", "labels": ["address"]}}, "set by Watchtower itself"),
        ({"http": FIXED, "targets": {"from": "alb"}}, "every target would be asked the same url"),
        ({"tcp": 5}, "valid dictionary"),
        ({"http": {**FIXED, "expect": {"regex": "a("}}}, "is no regular expression"),
        ({"http": {**FIXED, "expect": {"regex": 5}}}, "valid string"),
        ({"http": TEMPLATE, "targets": {"files": "x"}}, "not permitted"),
        ({"http": TEMPLATE, "targets": {"file": "x", "from": "alb"}}, "or one of"),
    ],
    ids=str,
)
def test_what_has_the_wrong_shape_is_a_fault(probe: dict[str, Any], words: str) -> None:
    assert any(words in message for message in faults(**probe).values()), faults(**probe)


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"body": "x"}, "a GET request sends no body"),
        ({"method": "HEAD", "expect": {"contains": "x"}}, "HEAD has no body"),
        ({"headers": {"Connection": "keep-alive"}}, "set by the prober itself"),
        ({"headers": {"X Y": "1"}}, "is no header name"),
        ({"headers": {"X-Y": "a\r\nInjected: 1"}}, "no header can carry"),
        ({"expect": {"contains": "page not found", "lacks": "not found"}}, "no body contains"),
        ({"method": "TRACE"}, "'GET', 'HEAD', 'POST'"),
        ({"expect": {"min_size": 10, "max_size": 9}}, "no body has at least 10 and at most 9 bytes"),
        ({"expect": {"max_size": 1_048_576}}, "less than 1048576"),
        ({"expect": {"json_path": {"$.a": 1}}}, "written without the leading $."),
        ({"expect": {"json_path": {"a[": 1}}}, "no JMESPath expression"),
        ({"expect": {"headers": {"Server": {"regex": "("}}}}, "no regular expression"),
        ({"expect": {"redirect": "shop.example"}}, "with its scheme"),
        ({"redirects": 0, "expect": {"redirect": "https://a.example/"}}, "expect its status, like 300-399"),
        ({"redirects": 11}, "less than or equal to 10"),
        ({"auth": {}}, "auth is one of basic"),
        ({"auth": {"bearer": "s3cret"}}, "never as a literal"),
        ({"auth": {"bearer": {"env": "HOME"}}, "headers": {"authorization": {"env": "HOME"}}}, "leave one of them out"),
        ({"headers": {"X-Key": {"env": "NOT_SET"}}}, "the environment variable NOT_SET is not set"),
        ({"headers": {"X-Key": True}}, "is no header's value"),
        ({"proxy": "https://proxy:3128"}, "a proxy is reached over http"),
        ({"proxy": "http://me:pw@proxy:3128"}, "credentials do not belong in a URL"),
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


def test_a_probe_of_two_things_says_which_came_first() -> None:
    assert faults(http=FIXED, icmp={"host": "a.example"}) == {
        ("icmp",): "a probe asks one thing: http stands here already"
    }


@pytest.mark.parametrize(
    ("probe", "place", "words"),
    [
        ({"tcp": {"port": 22}}, ("tcp",), "host names {{ target }}, but there are no targets"),
        ({"tcp": {"host": "{{ target }}", "port": 22}}, ("tcp", "host"), "host names {{ target }}"),
        ({"tcp": {"host": "db.example"}}, ("tcp",), "names no port; write db.example:PORT"),
        ({"tcp": {}, "targets": ["db"]}, ("targets", 0), "names no port"),
        ({"tcp": {"port": 22}, "targets": ["db:23"]}, ("targets", 0), "names port 23, and the probe port 22"),
        ({"tcp": {"host": "db:22"}, "targets": ["a", "b"]}, ("targets",), "every target would be asked the same host"),
        ({"tcp": {"port": 0}, "targets": ["db"]}, ("tcp", "port"), "greater than or equal to 1"),
        ({"tcp": {"port": 1}, "targets": ["https://db/"]}, ("targets", 0), "is a URL; a host is wanted"),
        ({"tcp": {"port": 1, "tls": True, "starttls": "smtp"}, "targets": ["db"]}, ("tcp",), "leave one out"),
        ({"tcp": {"port": 1, "insecure": True}, "targets": ["db"]}, ("tcp",), "means nothing without TLS"),
        ({"tcp": {"port": 1, "starttls": "xmpp"}, "targets": ["db"]}, ("tcp", "starttls"), "'smtp', 'imap'"),
        ({"tcp": {"port": 1, "expect": {"regex": "["}}, "targets": ["db"]}, ("tcp", "expect", "regex"), "no regular"),
        ({"tcp": {"port": 1}, "targets": ["db"], "value": "certificate_days"}, ("value",), "`tls: true` or `starttls`"),
        ({"tcp": {"port": 1}, "targets": [{"target": "a", "expect": {}}]}, ("targets", 0, "expect"), "is for http"),
        ({"tls": {"min_days": -1}, "targets": ["db"]}, ("tls", "min_days"), "greater than or equal to 0"),
        ({"dns": {"type": "ANY"}, "targets": ["a"]}, ("dns", "type"), "'A', 'AAAA'"),
        ({"dns": {"expect": {"answers": ["1.2.3"]}}, "targets": ["a"]}, ("targets", 0), "no answer of type A"),
        ({"dns": {"expect": {"rcode": "OK"}}, "targets": ["a"]}, ("dns", "expect", "rcode"), "NXDOMAIN"),
        ({"dns": {"expect": {"rcode": "NXDOMAIN", "answers": ["x"]}}, "targets": ["a"]}, ("dns", "expect"), "without"),
        ({"dns": {"expect": {"max_answers": 0}}, "targets": ["a"]}, ("dns", "expect"), "at least 1 and at most 0"),
        ({"dns": {}, "targets": ["a" * 64]}, ("targets", 0), "no name that DNS could know"),
        (
            {"dns": {"name": "a.example", "server": "{{ target }}"}, "targets": ["8.8.8.8:99999"]},
            ("targets", 0),
            "a port is",
        ),
        ({"dns": {}, "targets": ["a"], "value": "certificate_days"}, ("value",), "not for dns probes"),
        ({"icmp": {"size": 9000}, "targets": ["a"]}, ("icmp", "size"), "less than or equal to 1400"),
        ({"icmp": {}, "targets": ["a b"]}, ("targets", 0), "is no host name"),
    ],
    ids=str,
)
def test_a_mistake_in_a_kind_is_a_fault_at_its_place(probe: dict[str, Any], place: tuple[Any, ...], words: str) -> None:
    assert words in faults(**probe).get(place, ""), faults(**probe)


def test_each_kind_has_its_own_one_target() -> None:
    alone = {
        "tcp": read(tcp={"host": "db.example", "port": 22}),
        "tls": read(tls={"host": "db.example:636"}),
        "dns": read(dns={"name": "db.example"}),
        "icmp": read(icmp={"host": "db.example"}),
    }
    assert {kind: [one.target for one in query.all_targets] for kind, query in alone.items()} == {
        "tcp": ["db.example:22"],
        "tls": ["db.example:636"],
        "dns": ["db.example"],
        "icmp": ["db.example"],
    }


def test_one_name_is_asked_of_many_servers() -> None:
    query = read(dns={"name": "www.example.com", "server": "{{ target }}"}, targets=["192.0.2.1", "192.0.2.2"])

    shown = [query.asked.job(target).shown for target in query.all_targets]
    assert shown == ["www.example.com A @192.0.2.1:53", "www.example.com A @192.0.2.2:53"]


def test_no_secret_is_shown_by_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    secret = {"env": "TOKEN"}
    query = read(
        http={
            **FIXED,
            "headers": {"X-Key": secret},
            "auth": {"basic": {"username": "me", "password": secret}},
            "proxy": {"url": "http://proxy:3128", "basic": {"username": "me", "password": secret}},
        }
    )

    job = query.asked.job(query.all_targets[0])
    encoded = "bWU6czNjcjN0"
    for shown in (query.model_dump_json(), repr(query), repr(job), query.asked.definition(query.all_targets[0])):
        assert "s3cr3t" not in shown
        assert encoded not in shown


def test_the_schema_can_be_published() -> None:
    assert "targets" in ProbeQuery.model_json_schema()["properties"]
