"""The number of the account that is looked at: it tells what is its own from what is another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients


async def number_of(clients: AwsClients, account: str, remembered: str) -> str:
    """The twelve digits, those of an earlier poll while AWS does not tell; raises SourceError when nobody ever knew.

    Without the number nothing may be answered: the same resource would have another name whenever one call fails.
    """
    number = await clients.account_id(account) or remembered
    if not number:
        words = f"the number of account {account} is not known: sts:GetCallerIdentity was not answered yet"
        raise SourceError(TroubleReason.UNREACHABLE, words)
    return number
