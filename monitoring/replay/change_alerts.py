"""Changes of rules that went live and move many people, as alerts: events, told for a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.sources import Finding
from monitoring.errors.changes import needs_second_look
from monitoring.errors.models import RuleChange

# So long it is news.
NEWS = timedelta(days=1)


def rule_change_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about them: of changes that needed a second look, or were not tested.

    Each belongs to the organization whose rule it is; of the operator's the service is told.
    """
    lately = RuleChange.objects.live().filter(live_at__gt=now - NEWS, live_at__lte=now)
    for change in lately.order_by("number"):
        if needs_second_look(change):
            yield finding_of(change)


def finding_of(change: RuleChange) -> Finding:
    moved, people = change.people_moved or 0, change.people or 0
    return Finding(
        kind=AlertKind.RULE_CHANGE,
        organization_id=change.organization_id,
        cause=str(change.pk),
        severity=Severity.NOTICE,
        people=moved,
        began_at=change.live_at,
        facts={
            "rule": change.rule,
            "change": change.pk,
            "number": change.number,
            "author": change.author_name,
            "approved_by": change.approved_by_name,
            "what": what_of(change),
            "reason": change.reason,
            "people": people,
            "share": round(moved / people, 4) if people else None,
        },
    )


def what_of(change: RuleChange) -> str:
    """Return what was done to the rule at its level."""
    if change.after is None:
        return "taken away"
    return "changed" if change.before is not None else "added"
