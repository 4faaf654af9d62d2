"""Signature Version 4 as AWS checks it, and the credentials of the simulated accounts.

An access key names its account and its secret follows from it, so nothing has to be remembered. The date of a
signature is not held against virtual time: a client's machine clock and the demo's clock differ on purpose.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from watchtower.demo.aws.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[\w;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_KEY = re.compile(r"(?P<kind>AKIA|ASIA)(?P<account>\d{12})[0-9A-Z]{4}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client of the simulated accounts signs with; ``token`` only for an assumed role."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key}, ...)"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a valid signature says: who, where, for which service, by which clock."""

    account: str
    region: str
    service: str
    session: str | None
    signed_at: float


@dataclass(frozen=True, slots=True)
class Incoming:
    """The parts of an HTTP request that a signature covers; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def account_credentials(account: str) -> Credentials:
    """The lasting credentials of an account."""
    key = f"AKIA{account}DEMO"
    return Credentials(key, _secret(key))


def session_credentials(account: str, session: str, expires_at: float) -> Credentials:
    """Credentials of a role session; the token says when they end, by the client's clock."""
    key = f"ASIA{account}{hashlib.sha256(session.encode()).hexdigest()[:4].upper()}"
    payload = f"{key}.{session}.{int(expires_at)}"
    return Credentials(key, _secret(key), f"{payload}.{_seal(payload)}")


def verify(incoming: Incoming) -> Signed:
    """Who signed the request; raises Refusal when it is unsigned, unknown, expired or altered."""
    authorization = incoming.headers.get("authorization", "")
    if not authorization:
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    found = _HEADER.fullmatch(authorization)
    if not found:
        raise Refusal("IncompleteSignature", "the Authorization header cannot be read")
    known = _KEY.fullmatch(found["key"])
    if not known:
        raise _unknown_token()
    stamp = incoming.headers.get("x-amz-date", "")
    signed_at = _moment(stamp)
    if not hmac.compare_digest(_signature(incoming, found, stamp), found["signature"]):
        raise Refusal(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            403,
        )
    session = _session(found["key"], incoming.headers.get("x-amz-security-token"), signed_at)
    return Signed(known["account"], found["region"], found["service"], session, signed_at)


def expired_token() -> Refusal:
    """What AWS says to a session that has ended."""
    return Refusal(
        "ExpiredToken", "The security token included in the request is expired", 403, "ExpiredTokenException"
    )


def _unknown_token() -> Refusal:
    return Refusal(
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        403,
        "UnrecognizedClientException",
    )


def _session(key: str, token: str | None, signed_at: float) -> str | None:
    if key.startswith("AKIA"):
        return None
    payload, _, seal = (token or "").rpartition(".")
    owner, _, rest = payload.partition(".")
    session, _, expires = rest.rpartition(".")
    if owner != key or not hmac.compare_digest(_seal(payload), seal):
        raise _unknown_token()
    if signed_at >= int(expires):
        raise expired_token()
    return session


def _signature(incoming: Incoming, found: re.Match[str], stamp: str) -> str:
    scope = f"{found['date']}/{found['region']}/{found['service']}/aws4_request"
    canonical = hashlib.sha256(_canonical(incoming, found["headers"]).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}"
    key = f"AWS4{_secret(found['key'])}".encode()
    for part in (found["date"], found["region"], found["service"], "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _canonical(incoming: Incoming, signed_headers: str) -> str:
    names = signed_headers.split(";")
    headers = "".join(f"{name}:{' '.join(incoming.headers.get(name, '').split())}\n" for name in names)
    pairs = sorted(parse_qsl(incoming.query, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    digest = hashlib.sha256(incoming.body).hexdigest()
    return "\n".join((incoming.method, incoming.path or "/", query, headers, signed_headers, digest))


def _moment(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Refusal("IncompleteSignature", "X-Amz-Date is missing or cannot be read") from error


def _secret(access_key: str) -> str:
    return hashlib.sha256(f"secret of {access_key}".encode()).hexdigest()[:40]


def _seal(payload: str) -> str:
    return hmac.digest(b"a session of the demo", payload.encode(), "sha256").hex()[:24]
