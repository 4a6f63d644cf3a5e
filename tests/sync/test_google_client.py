"""Calls to Google: where they go, how often, how long, what is repeated, and what the operator is told."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import ssl
import string
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.oauth2.credentials import Credentials

from sync.errors import HuzhuError, RunFailed, SetupError
from sync.google import complaints, credentials
from sync.google.client import Client
from sync.google.complaints import Refused, explained
from tests.emulators.served import BAD_GATEWAY, Answer, Call, Emulator, Fault
from tests.sync.cycles import Clock

ACCOUNT = "robot@alliance.iam.gserviceaccount.com"
UNAVAILABLE = Answer(503, {"error": {"code": 503, "message": "The service is currently unavailable."}})
# Recorded; the answer carries no Retry-After.
OVER_QUOTA = Answer(
    429,
    {
        "error": {
            "code": 429,
            "message": "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of"
            " service 'sheets.googleapis.com' for consumer 'project_number:0'.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"},
            ],
        }
    },
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def google() -> Iterator[Emulator]:
    """Answers every call of the Sheets API with what was asked; the token endpoint gives token-1, token-2, ..."""
    tokens = itertools.count(1)

    def answer(call: Call) -> Answer:
        if call.path == "/token":
            return Answer(200, {"access_token": f"token-{next(tokens)}", "expires_in": 3600, "token_type": "Bearer"})
        return Answer(200, {"asked": call.path})

    with Emulator(answer) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def info(key: rsa.RSAPrivateKey, google: Emulator) -> dict[str, str]:
    """What Google's console lets one download, but for the address of the login."""
    return {
        "type": "service_account",
        "project_id": "alliance",
        "private_key_id": "0123",
        "private_key": pem(key),
        "client_email": ACCOUNT,
        "token_uri": f"{google.url}/token",
        "universe_domain": "googleapis.com",
    }


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def client(google: Emulator | str, clock: Clock, auth: Any = None, **settings: Any) -> Client:
    url = google if isinstance(google, str) else google.url
    return Client(
        auth or Credentials("given"),
        base_url=url,
        service_account=ACCOUNT,
        sleep=clock.sleep,
        monotonic=clock,
        **settings,
    )


def read(of: Client) -> Any:
    return of.fetch_sheet_metadata("1abc")


def write(of: Client) -> Any:
    return of.batch_update("1abc", {"requests": []})


def first(*faults: Fault | None, path: str = "/v4") -> Callable[[Call], Fault | None]:
    """These faults, one for each of the first calls to *path*."""
    left = iter(faults)
    return lambda call: next(left, None) if call.path.startswith(path) else None


def always(answer: Answer, path: str = "/v4") -> Callable[[Call], Fault | None]:
    return lambda call: Fault(answer=answer) if call.path.startswith(path) else None


def failure(of: Client, call: Callable[[Client], Any] = read) -> HuzhuError:
    with pytest.raises(HuzhuError) as raised:
        call(of)
    assert raised.value.words.zh != raised.value.words.en
    for sentence in raised.value.words:
        assert "\n" not in sentence
        assert "Traceback" not in sentence
        assert "{" not in sentence
    return raised.value


# Where calls go


def test_both_hosts_of_google_lead_to_the_base_url(google: Emulator, clock: Clock) -> None:
    ours = client(google.url + "/", clock)
    ours.request("get", "https://sheets.googleapis.com/v4/spreadsheets/1abc", params={"alt": "json"})
    ours.request("get", "https://www.googleapis.com/drive/v3/files/1abc")
    assert [call.path for call in google.calls] == ["/v4/spreadsheets/1abc", "/drive/v3/files/1abc"]
    assert google.calls[0].one("alt") == "json"


