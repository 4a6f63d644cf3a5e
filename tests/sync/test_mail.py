"""How mail leaves, against real servers on real sockets: what left, what did not, and what nobody can know."""

# ruff: noqa: ARG002, N802  # aiosmtpd names its hooks, and hands them what they may want

import base64
import datetime as dt
import email
import errno
import os
import socket
import ssl
import threading
import traceback
from collections import deque
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as WIRE

import pytest
from aiosmtpd.smtp import AuthResult

from rules.values import Mail
from sync.errors import MailError
from sync.mail import TRANSPORTS, Folder, Mailer, Smtp
from sync.wording import Attachment, Rendered, Wording
from tests.sync.postman import Server

HOST = "127.0.0.1"
PASSWORD = "open-sesame-42"
AT = dt.datetime(2025, 11, 6, 1, 7, tzinfo=dt.UTC)
TO, CC = "beijing@example.cn", "shanghai@example.cn"


def mail(
    number: str = "0123456789abcdef", text: str = "Please return it.\n.\n..two dots\n请今天归还。\n", at=AT, files=()
) -> EmailMessage:
    row = Mail(number, AT.date(), TO, (CC,), "主题", text, ())
    words = Rendered("主题", text, attachments=files)
    return Wording("互助联盟", "huzhu@example.cn").message(words, row, reply_to="", at=at)


# ---------------------------------------------------------------------------------------- servers, as they may be


class Desk:
    """Keeps what it is given, and answers each command from a queue of its own, else with yes."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {command: deque(said) for command, said in answers.items()}
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.callers: set[object] = set()
        self.logins: list[tuple[bytes, bytes]] = []

    def _said(self, command: str) -> str:
        return self.answers[command].popleft() if self.answers.get(command) else "250 OK"

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.callers.add(session.peer)
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self._said("MAIL")

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self._said("RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        answer = self._said("DATA")
        if answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.original_content, policy=WIRE))
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(session.ssl is not None)
        return answer

    def authenticate(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login, data.password))
        right = data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=False)


@contextmanager
def serving(desk: Desk, **how: object):
    """The port of a server. how: arguments of aiosmtpd's SMTP."""
    server = Server(desk, hostname=HOST, port=0, **how)
    server.start()
    try:
        yield server.address[1]
    finally:
        server.stop()


@contextmanager
def scripted(*scripts: list[bytes]):
    """The port of a server that plays one script a connection, and what it was told.

    A script is a list of things to say: one at once, then one after each line heard (after a whole mail when it has
    said 354). b"" says nothing; at its end the script hangs up.
    """
    heard: list[bytes] = []
    listener = socket.create_server((HOST, 0))

    def play() -> None:
        for script in scripts:
            with listener.accept()[0] as caller, caller.makefile("rb") as lines:
                caller.settimeout(10)
                for i, say in enumerate(script):
                    if i:
                        end = b".\r\n" if script[i - 1].startswith(b"354") else None
                        for line in lines:
                            heard.append(line)
                            if end in (None, line):
                                break
                    caller.sendall(say)
                with suppress(OSError):  # the other side went first
                    caller.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the script was not played to its end"


