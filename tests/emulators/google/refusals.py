"""What the service says when it does not do what was asked: Google's own refusals, and what this emulator does not know."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tests.emulators.served import Answer

NAMES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
NO_PERMISSION = "The caller does not have permission"
NOT_FOUND = "Requested entity was not found."
PROTECTED = (
    "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if "
    "you need to edit."
)
TOO_LONG = "Your input contains more than the maximum of 50000 characters in a single cell."
TOO_MANY = "This action would increase the number of cells in the workbook above the limit of 10000000 cells."
BAD_TOKEN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
API_DISABLED = (
    "Google Sheets API has not been used in project 123456789012 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=123456789012 then retry. If "
    "you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
)


QUOTA = (
    "Quota exceeded for quota metric '{0} requests' and limit '{0} requests per minute per user' of service "
    "'sheets.googleapis.com' for consumer 'project_number:0'."
)


class Refused(Exception):
    """The call is answered with an error of Google's; nothing was done."""

    def __init__(self, message: str, code: int = 400, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.details = message, code, details

    def within(self, place: str) -> Refused:
        """The same refusal, saying which part of the call it is about."""
        return Refused(f"Invalid {place}: {self.message}", self.code, self.details)

    @property
    def answer(self) -> Answer:
        error = {"code": self.code, "message": self.message, "status": NAMES[self.code]}
        return Answer(self.code, {"error": error | ({"details": self.details} if self.details else {})})


class Unemulated(Exception):
    """The emulator does not know what Google would answer, and does not guess."""

    @property
    def answer(self) -> Answer:
        error = {"code": 501, "message": f"not emulated: {self}", "status": "UNIMPLEMENTED"}
        return Answer(HTTPStatus.NOT_IMPLEMENTED, {"error": error})


def wrong_type(field: str, kind: str, value: str) -> Refused:
    text = f"Invalid value at '{field}' (type.googleapis.com/google.protobuf.{kind}), {value}"
    violation = {"field": field, "description": text}
    return Refused(text, 400, [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}])


def api_disabled() -> Refused:
    url = "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=123456789012"
    metadata = {
        "activationUrl": url,
        "consumer": "projects/123456789012",
        "containerInfo": "123456789012",
        "service": "sheets.googleapis.com",
        "serviceTitle": "Google Sheets API",
    }
    information = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    links = [{"description": "Google developers console API activation", "url": url}]
    return Refused(API_DISABLED, 403, [information, {"@type": "type.googleapis.com/google.rpc.Help", "links": links}])


def quota_exceeded(kind: str = "Read") -> Answer:
    """Too many calls of that kind, Read or Write, within a minute: what a test lets a call be answered with."""
    limit = {"quota_limit": f"{kind}RequestsPerMinutePerUser", "consumer": "projects/0"}
    metric = {"service": "sheets.googleapis.com", "quota_metric": f"sheets.googleapis.com/{kind.lower()}_requests"}
    information = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": limit | metric,
    }
    error = {"code": 429, "message": QUOTA.format(kind), "status": "RESOURCE_EXHAUSTED", "details": [information]}
    return Answer(429, {"error": error})


def known(given: object, names: set[str] | frozenset[str], where: str) -> None:
    """Raises Unemulated for a field of *given* that is not among *names*."""
    if not isinstance(given, dict):
        raise Unemulated(f"{where} is {type(given).__name__}, not an object")
    if odd := set(given) - names:
        raise Unemulated(f"{where}: {', '.join(sorted(odd))}")