def test_a_call_without_a_base_url_goes_to_google(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    asked = record_lookups(monkeypatch)
    for host in ("sheets.googleapis.com", "www.googleapis.com"):
        ours = Client(Credentials("given"), sleep=clock.sleep, monotonic=clock)
        assert f"({host})" in str(failure(ours, lambda ours, host=host: ours.request("get", f"https://{host}/v4")))
    assert set(asked) == {"sheets.googleapis.com", "www.googleapis.com"}


def test_a_netrc_file_does_not_replace_the_login(
    google: Emulator, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    read(client(google, clock))
    assert google.calls[0].headers["authorization"] == "Bearer given"


# What is repeated

LOST = {
    "cut before": Fault(),
    "cut after": Fault(served=True),
    "truncated": Fault(served=True, body_bytes=5),
    "page instead of an answer": Fault(
        served=True, answer=Answer(200, "<html>Log in to the Wi-Fi</html>", "text/html")
    ),
    "502 page": Fault(answer=BAD_GATEWAY),
    **{str(status): Fault(answer=Answer(status, UNAVAILABLE.body)) for status in (408, 500, 503, 504)},
    "429": Fault(answer=OVER_QUOTA),
    "403 of the quota": Fault(
        answer=Answer(403, {"error": {"message": "Rate Limit Exceeded", "errors": [{"reason": "rateLimitExceeded"}]}})
    ),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
@pytest.mark.parametrize("call", [read, write])
def test_a_lost_call_is_sent_again(google: Emulator, clock: Clock, call: Callable[[Client], Any], fault: Fault) -> None:
    google.fault = first(fault, fault)
    ours = client(google, clock)
    assert call(ours)["asked"].startswith("/v4/spreadsheets/1abc")
    assert ours.calls == {"read": 3 * (call is read), "write": 3 * (call is write)}
    assert len({(each.path, each.body) for each in google.calls}) == 1
    assert len(clock.slept) == 2


def test_silence_is_a_lost_call(google: Emulator, clock: Clock) -> None:
    google.fault = first(Fault(delay=0.5, served=True))
    ours = client(google, clock, timeout=(5.0, 0.1))
    assert read(ours) == {"asked": "/v4/spreadsheets/1abc"}
    assert ours.calls["read"] == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_is_not_repeated(google: Emulator, clock: Clock, status: int) -> None:
    google.fault = always(
        Answer(status, {"error": {"message": "No.", "details": [{"@type": "Help"}, {"reason": "BECAUSE"}]}})
    )
    ours = client(google, clock)
    with pytest.raises(Refused) as refused:
        write(ours)
    error = refused.value
    assert (error.status, error.message, error.reason, error.repeated) == (status, "No.", "BECAUSE", False)
    assert len(google.calls) == 1
    assert clock.slept == []


def test_a_refusal_that_is_a_page_says_its_title(google: Emulator, clock: Clock) -> None:
    google.fault = always(Answer(403, "<html><head><title>Error 403 (Forbidden)!!1</title>", "text/html"))
    with pytest.raises(Refused) as refused:
        read(client(google, clock))
    assert (refused.value.status, refused.value.message) == (403, "Error 403 (Forbidden)!!1")


IN_USE = Answer(400, {"error": {"message": "Metadata with id 7 already exists."}})


@pytest.mark.parametrize(
    ("lost", "repeated"),
    [
        (Fault(served=True), True),
        (Fault(served=True, body_bytes=3), True),
        (Fault(answer=UNAVAILABLE), True),
        (Fault(answer=OVER_QUOTA), False),  # refused before it was looked at
    ],
)
def test_a_refused_repeat_says_whether_the_first_may_have_taken_effect(
    google: Emulator, clock: Clock, *, lost: Fault, repeated: bool
) -> None:
    google.fault = first(lost, Fault(answer=OVER_QUOTA), Fault(answer=IN_USE))
    with pytest.raises(Refused) as refused:
        write(client(google, clock))
    assert refused.value.repeated is repeated


def test_a_call_that_never_left_has_not_taken_effect(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at first; the service comes up while we wait."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with contextlib.ExitStack() as up:
        monkeypatch.setattr(clock, "sleep", lambda _: up.enter_context(Emulator(lambda _: IN_USE, port)))
        ours = client(f"http://127.0.0.1:{port}", clock)
        with pytest.raises(Refused) as refused:
            write(ours)
    assert ours.calls["write"] == 2
    assert refused.value.repeated is False


# How long, how often


def test_waits_grow_and_are_never_in_step(google: Emulator, clock: Clock) -> None:
    google.fault = always(BAD_GATEWAY)
    assert "502" in str(failure(client(google, clock)))
    assert len(google.calls) == 6
    assert all(0 <= waited <= 2**n for n, waited in enumerate(clock.slept, start=1))
    assert len(set(clock.slept)) == 5


def test_waits_for_a_quota_outlast_a_minute(google: Emulator, clock: Clock) -> None:
    google.fault = lambda _call: Fault(answer=OVER_QUOTA) if clock.now < 1060 else None
    assert read(client(google, clock)) == {"asked": "/v4/spreadsheets/1abc"}


@pytest.mark.parametrize(("asked", "honoured"), [("17", True), ("86400", False), ("-1", False), ("soon", False)])
def test_google_says_when_to_come_back(google: Emulator, clock: Clock, *, asked: str, honoured: bool) -> None:
    google.fault = first(Fault(answer=Answer(503, UNAVAILABLE.body, headers={"Retry-After": asked})))
    read(client(google, clock))
    assert (clock.slept == [17.0]) is honoured
    assert sum(clock.slept) <= 17


def test_no_wait_goes_past_the_deadline(google: Emulator, clock: Clock) -> None:
    google.fault = always(Answer(503, UNAVAILABLE.body, headers={"Retry-After": "60"}))
    error = failure(client(google, clock, deadline_seconds=150))
    assert type(error) is RunFailed
    assert clock.now == 1120
    assert len(google.calls) == 3


def test_a_run_past_its_deadline_calls_nobody(google: Emulator, clock: Clock) -> None:
    ours = client(google, clock, deadline_seconds=300)
    clock.now += 300
    assert "5 minutes" in str(failure(ours))
    assert google.calls == []


def test_a_read_waits_no_longer_than_the_run_has_left(google: Emulator) -> None:
    google.fault = lambda _call: Fault(delay=5, served=True)
    ours = Client(Credentials("given"), base_url=google.url, deadline_seconds=0.3)
    assert "did not answer" in str(failure(ours))
    assert ours.calls["read"] == 1


def test_calls_keep_within_the_pace_of_a_minute(google: Emulator, clock: Clock) -> None:
    times: dict[str, list[float]] = {"GET": [], "POST": []}
    google.between = lambda call: times[call.method].append(clock.now)
    ours = client(google, clock, per_minute=3)
    for _ in range(7):
        read(ours)
        clock.now += 5
    write(ours)
    for earlier, later in zip(times["GET"], times["GET"][3:], strict=False):
        assert later - earlier >= 60
    assert times["GET"][3] == 1060  # not a moment later than needed
    assert times["POST"] == [clock.now]  # writes have a quota of their own


def test_repeats_count_for_the_pace(google: Emulator, clock: Clock) -> None:
    google.fault = first(Fault(answer=UNAVAILABLE), Fault(answer=UNAVAILABLE))
    ours = client(google, clock, per_minute=3)
    read(ours)
    read(ours)
    assert clock.now == 1060


# Logging in


def test_a_service_account_logs_in_with_its_key(
    google: Emulator, clock: Clock, info: dict[str, str], key: rsa.RSAPrivateKey
) -> None:
    ours = client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY"))
    read(ours)
    read(ours)
    assert [call.path for call in google.calls] == ["/token", "/v4/spreadsheets/1abc", "/v4/spreadsheets/1abc"]
    assert {call.headers["authorization"] for call in google.calls[1:]} == {"Bearer token-1"}
    assert ours.calls == {"read": 2, "write": 0}
    form = parse_qs(google.calls[0].body.decode())
    head, claims, signature = form["assertion"][0].split(".")
    said = json.loads(unpadded(claims))
    assert (said["iss"], said["scope"]) == (ACCOUNT, "https://www.googleapis.com/auth/spreadsheets")
    key.public_key().verify(
        unpadded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )  # raises where the signature is wrong


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def record_lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host whose address is asked for from now on; only loopback is answered."""
    asked: list[str] = []
    lookup = socket.getaddrinfo

    def recorded(host: str, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return lookup(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", recorded)
    return asked


def test_nobody_else_is_asked_about_the_service_account(
    google: Emulator, clock: Clock, info: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-auth's own session asks iamcredentials.googleapis.com, in a thread that no timeout of ours reaches."""
    asked = record_lookups(monkeypatch)
    before = set(threading.enumerate())
    read(client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY")))
    for thread in set(threading.enumerate()) - before:
        if "process_request" not in thread.name:  # the emulator's own
            thread.join(10)
    assert set(asked) == {"127.0.0.1"}


TEMPORARY = {
    "503": Fault(answer=Answer(503, "<html>", "text/html")),
    "429": Fault(answer=Answer(429, {"error": "rate_limited"})),
    "cut": Fault(),
    "truncated": Fault(served=True, body_bytes=9),
    "page": Fault(answer=Answer(200, "<html>Log in to the Wi-Fi</html>", "text/html")),
    "internal failure": Fault(answer=Answer(400, {"error": "internal_failure"})),
}


@pytest.mark.parametrize("fault", TEMPORARY.values(), ids=TEMPORARY)
def test_a_lost_login_is_tried_again(google: Emulator, clock: Clock, info: dict[str, str], fault: Fault) -> None:
    google.fault = first(fault, fault, path="/token")
    ours = client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY"))
    assert read(ours) == {"asked": "/v4/spreadsheets/1abc"}
    assert [call.path for call in google.calls].count("/token") == 3
    assert len(clock.slept) == 2  # no wait but ours: google-auth's own would be real
    assert ours.calls["read"] == 1


def test_a_login_that_stays_away_ends_the_run(google: Emulator, clock: Clock, info: dict[str, str]) -> None:
    google.fault = always(UNAVAILABLE, path="/token")
    error = failure(client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY")))
    assert type(error) is RunFailed
    assert "503" in str(error)
    assert len(google.calls) == 6


def test_a_silent_login_is_given_up(google: Emulator, clock: Clock, info: dict[str, str]) -> None:
    google.fault = lambda call: Fault(delay=0.5, served=True) if call.path == "/token" else None
    ours = client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY"), timeout=(5.0, 0.02))
    assert "did not answer" in str(failure(ours))


def test_a_token_withdrawn_before_its_time_is_renewed_once(
    google: Emulator, clock: Clock, info: dict[str, str]
) -> None:
    unauthorized = Fault(answer=Answer(401, {"error": {"message": "Invalid Credentials"}}))
    google.fault = first(unauthorized)
    ours = client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY"))
    assert read(ours) == {"asked": "/v4/spreadsheets/1abc"}
    assert [call.headers.get("authorization") for call in google.calls] == [
        None, "Bearer token-1", None, "Bearer token-2",
    ]  # fmt: skip
    google.fault = first(unauthorized, unauthorized)
    with pytest.raises(Refused, match="Invalid Credentials"):
        read(ours)
    assert ours.calls["read"] == 4
    assert clock.slept == []


NO_LOGIN = {
    "Invalid JWT Signature.": "Add key → JSON",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp"
    " values in the JWT claim.": "clock",
    "Invalid grant: account not found": "was deleted or disabled",
    "Robot is disabled.": "was deleted or disabled",
    "Something new.": "refuses the login of the service account " + ACCOUNT + ": invalid_grant: Something new.",
}


@pytest.mark.parametrize(("said", "told"), NO_LOGIN.items())
def test_a_refused_login_says_what_to_do(
    google: Emulator, clock: Clock, info: dict[str, str], said: str, told: str
) -> None:
    google.fault = always(Answer(400, {"error": "invalid_grant", "error_description": said}), path="/token")
    error = failure(client(google, clock, credentials.from_text(json.dumps(info).encode(), "KEY")))
    assert type(error) is SetupError
    assert told in str(error)
    assert len(google.calls) == 1


# The way there


def test_an_unreachable_google_is_told_with_the_proxy(clock: Clock) -> None:
    error = failure(client("http://127.0.0.1:9", clock))
    assert type(error) is RunFailed
    assert "HTTPS_PROXY" in error.words.en
    assert "代理" in error.words.zh
    assert len(clock.slept) == 5


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:7890", "http://"])
def test_an_unusable_proxy_is_told_at_once(clock: Clock, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")
    error = failure(client("http://sheets.example.test", clock))
    assert type(error) is SetupError
    assert "HTTPS_PROXY" in str(error)
    assert clock.slept == []


def test_missing_certificates_are_told_at_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/company.pem")
    error = failure(client("https://127.0.0.1:9", clock))
    assert type(error) is SetupError
    assert "REQUESTS_CA_BUNDLE" in str(error)


def test_an_unknown_certificate_is_told_at_once(clock: Clock, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """A company's proxy that answers in Google's place."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(today).not_valid_after(today + timedelta(9999)).sign(key, hashes.SHA256())
    file = tmp_path / "proxy.pem"
    file.write_bytes(pem(key).encode() + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    company = Emulator(lambda _call: Answer())
    company._server.socket = context.wrap_socket(company._server.socket, server_side=True)
    with company:
        error = failure(client(company.url.replace("http:", "https:"), clock))
    assert type(error) is SetupError
    assert "certificate" in str(error)
    assert clock.slept == []


# The key


def test_a_key_is_read_from_a_file_or_a_variable(tmp_path: Path, info: dict[str, str]) -> None:
    text = json.dumps(info)
    ways = {
        "plain": text,
        "byte order mark": "\ufeff" + text,
        "line breaks of a shell": text.replace("\\n", "\n"),
        "backslashes of an .env file": text.replace("\\n", "\\\\n"),
    }
    for way, written in ways.items():
        file = tmp_path / "key.json"
        file.write_text(written, encoding="utf-8")
        of_file = credentials.from_file(file)
        of_variable = credentials.from_environment("HUZHU_KEY", {"HUZHU_KEY": written + "\n"})
        assert of_file.service_account_email == of_variable.service_account_email == ACCOUNT, way
        assert of_file.scopes == ["https://www.googleapis.com/auth/spreadsheets"]


KINDS = {
    '{"type": "authorized_user", "client_id": "x"}': "the login of a person",
    '{"installed": {"client_id": "x"}}': "an OAuth client",
    '{"web": {"client_id": "x"}}': "an OAuth client",
    '{"type": "external_account"}': "an external identity",
    "AIzaSyA-0123456789": "an API key",
    "[]": "some other JSON",
    '{"type": "service_account": ': "complete JSON",
    "": "complete JSON",
}


@pytest.mark.parametrize(("text", "told"), KINDS.items())
def test_another_kind_of_key_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match=told) as raised:
        credentials.from_file(file)
    assert str(file) in raised.value.words.zh
    assert raised.value.words.zh != raised.value.words.en


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nokey\.json does not exist"):
        credentials.from_file(tmp_path / "nokey.json")
    with pytest.raises(SetupError, match="may not be read"):
        credentials.from_file(tmp_path)
    for environment in ({}, {"HUZHU_KEY": " "}):
        with pytest.raises(SetupError, match="HUZHU_KEY is not set"):
            credentials.from_environment("HUZHU_KEY", environment)


@pytest.mark.parametrize("damage", ["half", "empty", "no e-mail", "no address", "number"])
def test_a_damaged_key_is_told_without_showing_it(info: dict[str, Any], damage: str) -> None:
    secret = info["private_key"][100:140]
    if damage == "half":
        info["private_key"] = info["private_key"][:800]
    elif damage == "empty":
        info["private_key"] = ""
    elif damage == "number":
        info["private_key"] = 7
    else:
        del info["client_email" if damage == "no e-mail" else "token_uri"]
    with pytest.raises(SetupError, match="KEY") as raised:
        credentials.from_text(json.dumps(info).encode(), "KEY")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert not any(secret in sentence for sentence in raised.value.words)


def test_a_broken_text_is_told_without_showing_it(info: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="complete JSON") as raised:
        credentials.from_text(json.dumps(info).encode()[:-1], "KEY")
    assert raised.value.__suppress_context__
    assert not any("BEGIN" in sentence for sentence in raised.value.words)


# What a refusal means

MEANT = [
    (Refused(404, "Requested entity was not found."), "between /d/ and /edit", "1abc"),
    (Refused(403, "The caller does not have permission"), "Share", ACCOUNT),
    (Refused(403, "Google Sheets API has not been used in project 7 before", "SERVICE_DISABLED"), "Enable", ""),
    (Refused(400, "This operation is not supported for this document"), "Save as Google Sheets", ""),
    (
        Refused(400, "Invalid requests[0].updateCells: You are trying to edit a protected cell or object. Please"),
        "Protect sheets and ranges",
        ACCOUNT,
    ),
    (
        Refused(
            400, "This action would increase the number of cells in the workbook above the limit of 10000000 cells."
        ),
        "10 million",
        "",
    ),
    (
        Refused(
            400, "Invalid data[4]: Your input contains more than the maximum of 50000 characters in a single cell."
        ),
        "50,000",
        "",
    ),
    (Refused(401, "Invalid Credentials"), "Service Accounts", ACCOUNT),
]


@pytest.mark.parametrize(("refused", "click", "named"), MEANT, ids=lambda value: str(value)[:40])
def test_a_refusal_says_what_to_click(refused: Refused, click: str, named: str) -> None:
    error = explained(refused, spreadsheet="1abc", service_account=ACCOUNT)
    assert type(error) is SetupError
    assert click in error.words.en
    assert named in error.words.zh
    assert refused.message not in error.words.zh


def test_a_protected_tab_is_named() -> None:
    refused = Refused(400, "You are trying to edit a protected cell or object.")
    error = explained(refused, spreadsheet="1abc", service_account=ACCOUNT, title="欠件")
    assert "“欠件”" in error.words.zh
    assert "欠件" in error.words.en


def test_any_other_refusal_is_quoted_on_one_short_line() -> None:
    refused = Refused(409, "First\nline {braces} " + "x" * 999)
    error = explained(refused, spreadsheet="1abc", service_account=ACCOUNT)
    assert type(error) is RunFailed
    assert "(409): First line {braces} xxx" in error.words.en
    assert all(len(sentence) < 260 and "\n" not in sentence for sentence in error.words)


@pytest.mark.parametrize("code", complaints._COMPLAINTS)
def test_every_complaint_says_the_same_in_both_languages(code: str) -> None:
    _, zh, en = complaints._COMPLAINTS[code]
    facts = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (zh, en)]
    assert facts[0] - {"zh_kind"} == facts[1] - {"en_kind"}
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in en)
