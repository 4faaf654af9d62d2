"""What an SDK failure means to a poll, in one word and one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as SdkConnectionError
from botocore.parsers import ResponseParserError

from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Everything a call may fail with that is AWS's or the network's doing, not a bug of ours.
AWS_ERRORS = (
    ClientError, BotoCoreError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError, SourceError,
)  # fmt: skip

#: Answers after which fresh credentials may help
#: (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})

_CREDENTIALS = EXPIRED | {
    "AuthFailure", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId",
    "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip

_THROTTLED = frozenset({
    "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceeded", "LimitExceededException",
    "LimitExceededFault", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "Throttled",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip

_FORBIDDEN = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException",
    "NotAuthorized", "OptInRequired", "SubscriptionRequiredException", "UnauthorizedAccess",
    "UnauthorizedOperation",
})  # fmt: skip

_NOT_SUBSCRIBED = "SubscriptionRequiredException"

_TIMEOUT = frozenset({"RequestTimeout", "RequestTimeoutException", "GatewayTimeout"})

_LOGIN = (
    ConfigNotFound, CredentialRetrievalError, MetadataRetrievalError, NoAuthTokenError, NoCredentialsError,
    PartialCredentialsError, ProfileNotFound, TokenRetrievalError, UnauthorizedSSOTokenError,
)  # fmt: skip

#: Kinds of exceptions, most special first: what it means and how it is said.
_KINDS: tuple[tuple[tuple[type[Exception], ...], TroubleReason, str], ...] = (
    (_LOGIN, TroubleReason.CREDENTIALS, "no usable credentials"),
    ((ConnectTimeoutError,), TroubleReason.TIMEOUT, "no connection in time"),
    ((ReadTimeoutError, TimeoutError), TroubleReason.TIMEOUT, "no answer in time"),
    ((ParamValidationError, InvalidRegionError), TroubleReason.INVALID, "the request is not valid"),
    ((ResponseParserError,), TroubleReason.INTERNAL, "the answer is not readable"),
    ((IncompleteReadError, aiohttp.ClientPayloadError), TroubleReason.UNREACHABLE, "the answer broke off"),
    ((SdkConnectionError,), TroubleReason.UNREACHABLE, "no connection"),
    ((HTTPClientError, aiohttp.ClientError, OSError), TroubleReason.UNREACHABLE, "the connection broke"),
)

#: Longest text taken over from AWS, in characters.
_LONGEST = 300
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")


class ExpiredCredentials(SourceError):
    """AWS calls the credentials too old: fresh ones may help at once."""


class NotSubscribed(SourceError):
    """The account's support plan does not have this API."""


def to_source_error(error: Exception, operation: str = "", *, hide: Iterable[str] = ()) -> SourceError:
    """The SourceError of an SDK failure: the operation and AWS's own message, without anything secret.

    ``operation`` names the call where the exception does not; ``hide`` holds texts that must not appear (the
    external id of a role, which AWS repeats when it dislikes it).
    """
    if isinstance(error, SourceError):
        return error
    reason, text = _answered(error) if isinstance(error, ClientError) else _failed(error, operation)
    for secret in hide:
        text = text.replace(secret, "***")
    code = _code(error) if isinstance(error, ClientError) else ""
    kind = ExpiredCredentials if code in EXPIRED else NotSubscribed if code == _NOT_SUBSCRIBED else SourceError
    return kind(reason, text)


def _answered(error: ClientError) -> tuple[TroubleReason, str]:
    code, operation = _code(error), str(error.operation_name)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    reason = _reason_of(code, status)
    if operation == "AssumeRole" and reason is TroubleReason.FORBIDDEN:
        reason = TroubleReason.CREDENTIALS
    said = _readable(str(error.response.get("Error", {}).get("Message", "")), code)
    return reason, f"{operation}: {code} {said}".rstrip() if said else f"{operation}: {code}"


def _reason_of(code: str, status: int) -> TroubleReason:
    named = (
        (_THROTTLED, TroubleReason.THROTTLED),
        (_CREDENTIALS, TroubleReason.CREDENTIALS),
        (_FORBIDDEN, TroubleReason.FORBIDDEN),
        (_TIMEOUT, TroubleReason.TIMEOUT),
    )
    for codes, reason in named:
        if code in codes:
            return reason
    by_status = {429: TroubleReason.THROTTLED, 403: TroubleReason.FORBIDDEN, 408: TroubleReason.TIMEOUT}
    fallback = TroubleReason.INVALID if 400 <= status < 500 else TroubleReason.INTERNAL
    return by_status.get(status, fallback)


def _failed(error: Exception, operation: str) -> tuple[TroubleReason, str]:
    unknown = (TroubleReason.INTERNAL, type(error).__name__)
    reason, words = next(((reason, words) for kinds, reason, words in _KINDS if isinstance(error, kinds)), unknown)
    detail = _readable(str(error), "") if reason is not TroubleReason.INTERNAL else ""
    told = ": ".join(part for part in (operation, words) if part)
    return reason, f"{told} ({detail})" if detail else told


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")).split("#")[-1] or "Unknown"


def _readable(message: str, code: str) -> str:
    """One line of AWS's message; what a signature was made of and whole pages of HTML are left out."""
    if code in ("SignatureDoesNotMatch", "InvalidSignatureException"):
        message = message.split("The Canonical String", 1)[0]
    if re.search(r"<\s*(?:!doctype|html|head|body)", message[:2000], re.IGNORECASE):
        return "(an HTML page)"
    line = " ".join(message.split())
    return _ACCESS_KEY.sub("***", line)[:_LONGEST]
