"""Mail over SMTP. See `Mailer` in sync/mail.py for what opening, sending and checking promise.

A lost connection is told apart by what it leaves behind: before the mail was handed over nothing left (try again);
after it, and before the answer, nobody knows (never again by itself). What another mail cannot help, an unreachable
server or a refused log-in, is tried once a run. No error quotes the password.
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import Literal

from rules.words import Words
from sync import secret
from sync.errors import MailError

Security = Literal["starttls", "tls", "none"]

_OK, _FORWARDED = 250, 251
_CLOSING = 421  # RFC 5321, section 3.8: the server closes the channel after this answer
_PERMANENT = 500  # RFC 5321, section 4.2.1: from here on "no" means never, below it "not now"

_WAYS = (("PLAIN", "LOGIN", "CRAM-MD5"), ("CRAM-MD5", "PLAIN", "LOGIN"))
"""Ways to log in, in our order: over an encrypted connection, and over one where only CRAM-MD5 hides the password."""
_NOT_THIS_WAY = (504, 534, 538)  # RFC 4954, section 6: unknown, too weak, only when encrypted

_PATIENCE = 4  # times the timeout, for the answer to the mail itself; RFC 5321, section 4.5.3.2, asks for more


@dataclass(frozen=True, slots=True)
class Smtp:
    """Sends through a mail server: one connection a run, made again once when the server has hung up between mails.

    security: "starttls" (never falls back to plain text), "tls" (encrypted from the start) or "none". Certificates are
    verified, against the system's authorities or *cafile*. Logs in only when there is a *username*.
    """

    host: str
    port: int
    security: Security = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0
    cafile: str | None = None
    locale: str = "zh"

    @contextmanager
    def open(self) -> Iterator[Callable[[EmailMessage], tuple[str, ...]]]:
        """One run's connection, made at the first mail and closed at the end."""
        connection = _Connection(self)
        try:
            yield connection.send
        finally:
            connection.close()

    def check(self) -> None:
        """Whether the server lets us in: connects, logs in, says good-bye."""
        connection = _Connection(self)
        try:
            connection.check()
        finally:
            connection.close()


class _HungUp(Exception):
    """The connection ended before any of the mail was handed over."""


