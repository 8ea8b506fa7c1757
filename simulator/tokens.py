"""Access tokens the simulator gave out."""

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
