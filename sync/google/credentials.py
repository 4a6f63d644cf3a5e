"""The service account that opens the spreadsheet: from a key file, or from its text in an environment variable.

Errors are raised `from None`: those of a JSON or PEM parser hold the text they failed on, which is the secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.oauth2.service_account import Credentials

from sync import secret
from sync.google.complaints import complaint

SCOPE = "https://www.googleapis.com/auth/spreadsheets"  # one spreadsheet at a time, by its id; nothing of Drive

# What people download instead of a service account key: how it is told -> what it is, zh and en.
_KINDS = {
    "authorized_user": ("个人账号的登录凭据", "the login of a person"),
    "external_account": ("外部身份的配置", "the configuration of an external identity"),
    "installed": ("OAuth 客户端", "an OAuth client"),
    "web": ("OAuth 客户端", "an OAuth client"),
}
_API_KEY = ("API 密钥", "an API key")
_UNKNOWN = ("另一种 JSON", "some other JSON")


def from_file(path: Path) -> Credentials:
    """The service account whose key is in the file *path*.

    Raises SetupError, one sentence naming the file, for anything that cannot be used.
    """
    # People write the key itself where its file is named: then no sentence shows it.
    name = str(path) if path.suffix == ".json" else "backend.google.credentials_file"
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise complaint("no_key_file", name=name) from None
    except (OSError, ValueError) as error:
        raise complaint("key_unreadable", name=name, reason=getattr(error, "strerror", None) or "?") from None
    return from_text(text, name)


def from_environment(variable: str, environment: Mapping[str, str] = os.environ) -> Credentials:
    """The service account whose key is the value of *variable*.

    Raises SetupError, one sentence naming the variable, for anything that cannot be used.
    """
    text = (secret.from_environment(variable, "backend.google.credentials_env", environment) or "").strip()
    if not text:
        raise complaint("no_variable", name=variable)
    return from_text(text.encode(), variable)


def from_text(text: bytes, name: str) -> Credentials:
    """The service account whose key is *text*. name: where it stands, for sentences."""
    info = _parsed(text, name)
    # An .env file or a container's settings keep the two characters \n where the key has a line break.
    info["private_key"] = str(info.get("private_key", "")).replace("\\n", "\n")
    try:
        account: Credentials = Credentials.from_service_account_info(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except ValueError:
        raise complaint("damaged_key", name=name) from None
    return account


def _parsed(text: bytes, name: str) -> dict[str, Any]:
    """The key as a mapping, certain to call itself a service account's."""
    try:
        # Lenient: a shell may have turned the \n of the private key into line breaks, an editor have put a BOM.
        info = json.loads(text.decode("utf-8-sig"), strict=False)
    except ValueError:
        if text.strip().startswith(b"AIza"):
            raise _other_kind(name, _API_KEY) from None
        raise complaint("not_json", name=name) from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        told = [str(info.get("type")), *info] if isinstance(info, dict) else []
        raise _other_kind(name, next((_KINDS[word] for word in told if word in _KINDS), _UNKNOWN))
    return info


def _other_kind(name: str, kind: tuple[str, str]) -> Exception:
    return complaint("other_kind", name=name, zh_kind=kind[0], en_kind=kind[1])
