"""The codes of the open platform: which HTTP status each travels with, and its exact words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulators.served import Answer

FORBIDDEN, NO_SUCH_BASE = 91403, 91402
SEARCH = "https://open.feishu.cn/search?from=openapi"
BARE = (FORBIDDEN, NO_SUCH_BASE, 9499, 19001)
"""These carry an empty `data` and no `error`."""

ERRORS: dict[int, tuple[int, str]] = {
    9499: (200, "Bad Request"),
    10003: (400, "invalid param"),
    10014: (400, "app unauthorized"),
    10015: (400, "app secret invalid"),
    19001: (200, "param invalid: incoming webhook access token invalid"),
    19021: (200, "sign match fail or timestamp is not within one hour from current time"),
    19022: (200, "Ip Not Allowed"),
    19024: (200, "Key Words Not Found"),
    NO_SUCH_BASE: (400, "NOTEXIST"),
    FORBIDDEN: (403, "Forbidden"),
    131005: (400, "not found"),
    131006: (400, "permission denied: wiki node permission denied"),
    230001: (400, "Your request contains an invalid request parameter."),
    230002: (400, "The bot can not be outside the group."),
    1254000: (200, "WrongRequestJson"),
    1254001: (200, "WrongRequestBody"),
    1254002: (200, "Fail"),
    1254007: (200, "EmptyValue"),
    1254010: (200, "ReqConvError"),
    1254011: (400, "Page size must greater than 0."),
    1254012: (400, "NotSupportFieldOrView"),
    1254013: (200, "TableNameDuplicated"),
    1254014: (400, "FieldNameDuplicated"),
    1254015: (400, "Field types do not match."),
    1254016: (200, "InvalidSort"),
    1254018: (200, "InvalidFilter"),
    1254019: (200, "InvalidViewType"),
    1254020: (200, "ViewNameDuplicated"),
    1254021: (200, "EmptyViewName"),
    1254022: (200, "InvalidViewName"),
    1254024: (200, "InvalidFieldNames"),
    1254029: (400, "InvalidFieldName"),
    1254030: (200, "TooLargeResponse"),
    1254036: (400, "Base is copying, please try again later."),
    1254037: (400, "Invalid client token, make sure that it complies with the specification."),
    1254040: (200, "BaseTokenNotFound"),
    1254041: (200, "TableIdNotFound"),
    1254042: (200, "ViewIdNotFound"),
    1254043: (200, "RecordIdNotFound"),
    1254044: (200, "FieldIdNotFound"),
    1254045: (200, "FieldNameNotFound"),
    1254060: (200, "TextFieldConvFail"),
    1254061: (200, "NumberFieldConvFail"),
    1254062: (200, "SingleSelectFieldConvFail"),
    1254063: (200, "MultiSelectFieldConvFail"),
    1254064: (200, "DatetimeFieldConvFail"),
    1254065: (200, "CheckboxFieldConvFail"),
    1254066: (200, "UserFieldConvFail"),
    1254067: (200, "LinkFieldConvFail"),
    1254068: (200, "URLFieldConvFail"),
    1254069: (200, "AttachFieldConvFail"),
    1254072: (200, "Failed to convert phone field, please make sure it is correct."),
    1254074: (400, "DuplexLinkFieldConvFail"),
    1254080: (400, "TextFieldPropertyError"),
    1254081: (400, "NumberFieldPropertyError"),
    1254082: (400, "SingleSelectFieldPropertyError"),
    1254083: (400, "MultiSelectFieldPropertyError"),
    1254084: (400, "DateFieldPropertyError"),
    1254085: (400, "CheckboxFieldPropertyError"),
    1254086: (400, "UserFieldPropertyError"),
    1254087: (400, "URLFieldPropertyError"),
    1254088: (400, "AttachFieldPropertyError"),
    1254089: (400, "LinkFieldPropertyError"),
    1254090: (400, "LookUpFieldPropertyError"),
    1254091: (400, "FormulaFieldPropertyError"),
    1254092: (400, "DuplexLinkFieldPropertyError"),
    1254093: (400, "CreatedTimeFieldPropertyError"),
    1254094: (400, "ModifiedTimeFieldPropertyError"),
    1254095: (400, "CreatedUserFieldPropertyError"),
    1254096: (400, "ModifiedUserFieldPropertyError"),
    1254100: (200, "TableExceedLimit"),
    1254101: (200, "ViewExceedLimit"),
    1254103: (200, "RecordExceedLimit"),
    1254104: (200, "RecordAddOnceExceedLimit"),
    1254105: (200, "ColumnExceedLimit"),
    1254130: (200, "TooLargeCell"),
    1254290: (200, "TooManyRequest"),
    1254291: (200, "Write conflict"),
    1254302: (403, "Permission denied."),
    1254303: (200, "AttachPermNotAllow"),
    1254304: (403, "Permission denied."),
    1254306: (403, "The tenant or base owner is subject to base plan limits."),
    1254606: (400, "DataNotChange"),
    1254607: (400, "Data not ready, please try again later"),
    1254608: (403, "Same API requests are submitted repeatedly."),
    1255006: (400, "Client token conflict, please generate a new client token and try again."),
    1255040: (504, "Request timed out, please try again later"),
    99991400: (429, "request trigger frequency limit"),
    99991403: (400, "This month's API call quota has been exceeded"),
    99991661: (400, "Missing access token for authorization. Please make a request with token attached."),
    99991663: (400, "Invalid access token for authorization. Please make a request with token attached."),
    99991664: (400, "Invalid access token for authorization. The format of the access token is wrong."),
    99991668: (400, "Invalid access token for authorization."),
    99991671: (400, "Invalid access token for authorization. It should start with 't-' or 'u-'."),
    99991672: (400, "Access denied. One of the following scopes is required: [{scopes}]"),
    99991677: (401, "Authentication token expired. Please request a new one."),
    99992402: (400, "field validation failed"),
}  # fmt: skip


@dataclass
class Refused(Exception):
    """The service says no. message: the sentence in `error.message`; error: what else stands in `error`."""

    code: int
    message: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


class NotEmulated(Exception):
    """The call, or a part of it, is none this emulator knows. The answer is 501, so that no test rests on a guess."""


def parameter(where: str, right: str) -> str:
    """The sentence that names a wrong parameter."""
    return f"Invalid request parameter: '{where}'. Correct format : {right}. Please check and modify accordingly."


def refusal(refused: Refused, log_id: str) -> Answer:
    status, msg = ERRORS[refused.code]
    body: dict[str, Any] = {"code": refused.code, "msg": msg.format(**refused.words)}
    if refused.code in BARE:
        return Answer(status, body | {"data": {}})
    if refused.code < 100_000:
        return Answer(status, body)
    error, find = {"log_id": log_id, **refused.error}, f"{SEARCH}&log_id={log_id}&code={refused.code}"
    if refused.message:
        error |= {"message": refused.message, "troubleshooter": f"排查建议查看(Troubleshooting suggestions): {find}"}
    elif refused.error:
        error |= {"troubleshooter": f"Troubleshooting suggestions: {find}"}
    return Answer(status, body | {"error": error}, headers={"X-Tt-Logid": log_id})


def missing_scope(app_id: str, scopes: tuple[str, ...]) -> Refused:
    listed, asked = ", ".join(scopes), ",".join(scopes)
    console = f"https://open.feishu.cn/app/{app_id}/auth?q={asked}&op_from=openapi&token_type=tenant"
    error = {
        "permission_violations": [{"type": "action_scope_required", "subject": scope} for scope in scopes],
        "helps": [{"url": console, "description": f"Learn more about scopes and how to add them: [{listed}]"}],
    }
    return Refused(99991672, error=error, words={"scopes": listed})
