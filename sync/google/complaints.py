"""One sentence for each way Google can fail us, in both languages, and the exit code it ends in.

Sentences name what the operator clicks. No secret gets here: `Refused` carries Google's own words, nothing of ours.
"""

from __future__ import annotations

from rules.words import Words
from sync.errors import Busy, Conflict, HuzhuError, RunFailed, SetupError

_KEYS = Words(
    "Google Cloud 控制台 → IAM 和管理 → 服务账号 → 密钥 → 添加密钥 → JSON",
    "Google Cloud console → IAM & Admin → Service Accounts → Keys → Add key → JSON",
)
_COMPLAINTS: dict[str, tuple[type[HuzhuError], str, str]] = {
    # The key of the service account
    "no_key_file": (
        SetupError,
        "找不到服务账号密钥文件 {name}，请检查配置中的路径，或在 Google Cloud 控制台重新下载 JSON 密钥。",
        (
            "The service account key {name} does not exist; check the path in the settings, or download a JSON key"
            " again from the Google Cloud console."
        ),
    ),
    "key_unreadable": (
        SetupError,
        "读不了服务账号密钥文件 {name}（{reason}），请为运行 huzhu 的用户开放读取权限。",
        "The service account key {name} may not be read ({reason}); let the user that runs huzhu read it.",
    ),
    "no_variable": (
        SetupError,
        "环境变量 {name} 没有设置，请把服务账号密钥文件（JSON）的全部内容放进去。",
        "The environment variable {name} is not set; put the whole text of the service account key (JSON) into it.",
    ),
    "not_json": (
        SetupError,
        "{name} 不是完整的 JSON，请使用从 Google Cloud 控制台下载的服务账号密钥，原样保存全部内容。",
        (
            "{name} does not hold complete JSON; use the service account key downloaded from the Google Cloud console,"
            " whole and unchanged."
        ),
    ),
    "other_kind": (
        SetupError,
        "{name} 是{zh_kind}，不是服务账号密钥。请重新下载：{keys}。",
        "{name} is {en_kind}, not a service account key; download one: {keys}.",
    ),
    "damaged_key": (
        SetupError,
        "{name} 中的私钥不完整或被改过，请重新下载：{keys}。",
        "The private key in {name} is incomplete or was changed; download a new one: {keys}.",
    ),
    # Logging in with it
    "key_revoked": (
        SetupError,
        "Google 不再接受服务账号 {account} 的密钥（已被删除或停用）。请新建：{keys}。",
        "Google no longer accepts the key of the service account {account} (deleted or disabled). New one: {keys}.",
    ),
    "clock": (
        SetupError,
        "这台电脑的时间不准，Google 因此拒绝登录。请打开系统的“自动设置时间”（NTP）后再运行。",
        "This computer's clock is wrong, so Google refuses the login. Turn on automatic time (NTP) and run again.",
    ),
    "account_gone": (
        SetupError,
        (
            "服务账号 {account} 已被删除或停用。请在 Google Cloud 控制台的 IAM 和管理 → 服务账号 中启用它，"
            "或新建一个并把表格共享给它。"
        ),
        (
            "The service account {account} was deleted or disabled. Enable it in the Google Cloud console, IAM & Admin"
            " → Service Accounts, or make a new one and share the sheet with it."
        ),
    ),
    "login_refused": (
        SetupError,
        "Google 拒绝服务账号 {account} 登录：{message}",
        "Google refuses the login of the service account {account}: {message}",
    ),
    "unauthorized": (
        SetupError,
        (
            "Google 不认可服务账号 {account} 的登录。请在 Google Cloud 控制台的 IAM 和管理 → 服务账号 中确认它已启用，"
            "并核对这台电脑的时间。"
        ),
        (
            "Google does not accept the login of the service account {account}. See in the Google Cloud console, IAM &"
            " Admin → Service Accounts, that it is enabled, and check this computer's clock."
        ),
    ),
    # What the spreadsheet or the project lacks
    "no_spreadsheet": (
        SetupError,
        "找不到编号为 {spreadsheet} 的表格。编号是表格网址里 /d/ 和 /edit 之间的那一段，请检查配置中是否填全。",
        (
            "There is no spreadsheet {spreadsheet}. Its id is the part of its address between /d/ and /edit; check"
            " that the settings hold all of it."
        ),
    ),
    "not_shared": (
        SetupError,
        "服务账号没有编辑这张表格的权限。请打开表格 → 右上角“共享” → 粘贴 {account} → 选“编辑者” → 发送。",
        (
            "The service account may not edit the spreadsheet. Open it → Share (top right) → paste {account} → Editor"
            " → Send."
        ),
    ),
    "disabled": (
        SetupError,
        (
            "服务账号所在的项目没有启用 Google Sheets API。请打开 Google Cloud 控制台 → API 和服务 → 启用 API →"
            " Google Sheets API → 启用，等几分钟再运行。"
        ),
        (
            "The Google Sheets API is not enabled in the project of the service account. Google Cloud console → APIs &"
            " Services → Enable APIs → Google Sheets API → Enable; wait some minutes and run again."
        ),
    ),
    "not_native": (
        SetupError,
        (
            "这个文件是上传到云端硬盘的 Excel 文件，不是 Google 表格。请打开它 → 文件 → 另存为 Google 表格，"
            "再把新表格的编号填进配置。"
        ),
        (
            "This file is an Excel file uploaded to Drive, not a Google spreadsheet. Open it → File → Save as Google"
            " Sheets, and put the id of the new one into the settings."
        ),
    ),
    "protected": (
        SetupError,
        (
            "表格中有受保护的单元格，服务账号不能修改，这步没有写入。请所有者打开 数据 → 受保护的工作表和范围，加上"
            " {account}。"
        ),
        (
            "Protected cells keep the service account from writing; this step wrote nothing. Ask the owner: Data →"
            " Protect sheets and ranges → add {account}."
        ),
    ),
    "protected_tab": (
        SetupError,
        (
            "工作表“{title}”受保护，服务账号不能修改，这步没有写入。请所有者打开 数据 → 受保护的工作表和范围，加上"
            " {account}。"
        ),
        (
            "The tab {title} is protected from the service account; this step wrote nothing. Ask the owner: Data →"
            " Protect sheets and ranges → add {account}."
        ),
    ),
    "full": (
        SetupError,
        "表格快到 Google 的上限（共 1000 万格，空格也算），这步没有写入。请删除多余的空行、空列或不用的工作表。",
        (
            "The spreadsheet would pass Google's limit (10 million cells, empty ones count); this step wrote"
            " nothing. Delete spare rows, columns or tabs."
        ),
    ),
    "long_text": (
        SetupError,
        "有一格的文字会超过 Google 的上限（5 万字），这步没有写入。请缩短其中最长的文字，例如备注。",
        (
            "A cell would hold more than Google allows (50,000 characters); this step wrote nothing. Shorten the"
            " longest texts, such as remarks."
        ),
    ),
    "refused": (
        RunFailed,
        "Google 表格拒绝了这次操作（{status}）：{message}",
        "Google Sheets refused the call ({status}): {message}",
    ),
    # What passes by itself
    "quota": (
        RunFailed,
        (
            "Google 每分钟允许的调用次数已用完。请过一分钟再运行；常常如此时，在 Google Cloud 控制台 → API 和服务 →"
            " Google Sheets API → 配额 中调高。"
        ),
        (
            "The calls that Google allows per minute are used up. Run again in a minute; if that is not enough, raise"
            " the quota: Google Cloud console → APIs & Services → Google Sheets API → Quotas."
        ),
    ),
    "unavailable": (
        RunFailed,
        "Google 暂时不可用（{host}，错误 {status}），请过几分钟再运行。",
        "Google is unavailable for now ({host}, error {status}); run again in some minutes.",
    ),
    "silent": (
        RunFailed,
        "Google（{host}）很久没有回答，请检查网络，过几分钟再运行。",
        "Google ({host}) did not answer in time; check the network and run again in some minutes.",
    ),
    "unreachable": (
        RunFailed,
        (
            "连不上 Google（{host}）。请检查网络；在中国大陆需要代理，请设置环境变量 HTTPS_PROXY，"
            "例如 http://127.0.0.1:7890。"
        ),
        (
            "Cannot reach Google ({host}). Check the network; where a proxy is needed, as in mainland China, set the"
            " environment variable HTTPS_PROXY, such as http://127.0.0.1:7890."
        ),
    ),
    "garbled": (
        RunFailed,
        "从 {host} 收到的回答不完整，或不是 Google 发出的。请检查网络和代理（例如需要登录的无线网），再运行。",
        (
            "The answer from {host} is incomplete or does not come from Google. Check the network and the proxy (such"
            " as a Wi-Fi that wants a login), and run again."
        ),
    ),
    "late": (
        RunFailed,
        "本次运行已超过 {minutes} 分钟，就此停止，请过几分钟再运行。",
        "The run took more than {minutes} minutes and was stopped; run again in some minutes.",
    ),
    # The sheet is in other hands
    "busy": (
        Busy,
        "另一次运行正在写这张表格，本次没有运行。如果它已中断，{until} 之后可以再运行。",
        "Another run is writing this spreadsheet; this one did nothing. If it broke off, run again after {until}.",
    ),
    "overtaken": (
        Conflict,
        "表格在读取之后被另一次运行改过，本次没有写入。",
        "Another run wrote to the spreadsheet since it was read; nothing was written.",
    ),
    "moved": (
        Conflict,
        "有人在运行时改名、删除或缩小了工作表，请再运行一次。",
        "Somebody renamed, deleted or shrank a tab meanwhile; run again.",
    ),
    "edited": (
        Conflict,
        "有人在程序写入时改动了“{title}”，请再运行一次。",
        "Somebody edited {title} while it was written; run again.",
    ),
    # The way to Google is set up wrongly
    "certificate": (
        SetupError,
        (
            "无法确认 {host} 是 Google。请核对这台电脑的日期和时间；如果公司的代理会替换证书，"
            "请把公司证书的路径填入环境变量 REQUESTS_CA_BUNDLE。"
        ),
        (
            "{host} cannot be verified as Google. Check this computer's date and time; if a company proxy replaces"
            " certificates, name the company's certificate file in the environment variable REQUESTS_CA_BUNDLE."
        ),
    ),
    "proxy": (
        SetupError,
        "代理地址不能用，请检查环境变量 HTTPS_PROXY，写成 http://主机:端口（不能用 socks5，请填 HTTP 端口）。",
        (
            "The proxy address cannot be used; check the environment variable HTTPS_PROXY. Write http://host:port (not"
            " socks5: use the HTTP port of the proxy program)."
        ),
    ),
    "no_certificates": (
        SetupError,
        "找不到用来确认 Google 身份的证书文件，请检查环境变量 REQUESTS_CA_BUNDLE 或 CURL_CA_BUNDLE 填的路径。",
        (
            "The certificates to verify Google with are missing; check that the file named in the environment variable"
            " REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE exists."
        ),
    ),
}
# What Google refused a call with: status, a piece of its reason or message -> complaint. The first that fits.
_REFUSALS = (
    (401, "", "unauthorized"),
    (403, "SERVICE_DISABLED", "disabled"),
    (403, "accessNotConfigured", "disabled"),
    (403, "The caller does not have permission", "not_shared"),
    (404, "", "no_spreadsheet"),
    (400, "not supported for this document", "not_native"),
    (400, "protected cell or object", "protected"),
    (400, "above the limit of", "full"),
    (400, "more than the maximum of 50000 characters", "long_text"),
)
# What Google refused a login with: a piece of its message -> complaint. The first that fits.
_LOGINS = (
    ("Invalid JWT Signature", "key_revoked"),
    ("short-lived token", "clock"),
    ("account not found", "account_gone"),
    ("deleted_client", "account_gone"),
    ("disabled", "account_gone"),
)
_SANE = 200  # characters of Google's own words in a sentence of ours


