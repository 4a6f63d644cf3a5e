"""A message to a Feishu group, by its custom bot (自定义机器人). Satisfies `Speaker` in sync/mail.py.

The bot gives no number and takes none: nobody can ask it later whether a message came. So a call that was handed over
and not answered is unknown, and never repeated by itself. The webhook's address is a secret like a password: it stands
in no message, no exception and no log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from rules.words import Words
from sync import secret
from sync.errors import MailError
from sync.net import trouble
from sync.wording import Rendered, cut, one_line

MOST_BYTES = 20_000
"""Of one message, as JSON."""

_ADDRESS = re.compile(r"(https://[^/\s?#@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/open-apis/bot/v2/hook/[\w-]+")
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and to wait for the answer
_HALF_HOUR, _MINUTE = 1800, 60
_OK, _TOO_MANY, _BROKEN, _GATEWAY_TIMEOUT = 200, 429, 500, 504


def is_webhook(address: str) -> bool:
    """True for the address of a custom bot; unencrypted only to this computer."""
    return _ADDRESS.fullmatch(address) is not None


@dataclass(frozen=True, slots=True)
class Bot:
    """One custom bot. secret: of its signature verification, "" when that is off. link: what the button opens."""

    webhook: str = field(repr=False)
    clock: Callable[[], datetime]
    secret: str = field(default="", repr=False)
    link: str = ""
    locale: str = "zh"
    timeout: tuple[float, float] = _TIMEOUT
    sleep: Callable[[float], None] = time.sleep

    def ready(self) -> None:
        """Returns when a message may leave: not in the minutes :00 and :30, in which everybody's bots speak (11232)."""
        into = self.clock().timestamp() % _HALF_HOUR
        if into < _MINUTE:
            self.sleep(_MINUTE - into)

    def tell(self, words: Rendered) -> None:
        """Puts *words* before the group as a card. Raises MailError when they did not get there, or nobody knows."""
        fault = self._fault(self._body(words))
        if fault is not None:  # raised here, where no exception of requests, which quotes the address, hangs on to it
            raise fault

    def _fault(self, body: bytes) -> MailError | None:
        try:
            with _unlogged():
                answer = requests.post(
                    self.webhook,
                    data=body,
                    headers={"Content-Type": "application/json; charset=utf-8"},
                    timeout=self.timeout,
                    allow_redirects=False,
                )
        except OSError as error:  # every exception of requests is one
            return self._complaint(_cause(error))
        except ValueError:  # so it says that an address or a proxy cannot be read
            return self._complaint("address")
        return self._refusal(answer.status_code, _parsed(answer.content))

    def _refusal(self, status: int, answer: Any) -> MailError | None:  # whatever came back as JSON
        """What an answer means: None when the group has the message."""
        facts = answer if isinstance(answer, dict) else {}
        code = facts.get("code", facts.get("StatusCode"))
        said = self._scrubbed(f"{code} {facts.get('msg', facts.get('StatusMessage', ''))}")
        if isinstance(code, int) and code in _CODES:
            return self._complaint(_CODES[code], said)
        if status == _OK and code == 0:
            return None
        if status != _OK:
            return self._complaint(_by_status(status), f"HTTP {status}")
        return self._complaint("refused", said) if isinstance(code, int) else self._complaint("garbled")

    def _complaint(self, fault: str, said: str = "") -> MailError:
        kind, words = _FAULTS[fault]
        return MailError(words.in_(self.locale).format(said), permanent=kind == _PERMANENT, unknown=kind == _UNKNOWN)

    def _scrubbed(self, text: str) -> str:
        """*text* on one line without our secrets, in case Feishu quotes what it was sent."""
        return one_line(secret.without(text, self.webhook, self.webhook.rsplit("/", 1)[-1], self.secret))

    def _body(self, words: Rendered) -> bytes:
        """The signed card as JSON; the text is cut where the whole would be too long."""
        signed = self._signature()
        text = words.text.strip()
        body = _json(signed | self._card(words.subject, text))
        while len(body) > MOST_BYTES and text:
            text = cut(text, len(text) * 9 // 10 - 1)
            body = _json(signed | self._card(words.subject, text))
        return body

    def _signature(self) -> dict[str, str]:
        """The moment and its signature: the key is both the moment and the secret, the message is empty."""
        if not self.secret:
            return {}
        moment = str(int(self.clock().timestamp()))
        digest = hmac.new(f"{moment}\n{self.secret}".encode(), digestmod=hashlib.sha256).digest()
        return {"timestamp": moment, "sign": base64.b64encode(digest).decode()}

    def _card(self, title: str, text: str) -> dict[str, Any]:  # JSON
        """Plain text everywhere: what a member typed is never read as markup, a link or a call to everybody."""
        elements: list[dict[str, Any]] = [{"tag": "div", "text": _plain(part)} for part in text.split("\n\n") if part]
        if self.link:
            button = {"tag": "button", "type": "primary", "text": _plain(_OPEN.in_(self.locale)), "url": self.link}
            elements.append({"tag": "action", "actions": [button]})
        card = {
            "config": {"wide_screen_mode": True},
            "header": {"title": _plain(title), "template": "red"},
            "elements": elements,
        }
        return {"msg_type": "interactive", "card": card}


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps urllib3 from logging the address, which it does with -vv, while the block lasts."""
    log = logging.getLogger("urllib3.connectionpool")
    log.addFilter(_never)
    try:
        yield
    finally:
        log.removeFilter(_never)


def _never(_record: logging.LogRecord) -> bool:
    return False


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _parsed(content: bytes) -> Any:  # anything JSON can hold
    try:
        return json.loads(content)
    except ValueError:
        return None


def _cause(error: OSError) -> str:
    """The name in `_FAULTS` of what *error* means. Only a connection that never was is sure to have carried nothing."""
    found = trouble(error)
    if found is None or (found.unknown and not found.lasting):
        return "silent"
    return "address" if found.code == "proxy" else found.code


def _by_status(status: int) -> str:
    """The name in `_FAULTS` of an answer without a code that we know."""
    if status == _GATEWAY_TIMEOUT:  # something on the way handed it on and got no answer
        return "silent"
    if status == _TOO_MANY:
        return "busy"
    return "broken" if status >= _BROKEN else "refused"


_CODES = {
    19001: "no_bot",
    19002: "bad_body",
    19021: "signature",
    19022: "ip",
    19024: "keyword",
    9499: "bad_body",
    11232: "busy",
    99991400: "busy",
}
_TEMPORARY, _PERMANENT, _UNKNOWN = "temporary", "permanent", "unknown"
_RETRY = Words("改好后运行 huzhu outbox retry", "Then run huzhu outbox retry")
_CLICK = Words("打开飞书群 → 群设置 → 群机器人 → 点这个机器人", "Open the group → Settings → Bots → this bot")
_OPEN = Words("打开共享表", "Open the shared sheet")

_FAULTS: dict[str, tuple[str, Words]] = {
    "no_bot": (
        _PERMANENT,
        Words(
            f"飞书没有这个群机器人（{{}}）：可能已被移除，或地址没有复制完整。{_CLICK.zh} → 复制 Webhook 地址，"
            f"放进 group.webhook_env 所指的环境变量。{_RETRY.zh}",
            f"Feishu knows no such bot ({{}}): it was removed, or its address is incomplete. {_CLICK.en} → copy the "
            f"webhook address into the environment variable that group.webhook_env names. {_RETRY.en}",
        ),
    ),
    "signature": (
        _PERMANENT,
        Words(
            f"飞书不认群消息的签名（{{}}）。{_CLICK.zh} → 安全设置 → 签名校验 → 复制密钥，放进 group.secret_env "
            f"所指的环境变量；再核对这台电脑的时间。{_RETRY.zh}",
            f"Feishu refuses the signature ({{}}). {_CLICK.en} → Security settings → Signature verification → copy the "
            f"secret into the environment variable that group.secret_env names; check this computer's clock as well. "
            f"{_RETRY.en}",
        ),
    ),
    "ip": (
        _PERMANENT,
        Words(
            f"这台电脑不在群机器人的 IP 白名单里（{{}}）。{_CLICK.zh} → 安全设置 → IP 白名单 → 加上这台电脑的公网 IP，"
            f"或取消勾选，改用签名校验。{_RETRY.zh}",
            f"This computer is not on the bot's IP whitelist ({{}}). {_CLICK.en} → Security settings → IP whitelist → "
            f"add its public address, or clear the box and use signature verification. {_RETRY.en}",
        ),
    ),
    "keyword": (
        _PERMANENT,
        Words(
            f"群机器人要求的关键词不在消息里（{{}}）。{_CLICK.zh} → 安全设置 → 自定义关键词 → 改成“互助”，"
            f"或取消勾选，改用签名校验。{_RETRY.zh}",
            f"The keyword that the bot demands is not in the message ({{}}). {_CLICK.en} → Security settings → Custom "
            f"keywords → clear the box and use signature verification. {_RETRY.en}",
        ),
    ),
    "bad_body": (
        _PERMANENT,
        Words(
            "飞书说群消息的格式不对（{}）。请检查 group.link，或自己改过的 group 模板",
            "Feishu cannot read the group message ({}). Check group.link, and templates of your own for group",
        ),
    ),
    "refused": (
        _PERMANENT,
        Words(
            f"飞书拒收群消息（{{}}）。{_CLICK.zh}，核对地址和安全设置。{_RETRY.zh}",
            f"Feishu refuses the message ({{}}). {_CLICK.en}: check its address and security settings. {_RETRY.en}",
        ),
    ),
    "address": (
        _PERMANENT,
        Words(
            f"群机器人的地址或代理的地址读不了。请检查 group.webhook_env 所指的环境变量和 HTTPS_PROXY。{_RETRY.zh}",
            "The address of the bot or of the proxy cannot be read. Check the environment variable that "
            f"group.webhook_env names, and HTTPS_PROXY. {_RETRY.en}",
        ),
    ),
    "busy": (
        _TEMPORARY,
        Words(
            "飞书此刻消息太多（{}），群消息下次运行再发",
            "Feishu has too many messages now ({}); the next run sends this one",
        ),
    ),
    "broken": (
        _TEMPORARY,
        Words("飞书出了故障（{}），群消息下次运行再发", "Feishu is out of order ({}); the next run sends the message"),
    ),
    "unreachable": (
        _TEMPORARY,
        Words(
            "连不上飞书，群消息下次运行再发。请检查网络，需要代理时设置 HTTPS_PROXY",
            "Feishu cannot be reached; the next run sends the message. Check the network, and HTTPS_PROXY if needed",
        ),
    ),
    "certificate": (
        _TEMPORARY,
        Words(
            "飞书的证书不可信，群消息没有发出。请检查代理，公司代理的证书用 REQUESTS_CA_BUNDLE 指定",
            "Feishu's certificate cannot be trusted; the message was not sent. Check the proxy; REQUESTS_CA_BUNDLE "
            "names a company's own certificates",
        ),
    ),
    "no_certificates": (
        _TEMPORARY,
        Words(
            "找不到 REQUESTS_CA_BUNDLE 所指的证书文件，群消息没有发出",
            "The file of certificates that REQUESTS_CA_BUNDLE names is missing; the message was not sent",
        ),
    ),
    "silent": (
        _UNKNOWN,
        Words(
            "结果未知：群消息已交给飞书，没有等到回答。请看群里有没有，没有就 huzhu outbox retry，有就 sent",
            "Outcome unknown: the message was handed to Feishu, and no answer came. Look into the group: huzhu outbox "
            "retry when it is not there, sent when it is",
        ),
    ),
    "garbled": (
        _UNKNOWN,
        Words(
            "结果未知：飞书的回答读不懂。请看群里有没有，没有就 huzhu outbox retry，有就 sent",
            "Outcome unknown: Feishu's answer cannot be read. Look into the group: huzhu outbox retry when the message "
            "is not there, sent when it is",
        ),
    ),
}
