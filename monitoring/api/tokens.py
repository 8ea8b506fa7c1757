"""API tokens: making one, and finding whose one is."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Organization
from monitoring.api.models import ApiToken
from monitoring.audit.log import audit_entry_write

PREFIX = "sync_"
# How exactly a token's last use is known; finer would write a row a request.
USE_NOTED_EVERY = timedelta(minutes=5)


def digest_of(token: str) -> bytes:
    # A token has 256 random bits, so one fast hash is as good as a slow one.
    return hashlib.sha256(token.encode()).digest()


@transaction.atomic
def api_token_create(
    *, organization: Organization, name: str, author: Any, author_name: str, now: datetime
) -> str:
    """Make a token of the organization and return it; it can't be shown again."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        organization=organization,
        name=name[:100],
        digest=digest_of(token),
        hint=token[-4:],
        created_at=now,
    )
    audit_entry_write(
        organization=organization,
        action="api_token.create",
        now=now,
        author=author,
        author_name=author_name,
        detail={"name": name, "hint": token[-4:]},
    )
    return token


def api_token_find(token: str, *, now: datetime) -> ApiToken | None:
    """Return the valid token and note its use, or None."""
    found = (
        ApiToken.objects.select_related("organization")
        .filter(digest=digest_of(token), revoked_at=None)
        .first()
    )
    if found and (found.last_used_at is None or now - found.last_used_at >= USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found
