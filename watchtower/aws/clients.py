"""The one door to AWS: sessions per account, clients per service and region, paced calls, errors in our words."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from math import inf
from typing import TYPE_CHECKING, Any

from watchtower.aws.config import AccountConfig, AwsConfig, role_account_id
from watchtower.aws.errors import AWS_ERRORS, ExpiredCredentials, to_source_error
from watchtower.aws.limits import AdaptiveLimit
from watchtower.aws.sessions import AccountSession, Timeouts, default_session, role_session
from watchtower.clock import SystemClock
from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from watchtower.clock import Clock

#: Seconds until STS is asked again for an account's number: a network without a way to STS must not slow every poll.
ASK_AGAIN = 300.0


class AwsClients:
    """Sessions and clients of every configured account, made at first use and closed together.

    Accounts without ``role_arn`` share the SDK's default credential chain, which also assumes the roles of the
    others. Nothing is retried here except once with fresh credentials: the caller's next tick is the retry.
    """

    def __init__(self, config: AwsConfig, *, timeouts: Timeouts | None = None, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._timeouts = timeouts or Timeouts()
        self._accounts = {account.name: account for account in config.accounts}
        self._sessions: dict[str | None, AccountSession] = {}
        self._retired: dict[str | None, AccountSession] = {}
        self._generations: Counter[str | None] = Counter()
        self._limits: dict[tuple[str, str, str], AdaptiveLimit] = {}
        self._account_ids: dict[str, str | None] = {}
        self._account_id_due: dict[str, float] = {}
        self._locks: defaultdict[tuple[str, str | None], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def call(self, account: str, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation (``list_metrics``) once, within the account's pace for the service in the region.

        Returns the SDK's answer; raises SourceError. An answer that calls the credentials expired drops them and is
        followed by one more try with fresh ones.
        """
        limit = self._limits.setdefault((account, region, service), AdaptiveLimit())
        async with limit as number:
            try:
                answer = await self._with_fresh_credentials(account, region, service, operation, params)
            except SourceError as error:
                if error.reason == TroubleReason.THROTTLED:
                    limit.throttled(number)
                raise
            limit.succeeded()
            return answer

    async def client(self, account: str, region: str, service: str) -> Any:
        """The SDK's client; raises SourceError when the account's role cannot be assumed."""
        session = await self._session(self._key(account))
        return await session.client(service, region)

    async def sns(self, region: str, endpoint_url: str | None = None) -> Any:
        """An SNS client for any region and endpoint, with the SDK's default credential chain.

        ``endpoint_url`` None means the configured ``aws.endpoint_url``, else AWS's own endpoint. The topic's policy
        must let the identity Watchtower runs as publish, whichever account the topic is in.
        """
        session = await self._session(None)
        return await session.client("sns", region, endpoint_url)

    async def account_id(self, account: str) -> str | None:
        """The twelve digits of an account; None while AWS does not tell (asked again after five minutes)."""
        async with self._locks["account id", account]:
            if self._clock.monotonic() >= self._account_id_due.get(account, -inf):
                found = await self._ask_account_id(self._accounts[account])
                self._account_ids[account] = found
                self._account_id_due[account] = inf if found else self._clock.monotonic() + ASK_AGAIN
            return self._account_ids[account]

    async def close(self) -> None:
        """Close every session."""
        sessions = [*self._sessions.values(), *self._retired.values()]
        self._sessions.clear()
        self._retired.clear()
        for session in sessions:
            await session.close()

    async def _ask_account_id(self, account: AccountConfig) -> str | None:
        if account.role_arn is not None:
            return role_account_id(account.role_arn)
        try:
            answer = await self.call(account.name, account.regions[0], "sts", "get_caller_identity")
        except SourceError:
            return None
        return str(answer["Account"])

    async def _with_fresh_credentials(
        self, account: str, region: str, service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        key = self._key(account)
        generation = self._generations[key]
        try:
            return await self._once(account, region, service, operation, params)
        except ExpiredCredentials:
            await self._retire(key, generation)
        return await self._once(account, region, service, operation, params)

    async def _once(
        self, account: str, region: str, service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeouts.of(service).total):
                client = await self.client(account, region, service)
                answer: dict[str, Any] = await getattr(client, operation)(**params)
                return answer
        except AWS_ERRORS as error:
            raise to_source_error(error, _as_aws_names(operation)) from None

    def _key(self, account: str | None) -> str | None:
        """Whose session an account uses: its own when it has a role, else the default chain's (None)."""
        return account if account is not None and self._accounts[account].role_arn else None

    async def _session(self, key: str | None) -> AccountSession:
        async with self._locks["session", key]:
            if key not in self._sessions:
                self._sessions[key] = await self._new(key)
            return self._sessions[key]

    async def _new(self, key: str | None) -> AccountSession:
        if key is None:
            return default_session(self._config.endpoint_url, self._timeouts)
        return await role_session(self._accounts[key], self._sts, self._config.endpoint_url, self._timeouts)

    async def _sts(self, region: str) -> Any:
        return await (await self._session(None)).client("sts", region)

    async def _retire(self, key: str | None, generation: int) -> None:
        """Put an expired session aside, unless another call did already, and the default chain's it may rest on.

        Calls of others may still run on it, so it is closed only when the next one is put aside.
        """
        if self._generations[key] != generation:
            return
        self._generations[key] += 1
        for name in {key, None}:
            old = self._sessions.pop(name, None)
            if old is None:
                continue
            before = self._retired.get(name)
            self._retired[name] = old
            if before is not None:
                await before.close()


def _as_aws_names(operation: str) -> str:
    """``list_metrics`` → ``ListMetrics``."""
    return "".join(word.capitalize() for word in operation.split("_"))
