from __future__ import annotations

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from watchtower.aws.errors import ExpiredCredentials, to_source_error
from watchtower.errors import SourceError
from watchtower.model import TroubleReason as Why


def answer(code: str, message: str = "", status: int = 400, operation: str = "GetMetricData") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("Throttling", 400, Why.THROTTLED),
        ("ThrottlingException", 400, Why.THROTTLED),
        ("RequestLimitExceeded", 503, Why.THROTTLED),
        ("LimitExceededException", 400, Why.THROTTLED),
        ("Whatever", 429, Why.THROTTLED),
        ("ExpiredToken", 403, Why.CREDENTIALS),
        ("InvalidClientTokenId", 403, Why.CREDENTIALS),
        ("SignatureDoesNotMatch", 403, Why.CREDENTIALS),
        ("AccessDenied", 403, Why.FORBIDDEN),
        ("com.amazonaws#AccessDeniedException", 400, Why.FORBIDDEN),
        ("403", 403, Why.FORBIDDEN),
        ("RequestTimeout", 408, Why.TIMEOUT),
        ("InvalidParameterValue", 400, Why.INVALID),
        ("ResourceNotFoundException", 404, Why.INVALID),
        ("InternalFailure", 500, Why.INTERNAL),
        ("ServiceUnavailable", 503, Why.INTERNAL),
    ],
)
def test_an_answer_is_sorted_by_its_code_and_status(code: str, status: int, reason: Why) -> None:
    assert to_source_error(answer(code, status=status)).reason == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoCredentialsError(), Why.CREDENTIALS),
        (ConnectTimeoutError(endpoint_url="https://x"), Why.TIMEOUT),
        (ReadTimeoutError(endpoint_url="https://x"), Why.TIMEOUT),
        (TimeoutError(), Why.TIMEOUT),
        (EndpointConnectionError(endpoint_url="https://x"), Why.UNREACHABLE),
        (HTTPClientError(error="reset"), Why.UNREACHABLE),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), Why.UNREACHABLE),
        (aiohttp.ClientPayloadError("cut"), Why.UNREACHABLE),
        (ConnectionResetError(), Why.UNREACHABLE),
        (ParamValidationError(report="bad"), Why.INVALID),
        (ResponseParserError("<html>"), Why.INTERNAL),
    ],
)
def test_a_failure_without_an_answer_is_sorted_by_its_kind(error: Exception, reason: Why) -> None:
    found = to_source_error(error, "ListMetrics")
    assert found.reason == reason
    assert found.detail.startswith("ListMetrics: ")


def test_the_operation_and_the_message_of_aws_are_told() -> None:
    assert to_source_error(answer("Throttling", "Rate exceeded")).detail == "GetMetricData: Throttling Rate exceeded"


def test_a_role_that_may_not_be_assumed_is_a_matter_of_credentials() -> None:
    assert to_source_error(answer("AccessDenied", status=403, operation="AssumeRole")).reason == Why.CREDENTIALS


def test_expired_credentials_are_told_apart_because_fresh_ones_may_help() -> None:
    assert isinstance(to_source_error(answer("ExpiredTokenException")), ExpiredCredentials)
    assert not isinstance(to_source_error(answer("AccessDenied")), ExpiredCredentials)


def test_an_error_of_ours_passes_unchanged() -> None:
    error = SourceError(Why.PARTIAL, "as it is")
    assert to_source_error(error) is error


def test_what_is_hidden_does_not_come_back_from_aws() -> None:
    error = answer("ValidationError", "Value 'hunter2' at 'externalId' failed", operation="AssumeRole")
    assert "hunter2" not in str(to_source_error(error, hide=["hunter2"]))


@pytest.mark.parametrize(
    ("message", "leaked"),
    [
        ("key AKIAIOSFODNN7EXAMPLE is unknown", "AKIAIOSFODNN7EXAMPLE"),
        ("The request signature we calculated. The Canonical String x-amz-security-token:FwoGZXIvYXdz", "FwoGZ"),
    ],
)
def test_keys_and_signed_texts_are_left_out(message: str, leaked: str) -> None:
    assert leaked not in str(to_source_error(answer("SignatureDoesNotMatch", message)))


def test_a_page_of_html_is_not_quoted() -> None:
    error = answer("503", "<!DOCTYPE html><html><body>long</body></html>", status=503)
    assert to_source_error(error).detail == "GetMetricData: 503 (an HTML page)"


def test_a_long_message_is_cut() -> None:
    assert len(to_source_error(answer("InternalFailure", "x" * 5000)).detail) < 400
