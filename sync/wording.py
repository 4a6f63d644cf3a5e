"""Letters in words: `Wording.render` gives subject, text and HTML; `Wording.message` the mail that leaves.

The words stand in templates/mail. `<kind>.<locale>.words.j2` holds the sentences, once, as macros, beside those of all
kinds in `shared.<locale>.words.j2`; the layouts `<kind>.txt.j2` and `<kind>.html.j2`, or `items.txt.j2` and
`items.html.j2` for a kind without its own, call them as `say.<macro>(…)` and hold no words of their own. A file named
`<kind>.<locale>.<part>.j2` goes before `<kind>.<part>.j2`, and the alliance's own folder before the shipped one.

What `say` gives is plain text, so that HTML layouts escape it: only layouts produce markup.
Does not send; see sync/mail.py. Source: rules, section 5, and the interface's section on mail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeGuard

from css_inline import CSSInliner
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rules.decide import Plan
from rules.items import Item, Notice, OfLoan
from rules.letters import Letter
from rules.schema import INVENTORY, LOANS, LOCALES, REQUESTS, TABLES
from rules.values import Mail
from rules.words import Words
from sync.errors import MailError, SetupError
from sync.shipped import shipped

BODY_LIMIT = 32_000
"""UTF-16 units in a text body: one cell of an .xlsx file holds 32,767."""

LISTED = 25
"""Items a mail lists in full; the rest are counted."""

FIELD_LIMIT = 200
"""Characters of one fact from the sheet; the rest is cut."""

TEXT_ONLY = ("group",)
"""Kinds of letters without an HTML part."""

ADDRESS_LIMIT = 320
"""Characters of an address: 64 before the @, 255 after it."""

_SEVERITIES = ("error", "held", "warning")
_BREAKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_MAIL_ID = re.compile(r"[0-9A-Za-z_-]+")


class _Subject(UniqueUnstructuredHeader):
    """A subject whose spaces survive folding: those of EmailMessage get lost between two encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """The header's lines, all of it as encoded words."""
        words = Header(str(self), "utf-8", header_name="Subject")
        return f"Subject: {words.encode(linesep=policy.linesep)}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)  # type: ignore[arg-type]  # it mixes the base class in itself
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)  # any server takes it, with or without 8BITMIME


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter. media_type may have parameters: "text/html; charset=utf-8"."""

    name: str
    media_type: str
    content: bytes


Enclosure = Callable[[Plan, date], Attachment]
"""A file that goes with all letters of a kind, made of the plan they come from."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One letter in words. html is "" for a kind without it, and when only the text is known."""

    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()


def one_line(text: str, limit: int = FIELD_LIMIT) -> str:
    """*text* with line breaks, control characters and runs of white space as single spaces, cut to *limit*."""
    encodable = text.encode("utf-8", "replace").decode()
    return cut(_BREAKS.sub(" ", encodable).strip(), limit)


