"""Policies of organizations: what bounds their numbers, and how a change of one is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction

from accounts.access import Access
from accounts.models import Organization
from monitoring.audit.log import audit_entry_write


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what a number may be, and what is said to who wants another."""

    least: float
    most: float
    sentence: str


def first_beyond(bounds: Mapping[str, Bounds], wanted: Any) -> tuple[str, str] | None:
    """Return what is said of the first number that is out of bounds, and its name. Pure."""
    for name, bound in bounds.items():
        if not bound.least <= getattr(wanted, name) <= bound.most:
            return bound.sentence, name
    return None


@transaction.atomic
def policy_store(
    *,
    access: Access,
    model: type[models.Model],
    policy_of: Callable[[Organization], Any],
    wanted: Any,
    action: str,
    now: datetime,
) -> None:
    """Store what is wanted of an organization's policy, a dataclass, and audit the change.

    Nothing is written where it is in force already. Permission and bounds are the caller's.
    """
    organization = Organization.objects.select_for_update(no_key=True).get(
        pk=access.organization.pk
    )
    before = policy_of(organization)
    if wanted == before:
        return
    stored = asdict(wanted)
    model._default_manager.update_or_create(organization=organization, defaults=stored)
    audit_entry_write(
        organization=organization,
        action=action,
        now=now,
        author=access.user,
        detail={"before": asdict(before), "after": stored},
    )
