"""Makers of rules and of their changes for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.errors.changes import (
    rule_change_go_live,
    rule_change_propose,
    rule_change_tested,
)
from monitoring.errors.inbox import Seen
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import RuleChange
from tests.factories import NOW, make_organization, make_user

# No built-in rule knows this one.
PANIC = "KERNEL_PANIC_IN_AISLE_FOUR"


def make_access(organization: Organization | None = None, **overrides: Any) -> Access:
    role = overrides.pop("role", Role.ADMIN)
    user = overrides.pop("user", None) or make_user(**overrides)
    return Access(user, organization or make_organization(), role, ZoneInfo("UTC"))


def make_staff(organization: Organization | None = None) -> Access:
    return make_access(organization, is_staff=True)


def definition(**overrides: Any) -> dict[str, Any]:
    """Return a rule as the rules file and a form write one."""
    return {
        "class": "record",
        "who": "person",
        "title": "The aisle is blocked",
        "meaning": "Something lies in aisle four.",
        "next_step": "Clear the aisle.",
        "codes": [PANIC],
    } | overrides


def propose(access: Access, **overrides: Any) -> RuleChange:
    """Propose a change, of the access's organization unless told otherwise."""
    return rule_change_propose(
        **{
            "access": access,
            "organization": access.organization,
            "rule": "aisle-blocked",
            "definition": definition(),
            "reason": "People asked what it means.",
            "now": NOW,
        }
        | overrides
    )


def passed(change: RuleChange, **overrides: Any) -> RuleChange:
    """Store a test that moved nobody."""
    figures = {"people": 100, "people_moved": 0, "outcomes": 9_000, "outcomes_moved": 3}
    now = overrides.pop("now", change.created_at + timedelta(minutes=1))
    return rule_change_tested(change=change, now=now, **figures | overrides)


def make_live(access: Access, **overrides: Any) -> RuleChange:
    """Propose a change, test it and let it go live."""
    now: datetime = overrides.get("now", NOW) + timedelta(minutes=2)
    change = passed(propose(access, **overrides))
    return rule_change_go_live(access=access, change=change, now=now)


def panic(**overrides: Any) -> dict[str, Any]:
    """Return an error that no built-in rule knows, as the log keeps it."""
    return {
        "provider": "salesforce",
        "channel": "http-json",
        "status": 400,
        "headers": {},
        "body": f'[{{"errorCode":"{PANIC}","message":"Please clear the aisle number 4"}}]',
        "operation": "query",
    } | overrides


def seen(organization: Any, person: int = 1, minutes: float = 0, **overrides: Any) -> Seen:
    """Return an outcome whose error no rule knew, some minutes from NOW."""
    return Seen(
        **{
            "organization_id": organization.pk,
            "person_id": person,
            "attempt_id": uuid4(),
            "finished_at": NOW + timedelta(minutes=minutes),
            "signature": "salesforce 400 please clear the aisle",
            "error": panic(),
            "rules_version": built_in_rules().version,
        }
        | overrides
    )