class _Connection:
    """A run's connection. Once the server could not be reached or refused the log-in, it is not asked again."""

    def __init__(self, server: Smtp) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self._closed_to_us = ""

    def check(self) -> None:
        self._connected()

    def send(self, message: EmailMessage) -> tuple[str, ...]:
        """Hands *message* over. See `Send` in sync/mail.py."""
        if self._smtp is not None:
            with suppress(_HungUp):
                return self._attempt(message)
        try:
            return self._attempt(message)
        except _HungUp as end:
            raise MailError(self._words("hung up", str(end))) from None

    def close(self) -> None:
        """Says good-bye, if the server still listens."""
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
        self._drop()

    def _attempt(self, message: EmailMessage) -> tuple[str, ...]:
        smtp = self._connected()
        try:
            return self._transaction(smtp, message)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise _HungUp(self._scrubbed(str(error))) from None

    def _transaction(self, smtp: smtplib.SMTP, message: EmailMessage) -> tuple[str, ...]:
        """MAIL, RCPT…, DATA. Up to DATA a lost connection is just that; after it, the mail may have left."""
        (sender, recipients), payload = _envelope(message), _payload(message)
        self._agreed(smtp.mail(sender), "sender")
        answers = {recipient: smtp.rcpt(recipient) for recipient in recipients}
        refused = {who: answer for who, answer in answers.items() if answer[0] not in (_OK, _FORWARDED)}
        if len(refused) == len(answers):
            self._agreed(min(refused.values()), "recipients")  # one that may be accepted later decides
        self._agreed(smtp.docmd("DATA"), "data")
        try:
            answer = self._handed_over(smtp, payload)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailError(self._words("unknown", self._scrubbed(str(error))), unknown=True) from None
        self._agreed(answer, "content")
        return tuple(f"{who}: {self._said(answer)}" for who, answer in refused.items())

    def _handed_over(self, smtp: smtplib.SMTP, payload: bytes) -> tuple[int, bytes]:
        """The answer to the mail itself. Waited for longer: many servers look at the content first."""
        if smtp.sock is not None:
            smtp.sock.settimeout(self._server.timeout * _PATIENCE)
        smtp.send(payload)
        answer = smtp.getreply()
        if smtp.sock is not None:
            smtp.sock.settimeout(self._server.timeout)
        return answer

    def _agreed(self, answer: tuple[int, bytes], step: str) -> None:
        """Returns when the server said yes. Raises MailError, by its code, or _HungUp when it is closing."""
        code = answer[0]
        if str(code)[0] in "23":
            return
        if code == _CLOSING and step != "content":
            raise smtplib.SMTPServerDisconnected(self._said(answer))
        self._reset()
        unknown = step == "content" and code < 0  # an answer, but not one that can be read
        fault = "unknown" if unknown else step
        raise MailError(self._words(fault, self._said(answer)), permanent=code >= _PERMANENT, unknown=unknown)

    def _reset(self) -> None:
        """Forgets the mail in hand, so that the next one can go over the same connection."""
        try:
            if self._smtp is not None and self._smtp.rset()[0] == _OK:
                return
        except (smtplib.SMTPException, OSError):
            pass
        self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _connected(self) -> smtplib.SMTP:
        """The connection, greeted, encrypted and logged in. Raises MailError (temporary) when it cannot be had."""
        if self._closed_to_us:
            raise MailError(self._closed_to_us)
        if self._smtp is None:
            try:
                self._smtp = _greeted(self._server)
                _let_in(self._smtp, self._server)
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                self._drop()
                self._closed_to_us = self._words(_cause(error), self._scrubbed(_answer(error)))
                raise MailError(self._closed_to_us) from None  # the cause may quote what we sent
        return self._smtp

    def _words(self, fault: str, answer: str) -> str:
        server = self._server
        return _FAULTS[fault].in_(server.locale).format(f"{server.host}:{server.port}", answer)

    def _said(self, answer: tuple[int, bytes]) -> str:
        return self._scrubbed(f"{answer[0]} {answer[1].decode('utf-8', 'replace')}")

    def _scrubbed(self, text: str) -> str:
        """*text* on one line, without the password, in case the server quotes what it was sent."""
        user, password = self._server.username, self._server.password
        if password:
            login = (f"\0{user}\0{password}", f"{user}\0{user}\0{password}")
            text = secret.without(text, password, _base64(password), *map(_base64, login))
        return " ".join(text.split())[:300]


def _greeted(server: Smtp) -> smtplib.SMTP:
    """A connection on which the server has said hello. An address literal names us: a look-up may take seconds."""
    us = "[127.0.0.1]"
    if server.security == "tls":
        context = ssl.create_default_context(cafile=server.cafile)
        return smtplib.SMTP_SSL(server.host, server.port, us, timeout=server.timeout, context=context)
    return smtplib.SMTP(server.host, server.port, us, timeout=server.timeout)


def _let_in(smtp: smtplib.SMTP, server: Smtp) -> None:
    smtp.ehlo_or_helo_if_needed()
    if server.security == "starttls":
        smtp.starttls(context=ssl.create_default_context(cafile=server.cafile))
        smtp.ehlo_or_helo_if_needed()  # what was said before the encryption does not count
    if server.username:
        _log_in(smtp, server)


def _log_in(smtp: smtplib.SMTP, server: Smtp) -> None:
    """Logs in, in the first way that both sides know. A refusal ends it: each further way is one more wrong guess."""
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    ways = [way for way in _WAYS[server.security == "none"] if way in offered]
    for way in ways:
        smtp.esmtp_features["auth"] = way  # left with all of them, `login` would go on to the next
        try:
            smtp.login(server.username, server.password)
        except smtplib.SMTPAuthenticationError as error:
            if way == ways[-1] or error.smtp_code not in _NOT_THIS_WAY:
                raise
        else:
            return
    raise smtplib.SMTPNotSupportedError("AUTH " + " ".join(offered))


def _envelope(message: EmailMessage) -> tuple[str, list[str]]:
    """The sender's address, and those of To and Cc, each once."""
    recipients = [address.addr_spec for name in ("To", "Cc") if message[name] for address in message[name].addresses]
    return message["From"].addresses[0].addr_spec, list(dict.fromkeys(recipients))


