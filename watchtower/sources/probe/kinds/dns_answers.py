"""Records as text that can be compared, and what a rule expects of them."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Annotated, Literal, Self

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from watchtower.schema import Model
from watchtower.sources.probe.patterns import matches_stars

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Answers that a reason names.
_SHOWN = 10

_LEADING_ZEROS = re.compile(r"(?<![0-9a-f])0+(?=[0-9a-f])")

Record = Literal["A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "CAA", "PTR"]


def _rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except dns.exception.DNSException:
        raise ValueError(f"{text!r} is no answer of DNS; NOERROR, NXDOMAIN, SERVFAIL and REFUSED are") from None


class DnsExpect(Model):
    """What makes an answer a success; everything that is given must hold.

    ``match``: ``all`` of the ``answers`` are there, ``any`` of them, or ``exactly`` these and no other.
    """

    rcode: Annotated[str, AfterValidator(_rcode)] = "NOERROR"
    answers: tuple[str, ...] = ()
    match: Literal["all", "any", "exactly"] = "all"
    min_answers: int = Field(default=1, ge=0)
    max_answers: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.answers and self.rcode != "NOERROR":
            raise ValueError(f"{self.rcode} comes without answers; leave `answers` out")
        if self.max_answers is not None and self.max_answers < self.min_answers:
            raise ValueError(f"no answer has at least {self.min_answers} and at most {self.max_answers} records")
        return self

    def fit(self, kind: Record) -> None:
        """Raise ValueError when an expected answer is none of this type."""
        for answer in self.answers:
            expected(answer, kind)

    def fault_of(self, rcode: str, answers: Collection[str], kind: Record) -> str:
        """Why an answer is not what was expected, in words; empty when it is."""
        if rcode != self.rcode:
            return f"the answer is {rcode}, expected {self.rcode}"
        if rcode == "NOERROR" and len(answers) < self.min_answers:
            return f"{_count(answers)}, expected at least {self.min_answers}"
        if self.max_answers is not None and len(answers) > self.max_answers:
            return f"{_count(answers)}, expected at most {self.max_answers}"
        return self._unmatched([expected(answer, kind) for answer in self.answers], answers)

    def _unmatched(self, wanted: Collection[str], answers: Collection[str]) -> str:
        shown = listed(answers) or "nothing"
        absent = [one for one in wanted if not any(_matches(answer, one) for answer in answers)]
        if self.match == "any":
            return f"none of {listed(wanted)} in {shown}" if wanted and len(absent) == len(wanted) else ""
        if absent:
            return f"{listed(absent)} is not in {shown}"
        others = [answer for answer in answers if not any(_matches(answer, one) for one in wanted)]
        return f"{listed(others)} was not expected" if wanted and others and self.match == "exactly" else ""


def expected(text: str, kind: Record) -> str:
    """An expected answer as answers are written; one with ``*`` is a pattern. Raises ValueError."""
    if kind == "TXT":
        return text
    if "*" in text:
        return _LEADING_ZEROS.sub("", _plain(text)) if kind == "AAAA" else _plain(text)
    try:
        return _text(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, origin=dns.name.root))
    except dns.exception.DNSException:
        raise ValueError(f"{text!r} is no answer of type {kind}") from None


def answers_of(message: dns.message.Message, kind: Record) -> list[str]:
    """The records of the type that was asked for, sorted; what led to them (CNAME) is left out."""
    rrsets = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.from_text(kind)]
    return sorted(_text(record) for rrset in rrsets for record in rrset)


def _text(record: dns.rdata.Rdata) -> str:
    """``10 mail.example.com``: names in small letters, without the root's dot; the parts of a TXT joined."""
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", errors="replace")
    return _plain(record.to_text())


def _plain(text: str) -> str:
    return " ".join(word if '"' in word else word.removesuffix(".").lower() for word in text.split(" "))


def listed(answers: Collection[str]) -> str:
    """The first answers, for people."""
    shown = ", ".join(list(answers)[:_SHOWN])
    return f"{shown} and {len(answers) - _SHOWN} more" if len(answers) > _SHOWN else shown


def _matches(answer: str, wanted: str) -> bool:
    if "*" not in wanted:
        return answer == wanted
    return any(matches_stars(wanted, spelling) for spelling in _spellings(answer))


def _spellings(answer: str) -> Iterator[str]:
    """An answer, and an IPv6 address with all of its zeros too: a pattern may be for either."""
    yield answer
    with suppress(ValueError):
        yield _LEADING_ZEROS.sub("", IPv6Address(answer).exploded)


def _count(answers: Collection[str]) -> str:
    return "1 answer" if len(answers) == 1 else f"{len(answers)} answers"