def cut(text: str, limit: int) -> str:
    """*text*, or its beginning and "…" when it has more than *limit* characters."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def money(amount: Decimal) -> str:
    """¥12,000.00: two decimals, exact (never a float)."""
    return f"¥{amount:,.2f}"


def percent(rate: float) -> str:
    """0.856 as 86%."""
    return f"{100 * rate:.0f}%"


def templates(room: str, folder: Path | None = None) -> Environment:
    """The templates of one room ("mail" or "letter"); those in the alliance's own *folder* go first.

    They see facts and nothing behind them: whoever may write into that folder gets words, not this machine.
    Raises SetupError when *folder* is not a folder.
    """
    if folder is not None and not folder.is_dir():
        raise SetupError(f"找不到模板文件夹 {folder}", f"There is no templates folder {folder}")
    return _environment(room, *([folder] if folder is not None else []), shipped("templates"))


@cache
def _environment(room: str, *homes: Path) -> Environment:
    """One for all runs of a process: a template is compiled when it is first used, and again when its file changes."""
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(home / room) for home in homes]),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # the rest is text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cut=cut, money=money, percent=percent, blocks=blocks)
    environment.globals.update(
        tabs={table.name: table.title for table in TABLES},
        headers={column.field: column.header for table in (INVENTORY, REQUESTS, LOANS) for column in table.columns},
    )
    return environment


def blocks(text: str) -> list[list[str]]:
    """The lines of each paragraph of *text*; no fact from the sheet can hold a blank line."""
    return [block.splitlines() for block in re.split(r"\n{2,}", text.strip()) if block]


def styled(html: str) -> str:
    """*html* with its style sheet in the tags, since mail programs drop style sheets. Fetches nothing."""
    return _INLINER.inline(html) if "<style" in html else html


_INLINER = CSSInliner(minify_css=True, load_remote_stylesheets=False)


def sayings(words: Template) -> dict[str, object]:
    """The macros and constants of a words file. Called from Python, a macro gives text, never markup."""
    module = words.module
    names = (name for name in vars(module) if not name.startswith("_"))
    return {name: _plain(getattr(module, name)) for name in names}


class Wording:
    """The letters of one alliance. *sender* is `mail.from`; *folder* its own templates, looked at first.

    enclosures: kind -> what goes with each letter of that kind.
    Raises SetupError when *sender* is not an address or *folder* is not a folder. An empty *sender* can render only.
    """

    def __init__(
        self,
        alliance: str,
        sender: str,
        folder: Path | None = None,
        enclosures: Mapping[str, Enclosure] = MappingProxyType({}),
    ) -> None:
        self._alliance = one_line(alliance)
        self._sender = _sender(sender, self._alliance) if sender else None
        self._templates = templates("mail", folder)
        self._enclosures = enclosures

    def render(self, letter: Letter, as_of: date) -> Rendered:
        """*letter* in words, as true on *as_of*: days are counted from that day, whatever the items say.

        Lists as many items in full, and as many lines in each list of an item, as fit `LISTED` and `BODY_LIMIT`, and
        says how many more there are.
        Raises SetupError naming the template that cannot be used.
        """
        try:
            facts = self._facts(letter, as_of)
            subject = one_line(self._template(letter, "subject").render(facts))
            layout = self._template(letter, "txt")
            listed = LISTED
            text = tidy(layout.render(facts, listed=listed))
            while listed > 1 and _cell_length(text) > BODY_LIMIT:
                listed //= 2
                text = tidy(layout.render(facts, listed=listed))
            html = self._html(letter, {**facts, "listed": listed, "subject": subject})
            return Rendered(subject, text, html, self._entries(letter, listed, as_of))
        except FAULTS as error:
            raise template_fault("mail", error) from error

    def enclosing(self, rendered: Rendered, letter: Letter, plan: Plan, as_of: date) -> Rendered:
        """*rendered* with what goes with every letter of its kind."""
        enclosure = self._enclosures.get(letter.kind)
        files = (enclosure(plan, as_of),) if enclosure else ()
        return replace(rendered, attachments=(*rendered.attachments, *files))

    def _html(self, letter: Letter, facts: Mapping[str, object]) -> str:
        return "" if letter.kind in TEXT_ONLY else styled(self._template(letter, "html").render(facts))

    def _entries(self, letter: Letter, listed: int, as_of: date) -> tuple[Attachment, ...]:
        """A file for the calendar for each loan that the letter lists in full; none while a person must release it."""
        entered = [item for item in _listed(letter, as_of)[:listed] if _entered(item)]
        if not entered or letter.held or self._sender is None:
            return ()
        from sync import ics  # noqa: PLC0415  # the library it needs takes a tenth of a second to load

        say = self._sayings(letter)
        by = ics.Publisher(self._alliance, self._sender, as_of)
        return tuple(Attachment(*ics.file(item, say, by)) for item in entered)

    def message(self, rendered: Rendered, mail: Mail, *, reply_to: str, at: datetime) -> EmailMessage:
        """The mail that leaves: text, HTML, files, from the alliance to *mail*'s addresses, dated *at* (aware).

        *reply_to* may name several addresses, with commas between. The same arguments give the same bytes.
        Raises MailError (permanent) when an address or the mail's number cannot stand in a header.
        """
        if self._sender is None:
            raise SetupError("没有填 mail.from（发件人邮箱）", "mail.from (the sender's address) is not set")
        if not _MAIL_ID.fullmatch(mail.mail_id):
            raise MailError(f"邮件编号不可用: {one_line(mail.mail_id)}", permanent=True)
        message = EmailMessage(policy=_POLICY)
        message["Subject"] = one_line(rendered.subject)
        message["From"] = self._sender
        message["To"] = _address(mail.to)
        if mail.cc:
            message["Cc"] = [_address(text) for text in mail.cc]
        if reply_to:
            message["Reply-To"] = [_address(text) for text in reply_to.split(",")]
        message["Date"] = at
        message["Message-ID"] = f"<{mail.mail_id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_encodable(rendered.text))
        if rendered.html:
            message.add_alternative(_encodable(rendered.html), subtype="html")
            message.set_boundary(f"=_{mail.mail_id}")  # `=_` stands in no base64 and no quoted-printable line
        _attach(message, rendered.attachments, boundary=f"=+{mail.mail_id}")  # no more does `=+`
        return message

    def _template(self, letter: Letter, part: str) -> Template:
        return self._templates.select_template(
            [f"{letter.kind}.{_locale(letter)}.{part}.j2", f"{letter.kind}.{part}.j2", f"items.{part}.j2"]
        )

    def _facts(self, letter: Letter, as_of: date) -> dict[str, object]:
        items = _listed(letter, as_of)
        return {
            "alliance": self._alliance,
            "as_of": as_of,
            "enclosed": letter.kind in self._enclosures,
            "entered": next(filter(_entered, items), None),
            "greeting": one_line(letter.greeting),
            "items": items,
            "kind": letter.kind,
            "locale": _locale(letter),
            "reply_to": letter.reply_to,
            "say": self._sayings(letter),
            "severities": Counter(item.severity for item in items if isinstance(item, Notice)),
        }

    def _sayings(self, letter: Letter) -> Mapping[str, object]:
        """What all letters say, what entries for the calendar do, and what this kind says in its place."""
        shared, entry = (self._templates.get_template(f"{name}.{_locale(letter)}.words.j2") for name in _FOR_ALL)
        return sayings(shared) | sayings(entry) | sayings(self._template(letter, "words"))


def _attach(message: EmailMessage, attachments: Iterable[Attachment], boundary: str) -> None:
    """Adds *attachments* after what the letter says; without any the message stays as it is."""
    for each in attachments:
        kind = _POLICY.header_factory("Content-Type", each.media_type)
        message.add_attachment(
            each.content,
            maintype=kind.maintype,
            subtype=kind.subtype,
            filename=one_line(each.name),
            params=kind.params,
        )
        message.set_boundary(boundary)


def _plain(saying: Any) -> object:  # a jinja2 Macro, or a constant of the words file
    if not callable(saying):
        return saying
    return _said(saying)


def _said(macro: Callable[..., str]) -> Callable[..., str]:
    return lambda *facts: str(macro(*facts)).strip()


def _locale(letter: Letter) -> str:
    return letter.locale if letter.locale in LOCALES else LOCALES[0]


_FOR_ALL = ("shared", "entry")


def _listed(letter: Letter, as_of: date) -> list[Item]:
    """The items as true on *as_of*, in the order in which the letter lists them."""
    return sorted((_as_true_on(as_of, item) for item in letter.items), key=_urgency)


def _entered(item: Item) -> TypeGuard[OfLoan]:
    return isinstance(item, OfLoan) and item.entry is not None


def _as_true_on(as_of: date, item: Item) -> Item:
    """*item* with one-line facts, and with the days of *as_of*."""
    item = one_lined(item)
    return replace(item, days=(as_of - item.due).days) if isinstance(item, OfLoan) else item


def _urgency(item: Item) -> int:
    """Notices by severity; everything else stays in the order of the letter."""
    return _SEVERITIES.index(item.severity) if isinstance(item, Notice) and item.severity in _SEVERITIES else 0


def one_lined(value: Any, clean: Callable[[str], str] = one_line) -> Any:  # facts: a dataclass, a row, or a part of one
    """*value* with every text in it on one line, or as *clean* gives it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Words):
        return Words(*map(clean, value))
    if isinstance(value, tuple | list):
        return tuple(one_lined(each, clean) for each in value)
    if isinstance(value, Mapping):
        return {one_lined(key, clean): one_lined(each, clean) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: one_lined(getattr(value, f.name), clean) for f in fields(value)})
    return value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def tidy(text: str) -> str:
    """Text without white space at line ends and without more than one blank line in a row."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() + "\n"


def _cell_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _address(text: str, name: str = "") -> Address:
    """One address, its domain in ASCII. Raises MailError (permanent) when *text* is anything else."""
    try:
        local, _, domain = one_line(text, ADDRESS_LIMIT).rpartition("@")
        return Address(name, addr_spec=f"{local}@{domain.encode('idna').decode()}".encode("ascii").decode())
    except (ValueError, HeaderParseError, IndexError) as error:
        raise MailError(f"邮箱地址不可用: {one_line(text)}", permanent=True) from error


def _sender(text: str, alliance: str) -> Address:
    """`mail.from` as an address; the alliance's name stands before it when it has none of its own."""
    try:
        [(name, address)] = getaddresses([one_line(text)])
        return _address(address, one_line(name) or alliance)
    except (ValueError, MailError) as error:
        raise SetupError(
            f"mail.from 不是邮箱地址: {one_line(text)}；例如 互助联盟 <huzhu@example.cn>",
            f"mail.from is not an address: {one_line(text)}; write it as Alliance <huzhu@example.com>",
        ) from error


FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a template can raise: those of jinja2, and those of what it computes."""


def template_fault(room: str, error: Exception) -> SetupError:
    """What is wrong with a template of *room*, and where."""
    name, line = getattr(error, "name", None) or "", getattr(error, "lineno", None) or ""
    where = f"templates/{room} {name} {line}".strip()
    return SetupError(f"模板有误（{where}）：{error}", f"A template is wrong ({where}): {error}")
