"""S3's faults as the project's errors: what failed, on which bucket, and what to check."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from afterbell.config.runtime import S3Location
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL, Pair
from afterbell.errors import (
    AfterbellError,
    ConfigError,
    CredentialsExpiredError,
    ObjectMissingError,
    ObjectRefusedError,
    PreconditionFailedError,
    StoreConfigError,
    StoreFullError,
    StoreUnavailableError,
    UnknownOutcomeError,
)
from afterbell.stores.retry import parse_retry_after

_PRECONDITION = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_PASSING = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "TooManyRequests", "429"}
_FULL = {"InsufficientStorage", "XMinioStorageFull", "XMinioStorageQuotaExceeded", "QuotaExceeded", "507"}
_FULL_STATUS = 507
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "400"}
"""HEAD, whose answers have no body, reports it as 400 alone."""
_OF_ONE_OBJECT = {"GetObject", "HeadObject"}
_OF_THE_STORE = {
    "NoSuchBucket",
    "InvalidBucketName",
    "AllAccessDisabled",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "AuthorizationHeaderMalformed",
    "AccountProblem",
    "NotSignedUp",
    "InvalidSecurity",
    "InvalidToken",
    "PermanentRedirect",
    "TemporaryRedirect",
    "301",
    "307",
}
"""Refusals of the caller, or of the whole bucket; any other refusal of a request for an object concerns that object."""
_ARCHIVED = "InvalidObjectState"
_FORBIDDEN = {"AccessDenied", "403"}
_ADVICE = {
    "AccessDenied": "access is denied: check what the key may do with this bucket",
    "403": "access is denied: check the access key, its secret, and what it may do with this bucket",
    "InvalidAccessKeyId": "the access key is not known there: check {access} and the endpoint",
    "SignatureDoesNotMatch": "the secret key is wrong: check {secret} and the region",
    "RequestTimeTooSkewed": "this machine's clock is off: set it",
}


@contextmanager
def s3_faults(location: S3Location, bucket: str, key: str = "", *, conditional: bool = False) -> Iterator[None]:
    """Raise botocore's errors inside as the project's.

    Args:
        location: for the message.
        bucket: the bucket of the request.
        key: the object, where there is one.
        conditional: whether a conditional write is inside, whose outcome is unknown when no answer came.
    """
    where = f"s3://{bucket}/{key} at {location.endpoint or 'AWS'}"
    try:
        yield
    except boto.ClientError as error:
        raise _error_of_answer(error, location, bucket, where, conditional=conditional) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError) as error:
        raise StoreConfigError(f"{where}: no credentials: set {' and '.join(GENERAL)}") from error
    except (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError) as error:
        # Never connected, so nothing was written either.
        raise StoreUnavailableError(f"{where}: no connection; check that it runs (./afterbell doctor)") from error
    except (boto.HTTPClientError, boto.IncompleteReadError) as error:
        raise _no_answer_error(
            f"{where}: the connection broke ({type(error).__name__})", conditional=conditional
        ) from error
    except boto.ParamValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ResponseParserError as error:
        raise StoreConfigError(f"{where}: the answer is not S3's ({error}); check s3.endpoint") from error


def error_code(error: boto.ClientError) -> str:
    """S3's name of an error; the HTTP status where an answer has no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def refusal(location: S3Location, bucket: str, code: str) -> StoreConfigError:
    """The error for a bucket that can't be used, with what to check."""
    return StoreConfigError(_advice_for(location, bucket, f"s3://{bucket}/ at {location.endpoint or 'AWS'}", code))


def _error_of_answer(
    error: boto.ClientError, location: S3Location, bucket: str, where: str, *, conditional: bool
) -> AfterbellError:
    code = error_code(error)
    answer = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    if code in _PRECONDITION or (conditional and code == "NoSuchKey"):
        return PreconditionFailedError(f"{where}: another writer was faster ({code}); read it again and decide again")
    if code in {"NoSuchKey", "404"}:
        return ObjectMissingError(f"{where}: the object does not exist")
    if code in _PASSING | _FULL or status >= 500:
        retry_after = parse_retry_after(answer.get("HTTPHeaders", {}).get("retry-after"))
        return _passing_error(where, code, status, retry_after, conditional=conditional)
    if code in _EXPIRED:
        return CredentialsExpiredError(
            f"{where}: the credentials have expired ({code}): renew them where they come from, or check the region"
        )
    if error.operation_name in _OF_ONE_OBJECT and code not in _OF_THE_STORE:
        reason = _refused_object(code, str(error.response.get("Error", {}).get("Message", "")))
        return ObjectRefusedError(f"{where}: {reason}", reason)
    return StoreConfigError(_advice_for(location, bucket, where, code))


def _passing_error(where: str, code: str, status: int, retry_after: float, *, conditional: bool) -> AfterbellError:
    if code in _FULL or status == _FULL_STATUS:  # nothing was written, so that nothing is unknown
        return StoreFullError(
            f"{where}: the store is full ({code}, HTTP {status}): free space there or raise the quota"
        )
    return _no_answer_error(f"{where}: {code} (HTTP {status})", retry_after, conditional=conditional)


def _refused_object(code: str, message: str) -> str:
    if code == _ARCHIVED:
        return f"the object is archived ({code}): restore it, then run the session again"
    if code in _FORBIDDEN:
        return (
            f"access is denied to this object ({code}): check its owner, its encryption key and what the access key "
            "may read, then run the session again"
        )
    return f"the store refused this object ({code}{': ' * bool(message)}{message[:200]}): check the object there"


def _no_answer_error(message: str, retry_after: float = 0.0, *, conditional: bool) -> AfterbellError:
    if conditional:
        return UnknownOutcomeError(f"{message}; it may have been written: read it again, delete nothing")
    return StoreUnavailableError(f"{message}; try again later", retry_after)


def _advice_for(location: S3Location, bucket: str, where: str, code: str) -> str:
    setting = "s3.feed_bucket" if bucket == location.feed_bucket else "s3.artifact_bucket"
    named = f"check {setting} in include/config/platform.yaml"
    about_bucket = {
        "NoSuchBucket": f"the bucket does not exist: {named}, or create it",
        "InvalidBucketName": f"the bucket's name is not valid: {named}",
    }
    refused = f"the store refused ({code}): check endpoint, region and bucket"
    access, secret = _key_variables(FEED if bucket == location.feed_bucket else ARTIFACTS)
    advice = _ADVICE[code].format(access=access, secret=secret) if code in _ADVICE else refused
    return f"{where}: {about_bucket.get(code) or advice}"


def _key_variables(pair: Pair) -> tuple[str, str]:
    """The names of the variables that hold the keys for a bucket: its own pair wins where it is set."""
    return pair if all(os.environ.get(name) for name in pair) else GENERAL
