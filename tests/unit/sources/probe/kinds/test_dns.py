"""Name servers that answer, answer otherwise, hang, or are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dns.message
import pytest

from tests.support.nameserver import Zone, name_server
from tests.support.probing import probed, timed_out
from tests.support.sites import free_port, running_site
from watchtower.sources.probe.kinds.dns_answers import listed

if TYPE_CHECKING:
    import asyncio

    from watchtower.sources.probe.result import Result


WWW = {"www.example A": ["192.0.2.20", "192.0.2.10"]}
RECORDS: dict[str, list[str]] = {
    "a.example A": ["192.0.2.1"],
    "a.example AAAA": ["2001:DB8::1"],
    "a.example MX": ["10 MAIL.example.", "20 other.example."],
    "a.example TXT": ['"v=spf1 " "include:x.example -all"'],
    "a.example NS": ["ns1.example."],
    "a.example SOA": ["ns1.example. admin.example. 7 3600 600 86400 60"],
    "a.example SRV": ["1 2 5060 sip.example."],
    "a.example CAA": ['0 issue "ca.example"'],
}


async def asked(zone: Zone, **query: Any) -> Result:
    async with name_server(zone):
        return await probed(dns={"name": "www.example", "server": zone.address, **query})


async def test_a_name_that_resolves_is_up_and_the_answers_are_the_reason() -> None:
    zone = Zone(WWW)
    result = await asked(zone)

    assert (result.success, result.reason) == (True, "192.0.2.10, 192.0.2.20")
    assert zone.asked == ["www.example A udp"]
    assert zone.recursion_desired
    assert result.measures == {"probe_dns_query_succeeded": 1.0, "probe_dns_answer_rrs": 2.0}
    assert list(result.phases) == ["resolve", "request"]
    assert result.duration is not None
    assert result.address == "127.0.0.1"


async def test_the_root_itself_can_be_asked_about() -> None:
    zone = Zone({". NS": ["a.root.example."]})

    assert (await asked(zone, name=".", type="NS")).reason == "a.root.example"


async def test_recursion_can_be_left_out_for_the_zones_own_servers() -> None:
    zone = Zone(WWW)
    assert (await asked(zone, recursion=False)).success

    assert not zone.recursion_desired


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("MX", "10 mail.example"),
        ("TXT", "v=spf1 include:x.example -all"),
        ("NS", "ns1.example"),
        ("SOA", "ns1.example admin.example 7 3600 600 86400 60"),
        ("SRV", "1 2 5060 sip.example"),
        ("CAA", '0 issue "ca.example"'),
    ],
)
async def test_each_type_is_compared_as_people_write_it(kind: str, answer: str) -> None:
    result = await asked(Zone(RECORDS), name="a.example", type=kind, expect={"answers": [answer]})
    assert result.success, result.reason
    other = await asked(Zone(RECORDS), name="a.example", type=kind, expect={"answers": ["*nobody*"]})
    assert not other.success


async def test_what_an_alias_leads_to_is_the_answer() -> None:
    result = await asked(Zone(WWW, aliases={"shop.example": "www.example"}), name="shop.example")

    assert result.reason == "192.0.2.10, 192.0.2.20"
    assert result.measures["probe_dns_answer_rrs"] == 3


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"answers": ["192.0.2.10"]}, ""),
        ({"answers": ["192.0.2.10", "192.0.2.30"]}, "192.0.2.30 is not in 192.0.2.10, 192.0.2.20"),
        ({"answers": ["192.0.2.10", "192.0.2.30"], "match": "any"}, ""),
        ({"answers": ["192.0.2.30"], "match": "any"}, "none of 192.0.2.30 in 192.0.2.10, 192.0.2.20"),
        ({"answers": ["192.0.2.10"], "match": "exactly"}, "192.0.2.20 was not expected"),
        ({"answers": ["192.0.2.20", "192.0.2.10"], "match": "exactly"}, ""),
        ({"answers": ["192.0.2.*"], "match": "exactly"}, ""),
        ({"min_answers": 3}, "2 answers, expected at least 3"),
        ({"max_answers": 1}, "2 answers, expected at most 1"),
        ({"rcode": "NXDOMAIN"}, "the answer is NOERROR, expected NXDOMAIN"),
    ],
    ids=str,
)
async def test_answers_are_held_against_what_the_rule_expects(expect: dict[str, Any], reason: str) -> None:
    result = await asked(Zone(WWW), expect=expect)

    assert (result.success, result.reason if reason else "") == (not reason, reason)


@pytest.mark.parametrize(
    ("kind", "answer", "pattern", "fits"),
    [
        ("CNAME", "D111.CloudFront.net.", "*.CloudFront.net", True),
        ("CNAME", "d111.cloudfront.net.", "*.cloudfront.net.", True),
        ("CNAME", "d111.cloudfront.net.", "*.cloudfront.com", False),
        ("MX", "10 Mail.example.", "10 *.EXAMPLE.", True),
        ("AAAA", "2001:db8::1", "2001:DB8:*", True),
        ("AAAA", "2001:db8::1", "2001:0db8::*", True),
        ("AAAA", "2001:db8::1", "2001:db8:0:0:*", True),
        ("AAAA", "2001:db8::1", "2001:db8:1:*", False),
        ("TXT", '"a[1]b"', "a[1]*", True),
        ("TXT", '"a1b"', "a[1]*", False),
        ("TXT", '"Verify=aB"', "verify=*", False),
        ("TXT", '"ab"', "a?*", False),
    ],
)
async def test_a_star_is_all_that_a_pattern_knows_and_names_are_as_dns_compares_them(
    kind: str, answer: str, pattern: str, fits: bool
) -> None:
    result = await asked(
        Zone({f"a.example {kind}": [answer]}), name="a.example", type=kind, expect={"answers": [pattern]}
    )

    assert result.success is fits, result.reason


def test_a_long_list_is_told_in_part() -> None:
    assert listed([str(number) for number in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


async def test_a_wrong_answer_is_shown_whole() -> None:
    zone = Zone({"www.example A": ["192.0.2.20"]})
    result = await asked(zone, expect={"answers": ["192.0.2.30"]})

    assert result.evidence == (
        "phase reached: request",
        f"address: {zone.address}",
        "answer: NOERROR; www.example. 60 IN A 192.0.2.20",
    )


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (Zone(), "0 answers, expected at least 1"),
        (Zone(rcode="NXDOMAIN"), "the answer is NXDOMAIN, expected NOERROR"),
        (Zone(rcode="SERVFAIL"), "the answer is SERVFAIL, expected NOERROR"),
        (Zone(rcode="REFUSED"), "the answer is REFUSED, expected NOERROR"),
    ],
)
async def test_an_answer_without_records_is_down(zone: Zone, reason: str) -> None:
    result = await asked(zone)

    assert (result.success, result.reason) == (False, reason)
    assert result.measures["probe_dns_query_succeeded"] == 1


async def test_a_name_that_must_not_exist_is_up_when_it_does_not() -> None:
    result = await asked(Zone(rcode="NXDOMAIN"), expect={"rcode": "nxdomain"})

    assert (result.success, result.reason) == (True, "NXDOMAIN")


async def test_a_server_that_hangs_is_down_with_its_address() -> None:
    zone = Zone(WWW, silent=True)
    async with name_server(zone):
        result = await timed_out(lambda: zone.asked, dns={"name": "www.example", "server": zone.address})

    assert (result.success, result.reason) == (False, "timed out after 5s in phase request")
    assert result.evidence == ("phase reached: request", f"address: {zone.address}")
    assert result.measures == {"probe_dns_query_succeeded": 0.0}
    assert result.duration is None


async def test_a_closed_port_is_told_at_once() -> None:
    port = free_port()
    result = await probed(dns={"name": "www.example", "server": f"127.0.0.1:{port}"})

    assert result.reason == f"connection refused in phase request (127.0.0.1:{port})"


async def test_a_datagram_that_answers_another_question_is_passed_over() -> None:
    other = dns.message.make_response(dns.message.make_query("evil.example", "A")).to_wire()
    result = await asked(Zone(WWW, forged=[b"", b"\x00garbage", other]))

    assert result.reason == "192.0.2.10, 192.0.2.20"


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    zone = Zone(WWW, truncated=True)
    result = await asked(zone)

    assert result.success, result.reason
    assert zone.asked == ["www.example A udp", "www.example A tcp"]


async def test_tcp_can_be_asked_for() -> None:
    zone = Zone(WWW)
    result = await asked(zone, transport="tcp")

    assert (zone.asked, list(result.phases)) == (["www.example A tcp"], ["resolve", "connect", "request"])


async def test_a_server_that_is_no_name_server_says_so() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x00\x03abc")
        await writer.drain()
        await reader.read(1)

    async def shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    for behaviour, reason in (
        (web, "the answer is not DNS, or not to this question"),
        (shut, "closed the connection without a whole answer"),
    ):
        async with running_site(behaviour) as site:
            server = f"127.0.0.1:{site.port}"
            result = await probed(dns={"name": "www.example", "server": server, "transport": "tcp"})
        assert result.reason == reason


async def test_nobody_listening_for_tcp_is_refused() -> None:
    port = free_port()
    result = await probed(dns={"name": "a.example", "server": f"127.0.0.1:{port}", "transport": "tcp"})

    assert result.reason == f"connection refused (127.0.0.1:{port})"