class Refused(Exception):
    """Google refused a call, and would again. repeated: an earlier try of this write may have taken effect.

    message: Google's text. reason: Google's word for it, such as SERVICE_DISABLED, or "".
    """

    def __init__(self, status: int, message: str, reason: str = "", *, repeated: bool = False) -> None:
        super().__init__(status, message, reason)
        self.status = status
        self.message = message
        self.reason = reason
        self.repeated = repeated


def complaint(code: str, **facts: object) -> HuzhuError:
    """The error to raise for *code*, its sentence filled with *facts*."""
    error, zh, en = _COMPLAINTS[code]
    return error(zh.format(keys=_KEYS.zh, **facts), en.format(keys=_KEYS.en, **facts))


def explained(error: Refused, *, spreadsheet: str, service_account: str, title: str = "") -> HuzhuError:
    """The error to raise for a refused call. title: the tab it was about, where that is known."""
    words = f"{error.reason} {error.message}"
    code = next((code for status, piece, code in _REFUSALS if status == error.status and piece in words), "refused")
    return complaint(
        "protected_tab" if code == "protected" and title else code,
        spreadsheet=spreadsheet,
        account=_named(service_account),
        title=title,
        status=error.status,
        message=_line(error.message),
    )


def login_refused(message: str, service_account: str) -> HuzhuError:
    """The error to raise when Google refused the service account's login with *message*."""
    code = next((code for piece, code in _LOGINS if piece in message), "login_refused")
    return complaint(code, account=_named(service_account), message=_line(message))


def _named(service_account: str) -> str:
    """Its e-mail, or the name under which the key file holds it."""
    return service_account or "client_email"


def _line(message: str) -> str:
    """*message* on one line of a sane length."""
    line = " ".join(message.split())
    return line if len(line) <= _SANE else line[: _SANE - 1] + "…"