@pytest.fixture(scope="module")
def encrypted(certificate):
    """What a server encrypts with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def plain(port: int, **fields: object) -> Smtp:
    return Smtp(HOST, port, **{"security": "none", "timeout": 5.0, "locale": "en", **fields})


def _send_one(smtp: Smtp) -> None:
    with smtp.open() as send:
        assert send(mail()) == ()


def failing(smtp: Smtp, message: EmailMessage | None = None) -> MailError:
    with smtp.open() as send, pytest.raises(MailError) as caught:
        send(message or mail())
    return caught.value


# ------------------------------------------------------------------------------------------------ over the wire


def test_a_mail_arrives_as_it_was_written():
    desk, sent = Desk(), mail()
    with serving(desk) as port, plain(port).open() as send:
        assert send(sent) == ()
    [got] = desk.mails
    assert desk.recipients == [[TO, CC]]
    assert got.get_content() == sent.get_content()
    assert got["Message-ID"] == "<0123456789abcdef@example.cn>"
    assert got["Subject"] == "主题"


def test_a_file_arrives_as_it_was_attached(tmp_path):
    file = Attachment("L-001.ics", "text/calendar; charset=utf-8", ".\r\n..到期\n.\n".encode())
    desk, sent = Desk(), mail(files=(file,))
    with serving(desk) as port, plain(port).open() as smtp, Folder(tmp_path).open() as folder:
        smtp(sent)
        folder(sent)
    written = email.message_from_bytes(next(tmp_path.glob("*.eml")).read_bytes(), policy=WIRE)
    for got in (*desk.mails, written):
        [part] = got.iter_attachments()
        assert (part.get_filename(), part.get_payload(decode=True)) == (file.name, file.content)


def test_a_run_needs_one_connection():
    desk = Desk()
    with serving(desk) as port, plain(port).open() as send:
        for i in range(5):
            send(mail(str(i)))
    assert (len(desk.mails), len(desk.callers)) == (5, 1)


def test_a_run_without_mail_makes_no_connection():
    with plain(1).open():
        pass


def test_mail_is_encrypted_with_starttls(certificate, encrypted):
    desk = Desk()
    with serving(desk, tls_context=encrypted) as port:
        _send_one(plain(port, security="starttls", cafile=certificate / "cert.pem"))
    assert desk.encrypted == [True]


def test_mail_is_encrypted_from_the_start_with_tls(certificate, encrypted):
    desk = Desk()
    with serving(desk, ssl_context=encrypted) as port:
        _send_one(plain(port, security="tls", cafile=certificate / "cert.pem"))
    assert len(desk.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_cannot_prove_its_name_gets_no_mail(encrypted, security):
    desk = Desk()
    how = {"tls_context": encrypted} if security == "starttls" else {"ssl_context": encrypted}
    with serving(desk, **how) as port:
        error = failing(plain(port, security=security))
    assert "certificate" in str(error)
    assert (error.permanent, error.unknown, desk.mails) == (False, False, [])


def test_without_encryption_nothing_is_sent_and_no_password_travels():
    """A server, or someone between, that leaves STARTTLS out must not learn the password."""
    with scripted([b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN LOGIN\r\n", b"221 bye\r\n"]) as (port, heard):
        error = failing(plain(port, security="starttls", username="huzhu", password=PASSWORD))
    assert "mail.smtp.security" in str(error)
    assert not any(line.upper().startswith(b"AUTH") for line in heard)


def test_the_right_password_opens(certificate, encrypted):
    desk = Desk()
    with serving(desk, tls_context=encrypted, authenticator=desk.authenticate, auth_required=True) as port:
        smtp = plain(port, security="starttls", cafile=certificate / "cert.pem", username="huzhu", password=PASSWORD)
        smtp.check()
        _send_one(smtp)
    assert len(desk.mails) == 1
    assert set(desk.logins) == {(b"huzhu", PASSWORD.encode())}


def test_a_wrong_password_names_what_to_set_and_is_tried_once(certificate, encrypted):
    """Asking again for each of 200 mails, or in each way the server knows, is how an account gets locked."""
    desk = Desk()
    with serving(desk, tls_context=encrypted, authenticator=desk.authenticate, auth_required=True) as port:
        smtp = plain(
            port, security="starttls", cafile=certificate / "cert.pem", username="huzhu", password="guess-" + PASSWORD
        )
        with smtp.open() as send:
            for i in range(3):
                with pytest.raises(MailError, match=r"mail\.smtp\.password_env") as caught:
                    send(mail(str(i)))
                assert (caught.value.permanent, caught.value.unknown) == (False, False)
    assert (len(desk.callers), len(desk.logins)) == (1, 1)


def logging_in(offers: bytes, *answers: bytes) -> list[bytes]:
    """The ways to log in that were tried on a server that *offers* some, until it says yes."""
    script = [b"220 hi\r\n", b"250-hi\r\n250 AUTH " + offers + b"\r\n", *answers, b"235 ok\r\n", b"221 bye\r\n"]
    with scripted(script) as (port, heard):
        plain(port, username="huzhu", password=PASSWORD).check()
    return [line.split()[1] for line in heard if line.startswith(b"AUTH")]


def test_a_way_to_log_in_that_the_server_only_claims_to_know_is_passed_over():
    assert logging_in(b"PLAIN CRAM-MD5", b"504 unknown\r\n") == [b"CRAM-MD5", b"PLAIN"]


def test_without_encryption_the_password_does_not_travel_when_it_need_not():
    assert logging_in(b"LOGIN PLAIN CRAM-MD5", b"334 PDFAeD4=\r\n") == [b"CRAM-MD5"]


def test_a_server_that_knows_no_way_to_log_in_of_ours_is_explained():
    with scripted([b"220 hi\r\n", b"250-hi\r\n250 AUTH XOAUTH2\r\n"]) as (port, _):
        error = failing(plain(port, username="huzhu", password=PASSWORD))
    assert "does not offer the encryption or log-in that is set (AUTH XOAUTH2)" in str(error)


@pytest.mark.parametrize("echo", [PASSWORD, base64.b64encode(f"\0huzhu\0{PASSWORD}".encode()).decode()])
def test_no_error_quotes_the_password(echo):
    """Not even when the server repeats what it was sent."""
    script = [b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", f"535 bad: {echo}\r\n".encode()]
    with scripted(script) as (port, _):
        smtp = plain(port, username="huzhu", password=PASSWORD)
        error = failing(smtp)
    told = "".join(traceback.format_exception(error)) + repr(smtp) + str(error)
    assert "***" in str(error)
    assert PASSWORD not in told
    assert echo not in told


def test_a_log_in_refused_for_now_blames_no_password():
    script = [b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", b"454 4.7.0 temporary authentication failure\r\n"]
    with scripted(script) as (port, _):
        error = failing(plain(port, username="huzhu", password=PASSWORD))
    assert (error.permanent, error.unknown) == (False, False)
    assert "454" in str(error)
    assert "password_env" not in str(error)


def test_a_password_in_chinese_is_explained_and_not_quoted():
    with scripted([b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n"]) as (port, _):
        error = failing(plain(port, username="huzhu", password="芝麻开门"))
    assert "ASCII" in str(error)
    assert "芝麻" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("answer", "permanent"), [("451 later", False), ("550 never", True)])
def test_four_hundred_is_later_and_five_hundred_is_never(command, answer, permanent):
    desk = Desk(**{command: [answer] * 2})
    with serving(desk) as port, plain(port).open() as send:
        with pytest.raises(MailError, match=answer) as caught:
            send(mail("refused"))
        desk.answers.clear()
        send(mail("next"))
    assert (caught.value.permanent, caught.value.unknown) == (permanent, False)
    assert [m["Message-ID"] for m in desk.mails] == ["<next@example.cn>"]
    assert len(desk.callers) == 1


@pytest.mark.parametrize("answer", ["450 greylisted", "550 no such user"])
def test_a_recipient_refused_is_named_and_the_others_get_it(answer):
    desk = Desk(RCPT=["250 OK", answer])
    with serving(desk) as port, plain(port).open() as send:
        assert send(mail()) == (f"{CC}: {answer}",)
    assert desk.recipients == [[TO]]


def test_when_all_are_refused_one_that_may_be_accepted_later_decides():
    desk = Desk(RCPT=["550 no such user", "450 greylisted"])
    with serving(desk) as port:
        assert not failing(plain(port)).permanent


ACCEPTED = [b"250 ok\r\n"] * 3
ENVELOPE = [b"220 hi\r\n", b"250 hi\r\n", *ACCEPTED]  # greeting, EHLO, MAIL, RCPT, RCPT


def test_a_connection_lost_after_the_mail_was_handed_over_is_unknown():
    """It may have left: only a person may send it again."""
    with scripted([*ENVELOPE, b"354 go\r\n", b""]) as (port, heard):
        error = failing(plain(port))
    assert error.unknown
    assert not error.permanent
    assert heard[-1] == b".\r\n"


def test_no_answer_to_the_mail_in_time_is_unknown():
    release = threading.Event()
    with socket.create_server((HOST, 0)) as listener:

        def play():
            with listener.accept()[0] as caller, caller.makefile("rb") as lines:
                for say in (*ENVELOPE, b"354 go\r\n"):
                    caller.sendall(say)
                    lines.readline()
                release.wait(10)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        error = failing(plain(listener.getsockname()[1], timeout=0.1))
        release.set()
        thread.join(10)
    assert error.unknown


def test_an_answer_nobody_can_read_is_unknown():
    with scripted([*ENVELOPE, b"354 go\r\n", b"hmm\r\n", b"250 ok\r\n", b"221 bye\r\n"]) as (port, _):
        assert failing(plain(port)).unknown


@pytest.mark.parametrize("lines", range(2, 6))
def test_a_connection_lost_before_the_mail_was_handed_over_is_retryable(lines):
    with scripted([*ENVELOPE[:lines], b""]) as (port, heard):
        error = failing(plain(port))
    assert (error.permanent, error.unknown) == (False, False)
    assert b".\r\n" not in heard


FULL = [*ENVELOPE, b"354 go\r\n", b"250 ok\r\n"]


@pytest.mark.parametrize("farewell", [[b"421 idle too long\r\n"], [b""], []], ids=["421", "hang up", "gone"])
def test_a_server_that_hung_up_between_mails_is_called_again_once(farewell):
    with scripted([*FULL, *farewell], [*FULL, b"221 bye\r\n"]) as (port, heard), plain(port).open() as send:
        assert send(mail("first")) == ()
        assert send(mail("second")) == ()
    assert sum(line == b".\r\n" for line in heard) == 2


def test_a_server_that_hangs_up_again_is_not_called_a_third_time():
    with scripted([*FULL, b""], [*ENVELOPE[:2], b""]) as (port, _), plain(port).open() as send:
        send(mail("first"))
        with pytest.raises(MailError) as caught:
            send(mail("second"))
    assert (caught.value.permanent, caught.value.unknown) == (False, False)


@pytest.mark.parametrize(("answer", "permanent"), [(b"452 full\r\n", False), (b"554 no\r\n", True)])
def test_a_server_may_refuse_to_take_the_mail_at_all(answer, permanent):
    with scripted([*ENVELOPE, answer, b"250 reset\r\n", b"221 bye\r\n"]) as (port, heard):
        error = failing(plain(port))
    assert (error.permanent, error.unknown) == (permanent, False)
    assert b".\r\n" not in heard


def test_a_server_that_closes_instead_of_taking_the_mail_has_refused_it():
    """421 to the mail itself is an answer: it did not leave."""
    with scripted([*ENVELOPE, b"354 go\r\n", b"421 going down\r\n"]) as (port, _):
        error = failing(plain(port))
    assert (error.permanent, error.unknown) == (False, False)


def test_a_greeting_that_never_comes_ends_in_time():
    with socket.create_server((HOST, 0)) as silent:
        error = failing(plain(silent.getsockname()[1], timeout=0.2))
    assert "does not answer" in str(error)
    assert (error.permanent, error.unknown) == (False, False)


def test_a_server_that_is_not_there_is_asked_once_a_run():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with plain(port).open() as send:
        for i in range(2):
            with pytest.raises(MailError, match=r"mail\.smtp\.host") as caught:
                send(mail(str(i)))
            assert (caught.value.permanent, caught.value.unknown) == (False, False)


def test_a_check_says_what_is_wrong_without_sending():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(MailError, match="连不上邮件服务器"):
        plain(port, locale="zh").check()


# --------------------------------------------------------------------------------------------------- as a file


def test_a_mail_is_written_under_its_number(tmp_path):
    with Folder(tmp_path / "outbox").open() as send:
        assert send(mail()) == ()
    [file] = (tmp_path / "outbox").iterdir()
    assert file.name == "0123456789abcdef.eml"
    read = email.message_from_bytes(file.read_bytes(), policy=WIRE)
    assert read.get_content() == mail().get_content()
    assert read["Cc"] == CC


def test_the_same_mail_again_changes_nothing(tmp_path):
    with Folder(tmp_path).open() as send:
        send(mail())
        before = next(tmp_path.iterdir()).stat()
        send(mail())
    assert next(tmp_path.iterdir()).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("links", [True, False])
def test_a_mail_that_was_written_is_never_overwritten(tmp_path, links, monkeypatch):
    """The file says that it left, whatever the sheet says."""
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    with Folder(tmp_path, locale="en").open() as send:
        send(mail())
        with pytest.raises(MailError, match="written before") as caught:
            send(mail(text="something else"))
    assert caught.value.permanent
    [file] = tmp_path.iterdir()
    assert file.read_bytes() == mail().as_bytes()


def _no_links(*_):
    raise OSError(errno.EPERM, "no links here")


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_full_disk_leaves_no_half_written_mail(tmp_path, step, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    with Folder(tmp_path, locale="en").open() as send, pytest.raises(MailError, match="No space left") as caught:
        send(mail())
    assert (caught.value.permanent, caught.value.unknown) == (False, False)
    assert list(tmp_path.iterdir()) == []


def test_a_number_cannot_lead_out_of_the_folder(tmp_path):
    message = mail()
    message.replace_header("Message-ID", "<../../x@example.cn>")
    with Folder(tmp_path / "outbox").open() as send, pytest.raises(MailError) as caught:
        send(message)
    assert caught.value.permanent
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(MailError, match="写不进邮件文件夹"):
        Folder(tmp_path / "outbox").check()


def test_every_transport_is_a_mailer(tmp_path):
    made: list[Mailer] = [TRANSPORTS["folder"](tmp_path), TRANSPORTS["smtp"](HOST, 25)]
    assert sorted(TRANSPORTS) == ["folder", "smtp"]
    assert all(callable(mailer.open) and callable(mailer.check) for mailer in made)