def _payload(message: EmailMessage) -> bytes:
    """The mail as DATA sends it: CRLF line ends, leading dots doubled, a lone dot at the end."""
    content = message.as_bytes(policy=WIRE)
    return re.sub(rb"^\.", b"..", content, flags=re.MULTILINE).removesuffix(b"\r\n") + b"\r\n.\r\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _answer(error: Exception) -> str:
    """What the server or the system said, without the quotes and brackets of Python."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, UnicodeEncodeError):
        return ""  # Python would quote the password
    return getattr(error, "strerror", None) or str(error)


def _cause(error: Exception) -> str:
    """The name in `_FAULTS` of what *error* means to the operator: the first kind that fits."""
    if isinstance(error.__context__, TimeoutError):
        return "timeout"
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code < _PERMANENT:
        return "log-in later"
    return next(fault for kind, fault in _CAUSES if isinstance(error, kind))


_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "login"),
    (smtplib.SMTPNotSupportedError, "unsupported"),
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "encryption"),
    (TimeoutError, "timeout"),
    (UnicodeEncodeError, "ascii"),
    (Exception, "connection"),
)

_FAULTS: dict[str, Words] = {
    "login": Words(
        "邮件服务器 {} 拒绝登录（{}）。请检查 mail.smtp.username_env、"
        "mail.smtp.password_env（或 password_file）所指的内容；QQ、163、飞书等邮箱要填客户端授权码，不是登录密码",
        "The mail server {} refused the log-in ({}). Check what mail.smtp.username_env and "
        "mail.smtp.password_env (or password_file) name; QQ, 163, Feishu and many others "
        "want an authorisation code (授权码, app password) there, not the password of the web page",
    ),
    "log-in later": Words(
        "邮件服务器 {} 现在不能登录（{}），密码未必有错，稍后再运行",
        "The mail server {} takes no log-in now ({}). The password may be right; run again later",
    ),
    "ascii": Words(
        "邮件服务器 {} 的用户名或密码含有非英文字符{}，请检查 mail.smtp.username_env 和 mail.smtp.password_env",
        "The user name or password for {} has characters beyond ASCII{}; check mail.smtp.username_env and "
        "mail.smtp.password_env",
    ),
    "unsupported": Words(
        "邮件服务器 {} 不支持所设的加密或登录方式（{}）。"
        "请检查 mail.smtp.security 和 mail.smtp.port（starttls 587，tls 465）",
        "The mail server {} does not offer the encryption or log-in that is set ({}). Check mail.smtp.security and "
        "mail.smtp.port (starttls 587, tls 465)",
    ),
    "certificate": Words(
        "邮件服务器 {} 的证书不可信（{}）。请检查 mail.smtp.host 是否与证书上的名称一致",
        "The certificate of the mail server {} cannot be trusted ({}). Check that mail.smtp.host is the name on it",
    ),
    "encryption": Words(
        "与邮件服务器 {} 建立加密失败（{}）。请检查 mail.smtp.security 和 mail.smtp.port（starttls 587，tls 465）",
        "No encryption with the mail server {} ({}). Check mail.smtp.security and mail.smtp.port (starttls 587, "
        "tls 465)",
    ),
    "timeout": Words(
        "邮件服务器 {} 没有回答（{}）。"
        "请检查 mail.smtp.host、mail.smtp.port 和 mail.smtp.security（starttls 587，tls 465）",
        "The mail server {} does not answer ({}). Check mail.smtp.host, mail.smtp.port and mail.smtp.security "
        "(starttls 587, tls 465)",
    ),
    "connection": Words(
        "连不上邮件服务器 {}（{}）。请检查 mail.smtp.host 和 mail.smtp.port",
        "No connection to the mail server {} ({}). Check mail.smtp.host and mail.smtp.port",
    ),
    "hung up": Words(
        "邮件服务器 {} 中断了连接，邮件未发出（{}）", "The mail server {} hung up before the mail left ({})"
    ),
    "unknown": Words(
        "结果未知：邮件已交给 {}，没有等到回答（{}）",
        "Outcome unknown: the mail was handed to {}, and no answer came ({})",
    ),
    "sender": Words(
        "邮件服务器 {} 不接受发件人 mail.from（{}）。多数邮箱要求它就是登录的账号",
        "The mail server {} refuses the sender, mail.from ({}). Many want it to be the account that logs in",
    ),
    "recipients": Words("邮件服务器 {} 不接受收件人（{}）", "The mail server {} refuses every recipient ({})"),
    "data": Words("邮件服务器 {} 现在不收邮件（{}）", "The mail server {} takes no mail now ({})"),
    "content": Words("邮件服务器 {} 拒收这封邮件（{}）", "The mail server {} refuses this mail ({})"),
}
