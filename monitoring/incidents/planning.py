"""What the vendors plan: asked of each organization's status page now and then, and kept.

Only Salesforce announces maintenances on a page that can be read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from monitoring.incidents import feeds
from monitoring.incidents.asking import status_ask
from monitoring.incidents.feeds import StatusReport
from monitoring.incidents.models import PlannedMaintenance, Source, StatusPage

# A page that tells nothing is asked again so soon, and one whose answer never came.
ASK_AGAIN = timedelta(hours=1)
# Each may take some seconds, and a task has minutes.
PAGES_AT_ONCE = 8
LONGEST_ID = 64

DUE = """
    FROM accounts_organization AS organization
    LEFT JOIN incidents_statuspage AS page ON page.organization_id = organization.id
    WHERE (page.ask_at IS NULL OR page.ask_at <= %(now)s) AND organization.salesforce_host > ''
        AND EXISTS (SELECT FROM accounts_person WHERE organization_id = organization.id)
"""
IS_DUE = f"SELECT EXISTS (SELECT {DUE})"
# Whoever else has begun to ask meanwhile keeps it: their time is not past.
CLAIM = f"""
    INSERT INTO incidents_statuspage AS asked (organization_id, ask_at)
    SELECT organization.id, %(again)s {DUE}
    ORDER BY page.ask_at NULLS FIRST, organization.id LIMIT %(most)s
    ON CONFLICT (organization_id) DO UPDATE SET ask_at = excluded.ask_at
        WHERE asked.ask_at <= %(now)s
    RETURNING organization_id
"""


def plans_are_due(now: datetime) -> bool:
    """Tell whether some page is to be asked what is planned."""
    if not settings.MAINTENANCE_ASK_HOURS:
        return False
    with connection.cursor() as cursor:
        cursor.execute(IS_DUE, {"now": now})
        (is_due,) = cursor.fetchone()
        return bool(is_due)


def plans_poll() -> None:
    """Ask the pages that are due what is planned. Of a queue task; several at once share them."""
    for organization in plans_claim(timezone.now()):
        now = timezone.now()
        report = status_ask("salesforce", salesforce_host=organization.salesforce_host, now=now)
        plans_note(organization, report, now)


def plans_claim(now: datetime) -> list[Organization]:
    """Take a few pages that are due; nobody else asks them for now."""
    if not settings.MAINTENANCE_ASK_HOURS:
        return []
    values: dict[str, Any] = {"now": now, "again": now + ASK_AGAIN, "most": PAGES_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        ids = [organization for (organization,) in cursor.fetchall()]
    return list(Organization.objects.filter(pk__in=ids).order_by("pk"))


@transaction.atomic
def plans_note(organization: Organization, report: StatusReport, now: datetime) -> None:
    """Keep what a page says is planned, and drop what it says no more; an unread page says nothing.

    It is asked again in MAINTENANCE_ASK_HOURS.
    """
    if report.state == "unknown":
        return
    plans = [planned_row(organization, report, plan) for plan in report.upcoming]
    kept = {plan.key: plan for plan in plans}
    old = PlannedMaintenance.objects.filter(organization=organization, provider=report.provider)
    old.exclude(key__in=kept).delete()
    PlannedMaintenance.objects.bulk_create(
        kept.values(),
        update_conflicts=True,
        unique_fields=["organization", "key"],
        update_fields=["name", "instance", "ends_at"],
    )
    again = now + timedelta(hours=settings.MAINTENANCE_ASK_HOURS)
    StatusPage.objects.update_or_create(organization=organization, defaults={"ask_at": again})


def planned_row(
    organization: Organization, report: StatusReport, plan: feeds.PlannedMaintenance
) -> PlannedMaintenance:
    name = plan.identifier or plan.name[:LONGEST_ID]
    return PlannedMaintenance(
        organization=organization,
        provider=Source(report.provider),
        instance=report.instance,
        external_id=plan.identifier,
        key=f"{report.provider} {name} {plan.start:%Y-%m-%dT%H:%MZ}",
        name=plan.name,
        starts_at=plan.start,
        ends_at=plan.end,
    )
