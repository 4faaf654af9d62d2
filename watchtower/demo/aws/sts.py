"""STS: who am I, and becoming a role of another account.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watchtower.clock import from_epoch
from watchtower.demo.aws.signature import session_credentials
from watchtower.demo.aws.wire import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.aws.faults import Fault
    from watchtower.demo.estate import Account, Estate

_SESSION = re.compile(r"[\w+=,.@-]{2,64}")


class Sts:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def get_caller_identity(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The account and principal of the credentials that signed."""
        return {"Arn": call.principal, "UserId": f"AIDA{call.account}DEMO", "Account": call.account}

    def assume_role(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """Credentials of a role, if its trust policy lets the caller in.

        They end by the caller's own clock: virtual time and a machine's clock differ on purpose.
        """
        role, session = call.params.get("RoleArn", ""), call.params.get("RoleSessionName", "")
        seconds = call.params.get("DurationSeconds", "3600")
        if not _SESSION.fullmatch(session) or not seconds.isdecimal() or not 900 <= int(seconds) <= 43_200:
            raise Refusal("ValidationError", "RoleSessionName or DurationSeconds is not valid.")
        account = self._trusting(call, role)
        ends = from_epoch(call.signed_at) + timedelta(seconds=int(seconds))
        credentials = session_credentials(account.id, session, ends.timestamp())
        name = role.rsplit("/", 1)[-1]
        return {
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROA{account.id}DEMO:{session}",
                "Arn": f"arn:aws:sts::{account.id}:assumed-role/{name}/{session}",
            },
            "Credentials": {
                "AccessKeyId": credentials.access_key,
                "SecretAccessKey": credentials.secret_key,
                "SessionToken": credentials.token or "",
                "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }

    def _trusting(self, call: Call, role: str) -> Account:
        """The account of a role; an unknown role and a wrong external id are told apart by nobody."""
        for account in self._estate.accounts:
            if account.role_arn == role and call.params.get("ExternalId") == account.external_id:
                return account
        raise Refusal(
            "AccessDenied",
            f"User: {call.principal} is not authorized to perform: sts:AssumeRole on resource: {role}",
            403,
        )
