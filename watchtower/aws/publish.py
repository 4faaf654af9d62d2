"""SNS Publish with its failures sorted as delivery needs them: refused, refused for now, or nobody knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ProxyConnectionError,
)
from botocore.exceptions import ConnectionError as SdkConnectionError
from botocore.parsers import ResponseParserError

from watchtower.durations import format_duration
from watchtower.errors import Ambiguous, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.errors import DeliveryError

#: Seconds to make a client: the SDK reads its service model, and nothing has left meanwhile.
MAKING = 10.0

#: Error codes that pass by themselves. KMSThrottling comes with HTTP 400 and is retryable all the same
#: (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
PASSING = frozenset(
    {
        "Throttled", "ThrottledException", "Throttling", "ThrottlingException", "KMSThrottling",
        "KMSThrottlingException", "RequestLimitExceeded", "TooManyRequestsException",
        "ExpiredToken", "ExpiredTokenException", "RequestExpired",
    }
)  # fmt: skip

#: Seconds to wait when SNS asks for a slower pace; it does not say how long.
PATIENCE = 1.0

#: Failures before a request could leave.
_NOT_SENT = (
    ConnectTimeoutError,
    ProxyConnectionError,
    NoCredentialsError,
    CredentialRetrievalError,
)


async def publish(
    clients: AwsClients, region: str, endpoint_url: str | None, arguments: Mapping[str, Any], within: float
) -> str:
    """Publish once, ``within`` seconds, and return the message id; raises only Rejected or Ambiguous.

    The first client of a process takes the SDK a second or more to make; that is not SNS being slow.
    """
    try:
        async with asyncio.timeout(MAKING):
            client = await clients.sns(region, endpoint_url)
    except TimeoutError:
        raise Rejected(f"no SNS client within {format_duration(MAKING)}", permanent=False) from None
    except (BotoCoreError, OSError) as error:
        raise sorted_error(error) from None
    try:
        async with asyncio.timeout(within):
            answer = await client.publish(**arguments)
    except TimeoutError:
        raise Ambiguous(f"SNS did not answer within {format_duration(within)}") from None
    except ResponseParserError:
        raise Ambiguous("SNS's answer is not readable") from None
    except (ClientError, BotoCoreError, OSError) as error:
        raise sorted_error(error) from None
    return str(answer["MessageId"])


def sorted_error(error: Exception) -> DeliveryError:
    """What an SDK error means for a delivery."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, _NOT_SENT) or _never_connected(error):
        return Rejected(f"SNS cannot be reached ({type(error).__name__})", permanent=False)
    if isinstance(error, HTTPClientError | SdkConnectionError | OSError):
        return Ambiguous(f"SNS: the connection broke ({type(error).__name__})")
    return Rejected(f"SNS: {type(error).__name__}", permanent=True)


def _never_connected(error: Exception) -> bool:
    """A reset in the middle of a request is reported as an endpoint out of reach; only its cause tells."""
    return isinstance(error, EndpointConnectionError) and isinstance(
        error.kwargs.get("error"), aiohttp.ClientConnectorError
    )


def _answered(error: ClientError) -> DeliveryError:
    code = str(error.response.get("Error", {}).get("Code", ""))[:100]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    detail = f"SNS answered {status}: {code}"
    if code in PASSING or status == 429:
        return Rejected(detail, permanent=False, retry_after=PATIENCE)
    if status >= 500:
        return Ambiguous(detail)
    return Rejected(detail, permanent=True)
