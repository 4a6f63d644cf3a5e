"""One sentence for each way Feishu can fail us, in both languages, and the exit code it ends in.

Sentences name what the operator clicks. No secret gets here: a sentence holds an app's id at most, and Feishu's words.
"""

from __future__ import annotations

from rules.words import Words
from sync.errors import Conflict, HuzhuError, RunFailed, SetupError

_CONSOLE = Words("飞书开发者后台（open.feishu.cn/app）", "the Feishu developer console (open.feishu.cn/app)")
_COMPLAINTS: dict[str, tuple[type[HuzhuError], str, str]] = {
    # The app that opens the base
    "no_variable": (
        SetupError,
        "环境变量 {name} 没有设置，请填入飞书应用的 App Secret：{console} → 应用 → 凭证与基础信息。",
        "The environment variable {name} is not set; put the app's secret into it: {console} → app → Credentials.",
    ),
    "app_wrong": (
        SetupError,
        (
            "飞书不认可应用 {app_id} 的 App ID 或 App Secret（{code}）。请到 {console} → 应用 → 凭证与基础信息"
            " 重新复制两者；国际版 Lark 的应用要用 open.larksuite.com。"
        ),
        (
            "Feishu does not accept the App ID or the App Secret of the app {app_id} ({code}). Copy both again:"
            " {console} → app → Credentials; an app of the international Lark needs open.larksuite.com."
        ),
    ),
    "app_off": (
        SetupError,
        (
            "飞书应用 {app_id} 没有发布或已停用（{code}）。请到 {console} → 应用 → 版本管理与发布 → 创建版本 →"
            " 申请发布，并请企业管理员在管理后台启用它。"
        ),
        (
            "The Feishu app {app_id} is not released or was stopped ({code}). {console} → app → Version Management &"
            " Release → Create a version → publish, and ask the company's administrator to enable it."
        ),
    ),
    "token": (
        RunFailed,
        "飞书两次不接受应用 {app_id} 的登录（{code}）。请过几分钟再运行；若仍如此，请检查应用是否已启用。",
        (
            "Feishu twice refused the login of the app {app_id} ({code}). Run again in some minutes; if it stays so,"
            " see that the app is enabled."
        ),
    ),
    "scope": (
        SetupError,
        (
            "飞书应用 {app_id} 缺少权限（{message}）。请到 {console} → 应用 → 权限管理 → 开通 bitable:app"
            "（表格在知识库中时还有 wiki:node:read）→ 版本管理与发布 → 创建版本 → 发布。"
        ),
        (
            "The Feishu app {app_id} lacks a scope ({message}). {console} → app → Permissions & Scopes → add"
            " bitable:app (in a wiki also wiki:node:read) → Version Management & Release → Create a version → publish."
        ),
    ),
    "address_refused": (
        SetupError,
        (
            "飞书应用 {app_id} 的 IP 白名单里没有这台电脑。请到 {console} → 应用 → 安全设置 → IP 白名单，"
            "加上它的公网地址。"
        ),
        (
            "This computer is not on the IP whitelist of the Feishu app {app_id}. {console} → app → Security Settings →"
            " IP whitelist: add its public address."
        ),
    ),
    "quota": (
        SetupError,
        "企业本月的飞书 API 调用次数已用完，下月 1 日恢复。请减少运行次数，或请企业管理员升级飞书版本。",
        (
            "The company's Feishu API calls of this month are used up and come back on the 1st. Run less often, or ask"
            " the company's administrator for a larger Feishu plan."
        ),
    ),
    # The base
    "not_shared": (
        SetupError,
        (
            "飞书应用 {app_id} 没有编辑这个多维表格（{base}）的权限。请打开多维表格 → 右上角「…」→「…更多」→"
            "「添加文档应用」→ 选这个应用 → 可编辑（开启了高级权限时选 可管理）。"
        ),
        (
            "The Feishu app {app_id} may not edit the base {base}. Open the base → “…” (top right) → “…More” → Add"
            " document app → this app → Can edit (Can manage where advanced permissions are on)."
        ),
    ),
    "no_base": (
        SetupError,
        (
            "飞书里没有 {base} 这个多维表格。它的编号是网址里 /base/ 后面、问号之前的那一段；"
            "网址里是 /wiki/ 时，请填整个网址。请检查配置中是否填全、表格是否已被删除。"
        ),
        (
            "There is no base {base}. Its token is the part of its address after /base/ and before the question mark;"
            " of an address with /wiki/ give all. Check that the settings hold all of it, and that the base exists."
        ),
    ),
    "advanced": (
        SetupError,
        (
            "多维表格 {base} 开启了高级权限，应用 {app_id} 看不到全部内容。请打开多维表格 → 右上角「…」→「…更多」→"
            "「添加文档应用」→ 把这个应用改为 可管理。"
        ),
        (
            "The base {base} has advanced permissions, and the app {app_id} may not see all of it. Open the base → “…”"
            " (top right) → “…More” → Add document app → give this app Can manage."
        ),
    ),
    "plan": (
        SetupError,
        "多维表格 {base} 超出了企业飞书版本的限制（{message}）。请减少数据，或请企业管理员升级飞书版本。",
        (
            "The base {base} is over the limits of the company's Feishu plan ({message}). Remove data, or ask the"
            " company's administrator for a larger plan."
        ),
    ),
    "full": (
        SetupError,
        "多维表格 {base} 已到行数、列数或数据表数的上限（{message}）。请删除不用的行、列或数据表。",
        "The base {base} has reached its limit of rows, columns or tables ({message}). Delete those that nobody uses.",
    ),
    "no_node": (
        SetupError,
        "知识库里没有这个页面（{code}）。请打开多维表格，把浏览器地址栏里 /wiki/ 的整个网址填进配置。",
        (
            "The wiki has no such page ({code}). Open the base and put the whole address with /wiki/ from the browser"
            " into the settings."
        ),
    ),
    "node_closed": (
        SetupError,
        (
            "飞书应用 {app_id} 看不到知识库里的这个页面。请打开该页面 → 右上角「…」→「…更多」→「添加文档应用」→"
            " 选这个应用 → 可编辑。"
        ),
        (
            "The Feishu app {app_id} may not see the page in the wiki. Open the page → “…” (top right) → “…More” → Add"
            " document app → this app → Can edit."
        ),
    ),
    "changed": (
        Conflict,
        "运行期间有人改了多维表格的数据表、列或行（{code}：{message}），本次没有写完，请再运行一次。",
        (
            "Somebody changed tables, columns or rows of the base during the run ({code}: {message}); not all was"
            " written, run again."
        ),
    ),
    "refused": (
        RunFailed,
        "飞书拒绝了这次操作（{code}）：{message}",
        "Feishu refused the call ({code}): {message}",
    ),
    # What passes by itself
    "busy": (
        RunFailed,
        "飞书暂时处理不了（{code}：{message}），请过几分钟再运行。",
        "Feishu cannot do it for now ({code}: {message}); run again in some minutes.",
    ),
    "unavailable": (
        RunFailed,
        "飞书暂时不可用（{host}，错误 {status}），请过几分钟再运行。",
        "Feishu is unavailable for now ({host}, error {status}); run again in some minutes.",
    ),
    "silent": (
        RunFailed,
        "飞书（{host}）很久没有回答，请检查网络，过几分钟再运行。",
        "Feishu ({host}) did not answer in time; check the network and run again in some minutes.",
    ),
    "unreachable": (
        RunFailed,
        (
            "连不上飞书（{host}）。请检查网络；网址应是 open.feishu.cn，国际版 Lark 是 open.larksuite.com。"
            "飞书在中国大陆不需要代理：设置了环境变量 HTTPS_PROXY 时，请把 {host} 加进 NO_PROXY。"
        ),
        (
            "Cannot reach Feishu ({host}). Check the network; the address is open.feishu.cn, or open.larksuite.com for"
            " the international Lark. Where the environment variable HTTPS_PROXY is set and not needed, put {host} into"
            " NO_PROXY."
        ),
    ),
    "garbled": (
        RunFailed,
        (
            "从 {host} 收到的回答不完整，或不是飞书发出的。请检查网址（open.feishu.cn 或 open.larksuite.com）、网络"
            "和代理（例如需要登录的无线网），再运行。"
        ),
        (
            "The answer from {host} is incomplete or does not come from Feishu. Check the address (open.feishu.cn or"
            " open.larksuite.com), the network and the proxy (such as a Wi-Fi that wants a login), and run again."
        ),
    ),
    "late": (
        RunFailed,
        "本次运行已超过 {minutes} 分钟，就此停止，请过几分钟再运行。",
        "The run took more than {minutes} minutes and was stopped; run again in some minutes.",
    ),
    # The way to Feishu is set up wrongly
    "certificate": (
        SetupError,
        (
            "无法确认 {host} 是飞书。请核对这台电脑的日期和时间；如果公司的代理会替换证书，"
            "请把公司证书的路径填入环境变量 REQUESTS_CA_BUNDLE。"
        ),
        (
            "{host} cannot be verified as Feishu. Check this computer's date and time; if a company proxy replaces"
            " certificates, name the company's certificate file in the environment variable REQUESTS_CA_BUNDLE."
        ),
    ),
    "proxy": (
        SetupError,
        (
            "飞书的网址或代理地址不能用（{host}）。网址应以 https:// 开头；代理写在环境变量 HTTPS_PROXY 里，"
            "写成 http://主机:端口（不能用 socks5，请填 HTTP 端口）。"
        ),
        (
            "The address of Feishu or of the proxy cannot be used ({host}). The first begins with https://; the proxy"
            " is in the environment variable HTTPS_PROXY, as http://host:port (not socks5: use the HTTP port)."
        ),
    ),
    "no_certificates": (
        SetupError,
        "找不到用来确认飞书身份的证书文件，请检查环境变量 REQUESTS_CA_BUNDLE 或 CURL_CA_BUNDLE 填的路径。",
        (
            "The certificates to verify Feishu with are missing; check that the file named in the environment variable"
            " REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE exists."
        ),
    ),
}
# What a person has to click for a code.
_OF_CODES = {
    10003: "app_wrong",
    10014: "app_off",
    10015: "app_wrong",
    91402: "no_base",
    91403: "not_shared",
    131002: "no_node",
    131005: "no_node",
    131006: "node_closed",
    1254003: "no_base",
    1254040: "no_base",
    1254100: "full",
    1254103: "full",
    1254105: "full",
    1254302: "advanced",
    1254304: "advanced",
    1254306: "plan",
    99991401: "address_refused",
    99991403: "quota",
    99991672: "scope",
    99991673: "app_off",
    99991679: "scope",
}
_SANE = 200  # characters of Feishu's own words in a sentence of ours


