"""Access tokens and authorization codes the simulator gave out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

PRUNE_EVERY = 20_000


@dataclass(slots=True)
class Grant:
    """One access token and what it opens."""

    token: str
    provider: str
    organization: str
    email: str | None
    scopes: frozenset[str]
    expires_at: datetime
    refresh_token: str | None = None
    issued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, and what it was given out for.

    `lasting`: a refresh token comes with it.
    """

    code: str
    provider: str
    email: str
    client_id: str
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    lasting: bool
    expires_at: datetime


class CodeTable:
    """Codes that were not used yet."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}

    def add(self, code: Code, now: datetime) -> None:
        self._codes = {text: old for text, old in self._codes.items() if old.expires_at > now}
        self._codes[code.code] = code

    def find(self, text: str) -> Code | None:
        return self._codes.get(text)

    def take(self, text: str, provider: str) -> Code | None:
        """The code, which nobody can use again, not even after a mistake."""
        found = self._codes.get(text)
        return self._codes.pop(text) if found and found.provider == provider else None


class TokenTable:
    """Grants by token; expired ones stay a while, to tell whose a late request is."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._issued = 0

    def add(self, grant: Grant, now: datetime) -> None:
        self._grants[grant.token] = grant
        self._issued += 1
        if self._issued % PRUNE_EVERY == 0:
            self._grants = {t: g for t, g in self._grants.items() if g.expires_at > now}

    def find(self, token: str | None) -> Grant | None:
        return self._grants.get(token) if token else None

    def matching(
        self,
        *,
        provider: str | None = None,
        organization: str | None = None,
        email: str | None = None,
        refresh_token: str | None = None,
    ) -> Iterable[Grant]:
        wanted = {
            "provider": provider,
            "organization": organization,
            "email": email,
            "refresh_token": refresh_token,
        }
        asked = [(name, value) for name, value in wanted.items() if value is not None]
        for grant in self._grants.values():
            if all(getattr(grant, name) == value for name, value in asked):
                yield grant

    def expire(self, grants: Iterable[Grant], now: datetime) -> int:
        """End those grants at once; returns how many were still alive."""
        ended = 0
        for grant in list(grants):
            ended += grant.expires_at > now
            grant.expires_at = min(grant.expires_at, now)
        return ended
