"""Writing to the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Organization, Person
from monitoring.audit.models import AuditEntry
from monitoring.audit.registry import ACTIONS


def audit_entry_write(
    *,
    organization: Organization | None,
    action: str,
    now: datetime,
    author: Any = None,
    author_name: str = "",
    person: Person | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry. Call it in the transaction of what it records.

    `author` is the signed-in user; a command without one gives `author_name`. Raises KeyError for
    an action that is not in the registry: an audit log fails loudly.
    """
    check(action)
    return AuditEntry.objects.create(
        organization=organization,
        at=now,
        author=author,
        author_name=author_name or author.email,
        action=action,
        person=person,
        detail=detail or {},
    )


def by_link(user: Any) -> dict[str, str]:
    """Return what the detail of an entry says where no user, but whoever had a link did it."""
    return {} if user is not None else {"by": "link"}


def audit_entries_write(
    *,
    organization: Organization,
    action: str,
    now: datetime,
    author: Any,
    people: Mapping[int, dict[str, Any]],
) -> None:
    """Append an entry for each of many people, given by id, each with its detail."""
    check(action)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            organization=organization,
            at=now,
            author=author,
            author_name=author.email,
            action=action,
            person_id=person,
            detail=detail,
        )
        for person, detail in people.items()
    )


def check(action: str) -> None:
    if action not in ACTIONS:
        raise KeyError(f"{action!r} is not in monitoring.audit.registry.ACTIONS")
