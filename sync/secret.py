"""Passwords, keys, tokens: read from where the settings say, and kept out of every sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from sync.errors import SetupError

_PLAINLY_A_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
"""No password, key or address that a service gives out looks like this."""


def from_environment(variable: str, setting: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """What *variable* holds, None when it is not set. setting: which names it.

    Raises SetupError when it is not set and may be no name at all: people write the secret itself there.
    """
    if variable not in environment and not _PLAINLY_A_NAME.fullmatch(variable):
        raise SetupError(
            f"{setting} 所指的环境变量没有设置。这里填变量的名称，例如 HUZHU_SECRET；密码、密钥本身只放进那个变量",
            f"The environment variable that {setting} names is not set. What belongs there is its name, such as "
            "HUZHU_SECRET; the password or key itself goes into that variable only",
        )
    return environment.get(variable)


def without(text: str, *secrets: str) -> str:
    """*text* with *** in place of each of *secrets*, in case the other side quotes what it was sent."""
    for told in filter(None, secrets):
        text = text.replace(told, "***")
    return text
