"""Who is calling: bearer tokens, and the endpoint that gives them to service accounts."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.emulators.google.refusals import BAD_TOKEN, Refused
from tests.emulators.served import Answer, Call

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim."
)
TOKEN_FAILURES = {
    "revoked": (400, "invalid_grant", "Invalid JWT Signature."),
    "clock": (400, "invalid_grant", SHORT_LIVED),
    "gone": (400, "invalid_grant", "Invalid grant: account not found"),
    "down": (503, "internal_failure", "Service unavailable. Please try again."),
}


def claims(token: str) -> dict[str, Any]:
    """What a JWT says; {} for a token that is none. No signature is checked."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        said = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


@dataclass
class Access:
    """users: e-mail by bearer token. accounts: service accounts that exist. token_failure: a key of TOKEN_FAILURES."""

    users: dict[str, str] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    token_failure: str = ""
    _given: int = 0

    def user(self, call: Call) -> str:
        """The e-mail of the caller. Raises Refused for a token nobody gave out."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        said = claims(token)
        email = self.users.get(token) or said.get("sub") or said.get("iss")
        if not email:
            raise Refused(BAD_TOKEN, 401)
        return str(email)

    def grant(self, call: Call) -> Answer:
        """The answer of the token endpoint."""
        form = parse_qs(call.body.decode())
        email = claims(form.get("assertion", [""])[0]).get("iss")
        failure = self.token_failure or ("" if email in self.accounts else "gone")
        if form.get("grant_type") != [GRANT]:
            return Answer(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"})
        if failure:
            status, error, text = TOKEN_FAILURES[failure]
            return Answer(status, {"error": error, "error_description": text})
        self._given += 1
        token = f"ya29.emulated-{self._given}"
        self.users[token] = str(email)
        return Answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
