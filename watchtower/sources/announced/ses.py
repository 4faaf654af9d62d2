"""``ses``: whether SES lets an account send, and how much of its daily quota is used.

Bounces, complaints and rejects are metrics: rules with ``cloudwatch`` ask for them.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from watchtower.inventory.patterns import parse_pattern
from watchtower.model import Labels
from watchtower.sources.announced.query import ResourceQuery
from watchtower.sources.snapshot import Look, Reader, Seen, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.sources.base import Ask

NAME = "ses"
#: The one resource of a place: its sending account.
ACCOUNT = "account"

HEALTHY, PROBATION, PAUSED = 0.0, 1.0, 2.0


class SesQuery(ResourceQuery):
    """The standing of the sending account, or how much of the daily quota is used."""

    source: ClassVar[str] = NAME

    value: Literal["status", "quota_percent"] = "status"

    @property
    def resources(self) -> ValuePattern:
        """The one there is."""
        return parse_pattern(ACCOUNT)


class Ses(Reader["Mapping[str, Any]"]):
    """Looks at the sending account of a region; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    async def look(self, visit: Visit) -> Look[Mapping[str, Any]]:
        """GetAccount, as AWS answers it."""
        return Look(await self._clients.call(visit.account, visit.region, "sesv2", "get_account"))

    def judge(self, ask: Ask, facts: Mapping[str, Any], _now: int) -> Iterator[Seen]:
        """One value for the place."""
        yield standing(facts) if ask.query.value == "status" else _used(facts)


def standing(account: Mapping[str, Any]) -> Seen:
    """0 healthy, 1 on probation, 2 paused; whatever else AWS may call it is probation, so that somebody looks."""
    enforcement = str(account.get("EnforcementStatus") or "HEALTHY")
    context = Labels({"enforcement": enforcement})
    if enforcement == "SHUTDOWN" or not account.get("SendingEnabled", True):
        return Seen(ACCOUNT, PAUSED, context, f"sending is paused (enforcement status {enforcement})")
    if enforcement != "HEALTHY":
        return Seen(ACCOUNT, PROBATION, context, f"the account is on probation (enforcement status {enforcement})")
    return Seen(ACCOUNT, HEALTHY, context, "sending is enabled and healthy")


def _used(account: Mapping[str, Any]) -> Seen:
    quota = account.get("SendQuota", {})
    sent, most = float(quota.get("SentLast24Hours") or 0.0), float(quota.get("Max24HourSend") or 0.0)
    # -1 is what AWS says where there is no limit.
    share = 100.0 * sent / most if most > 0 else 0.0
    limit = f"{most:.0f}" if most > 0 else "any number"
    return Seen(ACCOUNT, share, reason=f"{sent:.0f} of {limit} messages were sent in 24 hours")