class Refused(RunFailed):
    """Feishu refused a call, and would again. message: its text.

    repeated: an earlier try of this write may have taken effect.
    """

    def __init__(self, code: int, message: str, *, repeated: bool = False) -> None:
        super().__init__(*_words("refused", code=code, message=line(message)))
        self.code = code
        self.message = message
        self.repeated = repeated


class SchemaChanged(Conflict):
    """A table, column or row that was read is not there any more, or of another type: read the fields again."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(*_words("changed", code=code, message=line(message)))
        self.code = code
        self.message = message


def complaint(what: str, /, **facts: object) -> HuzhuError:
    """The error to raise for *what*, its sentence filled with *facts*."""
    error, *_ = _COMPLAINTS[what]
    return error(*_words(what, **facts))


def explained(code: int, message: str, *, app_id: str, base: str) -> HuzhuError:
    """The error to raise where a person has to click something. base: its token, "" where it was about none."""
    return complaint(_OF_CODES[code], code=code, message=line(message), app_id=app_id, base=base)


def line(message: str) -> str:
    """*message* on one line of a sane length."""
    words = " ".join(message.split())
    return words if len(words) <= _SANE else words[: _SANE - 1] + "…"


def _words(what: str, /, **facts: object) -> Words:
    _, zh, en = _COMPLAINTS[what]
    return Words(zh.format(console=_CONSOLE.zh, **facts), en.format(console=_CONSOLE.en, **facts))
