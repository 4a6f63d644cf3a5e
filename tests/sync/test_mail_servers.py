"""What becomes of each mail, as 提醒邮件 tells it and as servers that are processes of their own count it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from rules.values import Mail, MailStatus
from tests.sync.house import TODAY, huzhu, mails, run
from tests.sync.line import CUT, HUNG_UP, Slip, line
from tests.sync.mail_servers import PASSWORD, USER, MailServer, aiosmtpd, postfix

SERVERS = {"aiosmtpd": aiosmtpd, "postfix": postfix}
TIMEOUT = 0.6


@pytest.fixture(scope="session")
def hire(certificate: Path) -> Iterator[Callable[[str], MailServer]]:
    """The server of that name, started when it is first asked for."""
    hired: dict[str, MailServer] = {}
    with ExitStack() as staff:
        yield lambda name: hired.get(name) or hired.setdefault(name, staff.enter_context(SERVERS[name](certificate)))


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest, hire: Callable[[str], MailServer]) -> MailServer:
    hired = hire(request.param)
    hired.clear()
    return hired


def set_smtp(home: Path, **smtp: object) -> None:
    """The demo's mail goes to a server on loopback."""
    file = home / "config.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["mail"]["transport"] = "smtp"
    settings["mail"]["smtp"] |= {"host": "127.0.0.1", "security": "none", **smtp}
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def known(home: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """known(server, security, password): the demo logs in with it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    monkeypatch.setenv("HUZHU_SMTP_USER", USER)

    def known(server: MailServer, security: str, password: str) -> None:
        monkeypatch.setenv("HUZHU_SMTP_PASSWORD", password)
        named = {"username_env": "HUZHU_SMTP_USER", "password_env": "HUZHU_SMTP_PASSWORD"}
        set_smtp(home, port=server.ports[security], security=security, **named)

    return known


def people(mail: Mail) -> tuple[str, ...]:
    return (mail.to, *mail.cc)


def agree(home: Path, server: MailServer) -> list[Mail]:
    """The mails, when the server holds each that is 已发送, once for each recipient that is not named in 错误.

    Of those whose outcome is unknown it may hold more.
    """
    found = mails(home)
    sent = {(m.mail_id, p) for m in found if m.status is MailStatus.SENT for p in people(m) if f"{p}:" not in m.error}
    taken = server.taken
    assert set(taken.values()) <= {1}, "delivered twice"
    assert sent <= taken.keys(), "called sent, and it was not"
    assert {number for number, _ in taken.keys() - sent} <= {mail.mail_id for mail in found if is_unknown(mail)}
    return found


def is_unknown(mail: Mail) -> bool:
    return mail.status is MailStatus.HELD and mail.error.startswith("结果未知")


def tried(home: Path, server: MailServer) -> list[Mail]:
    return [mail for mail in agree(home, server) if mail.attempts]


# ------------------------------------------------------------------------------------------------ what servers say

GONE, GREY = "zhaolei@service.example", "lihua@service.example"
ANSWERS = {GONE: "550 5.1.1 no longer with us", GREY: "450 4.2.0 greylisted, come back later"}


def fate(mail: Mail) -> tuple[MailStatus, tuple[str, ...]]:
    """What must become of *mail* when the server answers as in ANSWERS, and what its 错误 must hold."""
    refused = [person for person in people(mail) if person in ANSWERS]
    if set(refused) < set(people(mail)):
        return MailStatus.SENT, tuple(part for person in refused for part in (f"{person}: ", ANSWERS[person][:9]))
    return (MailStatus.FAILED, ("450 4.2.0",)) if GREY in refused else (MailStatus.HELD, ("550 5.1.1",))


def test_each_recipients_answer_is_the_fate_of_the_mail(home: Path, server: MailServer) -> None:
    """One connection for all of them. Greylisted mail is delivered by the next run; refused mail waits for a person; of
    mail that left, the coordinator hears who was refused.
    """
    set_smtp(home, port=server.ports["none"])
    server.answer(ANSWERS)
    before = server.logged(": connect from")
    run(home)
    first = tried(home, server)
    assert server.logged(": connect from") == before + 1
    assert {fate(mail) for mail in first} > {
        (MailStatus.SENT, ()),
        (MailStatus.HELD, ("550 5.1.1",)),
        (MailStatus.FAILED, ("450 4.2.0",)),
    }
    assert any(mail.status is MailStatus.SENT and mail.error for mail in first), "nobody was refused beside others"
    for mail in first:
        status, told = fate(mail)
        assert (mail.status, mail.attempts) == (status, 1)
        assert all(part in mail.error for part in told)
        assert bool(mail.error) == bool(told)

    server.answer({GONE: ANSWERS[GONE]})
    run(home)
    second = {mail.mail_id: mail for mail in tried(home, server)}
    for mail in first:
        again = mail.status is MailStatus.FAILED
        assert second[mail.mail_id].status is (MailStatus.SENT if again else mail.status)
        assert second[mail.mail_id].attempts == (2 if again else 1)
    reported = [item for mail in second.values() for item in mail.items if item.startswith("refused:")]
    assert sorted(reported) == sorted(f"refused:{m.mail_id}" for m in first if m.status is MailStatus.SENT and m.error)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_is_encrypted_after_a_log_in(home: Path, server: MailServer, known, security: str) -> None:
    logins = server.logged("sasl_username=")
    known(server, security, PASSWORD)
    run(home)
    assert {mail.status for mail in tried(home, server)} == {MailStatus.SENT}
    assert server.logged("sasl_username=") > logins


def test_a_wrong_password_is_guessed_once_a_run_and_loses_no_mail(home: Path, server: MailServer, known) -> None:
    guesses = server.logged("authentication failed")
    known(server, "starttls", "the one for the web page")
    code, _, err = huzhu("run", "--config", home / "config.yaml", "--as-of", TODAY)
    assert code == 3, err
    assert server.logged("authentication failed") == guesses + 1
    failed = tried(home, server)
    assert {(mail.status, mail.attempts) for mail in failed} == {(MailStatus.FAILED, 1)}
    assert all("授权码" in mail.error and "535" in mail.error for mail in failed)

    known(server, "starttls", PASSWORD)
    run(home)
    sent = Counter((mail.status, mail.attempts) for mail in tried(home, server) if mail.mail_id in ids(failed))
    assert sent == {(MailStatus.SENT, 2): len(failed)}


def ids(of: list[Mail]) -> set[str]:
    return {mail.mail_id for mail in of}


# ----------------------------------------------------------------------------------------- what connections suffer


def test_a_mail_that_got_no_answer_waits_for_a_person_and_never_leaves_again(home: Path, server: MailServer) -> None:
    """Whether the connection was cut or the answer took too long, nobody knows; this server had taken both."""
    slips = {2: CUT, 5: Slip(hold=5 * TIMEOUT)}
    with line(server.ports["none"], slips) as port:
        set_smtp(home, port=port, timeout_seconds=TIMEOUT)
        run(home)
        first = tried(home, server)
        run(home)
    unknown = [mail for mail in first if is_unknown(mail)]
    assert [(mail.status, mail.attempts) for mail in unknown] == [(MailStatus.HELD, 1)] * len(slips)
    assert {mail.status for mail in first if mail not in unknown} == {MailStatus.SENT}
    assert ids(unknown) <= {number for number, _ in server.taken}
    second = {mail.mail_id: mail for mail in tried(home, server)}
    assert [second[mail.mail_id] for mail in first] == first


def test_a_slow_server_and_one_that_hangs_up_between_mails_lose_none(home: Path, server: MailServer) -> None:
    before = server.logged(": connect from")
    with line(server.ports["none"], {1: Slip(hold=2 * TIMEOUT), 4: HUNG_UP}) as port:
        set_smtp(home, port=port, timeout_seconds=TIMEOUT)
        run(home)
    assert {(mail.status, mail.attempts) for mail in tried(home, server)} == {(MailStatus.SENT, 1)}
    assert server.logged(": connect from") == before + 2
