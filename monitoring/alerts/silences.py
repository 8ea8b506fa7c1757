"""Placing, lifting and ending silences, and asking who is silenced.

A silence keeps alerts about people from being sent: what the service would tell of their health by
itself. It touches neither their health nor their holds (design, rule 7), nor mails that somebody
asked for, as links and answers are. It always has an end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.access import Access
from accounts.models import Organization
from monitoring.alerts.models import Silence, SilencedPerson
from monitoring.audit.log import audit_entry_write
from monitoring.health.models import HealthTally

MUTE = """
    INSERT INTO alerts_silencedperson (silence_id, organization_id, person_id)
    SELECT %(silence)s, organization_id, id FROM accounts_person
    WHERE organization_id = %(organization)s AND id = ANY(%(people)s)
"""
# Of each silence the first few, by an index that ends after them.
FIRST_PEOPLE = """
    SELECT silence.id, person.name
    FROM unnest(%(silences)s::bigint[]) AS silence (id)
    CROSS JOIN LATERAL (
        SELECT person_id FROM alerts_silencedperson
        WHERE silence_id = silence.id AND lifted_at IS NULL
        ORDER BY person_id LIMIT %(most)s
    ) AS member
    JOIN accounts_person AS person ON person.id = member.person_id
    ORDER BY silence.id, person.id
"""


@dataclass(frozen=True, slots=True)
class ActiveSilence:
    """A silence in force; `share` is that of the organization's people, from 0 to 1."""

    id: int
    reason: str
    author_name: str
    started_at: datetime
    ends_at: datetime
    people: int
    share: float


@transaction.atomic
def silence_place(
    *,
    organization: Organization,
    author: Any,
    author_name: str,
    people: Collection[int],
    reason: str,
    ends_at: datetime,
    now: datetime,
) -> Silence:
    """Mute the alerts about people until `ends_at`. Permission and audit are the caller's.

    Who is not of the organization is left out. Raises ValueError for an end that is past.
    """
    if ends_at <= now:
        raise ValueError("A silence must end at a time to come.")
    silence = Silence.objects.create(
        organization=organization,
        author=author,
        author_name=author_name,
        reason=reason,
        started_at=now,
        ends_at=ends_at,
    )
    with connection.cursor() as cursor:
        whom: dict[str, Any] = {"organization": organization.pk, "people": list(people)}
        cursor.execute(MUTE, whom | {"silence": silence.pk})
    return silence


@transaction.atomic
def silence_lift(*, silence_id: int, people: Collection[int], now: datetime) -> int:
    """Take people out of a silence, and return how many were in it; others' go on.

    A silence with nobody left in it is over.
    """
    members = SilencedPerson.objects.filter(silence=silence_id, lifted_at=None)
    # Who lifts at the same time waits here, so that the last one sees that nobody is left.
    silence = Silence.objects.select_for_update().get(pk=silence_id)
    lifted = members.filter(person__in=people).update(lifted_at=now)
    if silence.ended_at is None and not members.exists():
        Silence.objects.filter(pk=silence_id).update(ended_at=now)
    return lifted


@transaction.atomic
def silence_end(*, access: Access, silence: Silence, now: datetime) -> bool:
    """End a silence for everybody in it; return False where it was over already."""
    access.require_change()
    if silence.organization_id != access.organization.pk:
        raise PermissionDenied("This silence belongs to another organization.")
    active = Silence.objects.filter(pk=silence.pk).active_at(now)
    name = access.user.get_full_name() or access.user.email
    if not active.update(ended_at=now, ended_by_name=name):
        return False
    audit_entry_write(
        organization=access.organization,
        action="silence.end",
        now=now,
        author=access.user,
        detail={"silence": silence.pk},
    )
    return True


@transaction.atomic
def silences_forget(before: datetime, *, limit: int) -> int:
    """Forget silences whose end was before a moment, with their people; return how many."""
    old = list(Silence.objects.filter(ends_at__lt=before).values_list("pk", flat=True)[:limit])
    Silence.objects.filter(pk__in=old).delete()
    return len(old)


def active_silences(access: Access, now: datetime) -> list[ActiveSilence]:
    """Return the silences in force, those that end last first, in one statement."""
    known = HealthTally.objects.filter(organization=access.organization.pk)
    total = known.order_by().values("organization").annotate(n=Sum("people")).values("n")
    found = with_people(Silence.objects.visible_to(access).active_at(now))
    rows = found.annotate(known=number(total)).order_by("-ends_at", "-id")
    return [
        ActiveSilence(
            id=row.pk,
            reason=row.reason,
            author_name=row.author_name,
            started_at=row.started_at,
            ends_at=row.ends_at,
            people=row.people,
            share=min(1.0, row.people / row.known) if row.known else 0.0,
        )
        for row in rows
    ]


def first_people(silence_ids: Collection[int], most: int) -> dict[int, list[str]]:
    """Return the names of the first people of each silence, up to so many, in one statement."""
    names: dict[int, list[str]] = {silence_id: [] for silence_id in silence_ids}
    with connection.cursor() as cursor:
        cursor.execute(FIRST_PEOPLE, {"silences": list(silence_ids), "most": most})
        for silence_id, name in cursor.fetchall():
            names[silence_id].append(name)
    return names


def with_people(silences: QuerySet[Silence]) -> Any:
    """Add to each silence how many `people` are in it and have not been lifted out of it."""
    members = SilencedPerson.objects.filter(silence=OuterRef("pk"))
    counted = members.order_by().values("silence").annotate(n=Count("pk", filter=Q(lifted_at=None)))
    return silences.annotate(people=number(counted.values("n")))


def number(query: QuerySet) -> Coalesce:
    return Coalesce(Subquery(query, output_field=IntegerField()), 0)
