"""Placing, changing, lifting and ending silences.

A silence keeps alerts about people from being sent: what the service would tell of their health by
itself. It touches neither their health nor their holds (design, rule 7), nor mails that somebody
asked for, as links and answers are. It always has an end.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from accounts.access import Access
from accounts.models import Organization, Person
from monitoring.alerts.matchers import (
    MOST_LASTING,
    Matcher,
    SilenceRefusedError,
    problem_of,
    reason_problem,
    time_problem,
)
from monitoring.alerts.models import Silence, SilencedPerson
from monitoring.audit.log import audit_entry_write

MUTE = """
    INSERT INTO alerts_silencedperson (silence_id, organization_id, person_id)
    SELECT %(silence)s, organization_id, id FROM accounts_person
    WHERE organization_id = %(organization)s AND id = ANY(%(people)s)
"""


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
def silence_define(
    *,
    access: Access,
    team: str = "",
    cause: str = "",
    provider: str = "",
    everybody: bool = False,
    starts_at: datetime | None = None,
    ends_at: datetime,
    reason: str,
    announcement: str = "",
    now: datetime,
) -> Silence:
    """Mute the alerts about whoever matches, from `starts_at` (else now) until `ends_at`.

    Without anything to match by, `everybody` has to say that all are meant. One that begins later
    is a maintenance window; `announcement` names what a provider planned, of those it has offered.
    Raises SilenceRefusedError for what makes no silence.
    """
    access.require_change()
    # Who places one at the same time waits here, so that the limit holds.
    Organization.objects.select_for_update(no_key=True).get(pk=access.organization.pk)
    matcher, reason = Matcher(team, cause, provider), reason.strip()
    begins = max(starts_at or now, now)
    require_no_problem(
        problem_of(matcher, everybody),
        time_problem(begins, ends_at, now),
        reason_problem(reason),
        team_problem(access, team),
        number_problem(access, now),
    )
    matched = {"team": team, "cause": cause, "provider": provider}
    silence = Silence.objects.create(
        organization=access.organization,
        author=access.user,
        author_name=name_of(access),
        reason=reason,
        is_matcher=True,
        announcement=announcement,
        started_at=begins,
        ends_at=ends_at,
        **matched,
    )
    times = {"starts_at": begins.isoformat(), "ends_at": ends_at.isoformat()}
    note(access, "silence.define", silence, now, reason=reason, **matched, **times)
    return silence


def require_no_problem(*problems: tuple[str, str] | None) -> None:
    """Raise SilenceRefusedError for the first problem, if there is any."""
    for problem in filter(None, problems):
        raise SilenceRefusedError(*problem)


def team_problem(access: Access, team: str) -> tuple[str, str] | None:
    people = Person.objects.visible_to(access).filter(team=team)
    if team and not people.exists():
        return "Nobody is in a team of that name.", "team"
    return None


def number_problem(access: Access, now: datetime) -> tuple[str, str] | None:
    lasting = Silence.objects.visible_to(access).not_over_at(now).filter(is_matcher=True)
    if lasting.count() >= MOST_LASTING:
        return f"There may be {MOST_LASTING} silences at most that are not over. End one first.", ""
    return None


@transaction.atomic
def silence_change(*, access: Access, silence: Silence, ends_at: datetime, now: datetime) -> bool:
    """Have a silence end earlier or later; return False where it is over already.

    What is over does not come back. Raises SilenceRefusedError for an end it can't have.
    """
    require_own(access, silence)
    found = Silence.objects.select_for_update().not_over_at(now).filter(pk=silence.pk).first()
    if found is None:
        return False
    require_no_problem(time_problem(found.started_at, ends_at, now))
    Silence.objects.filter(pk=found.pk).update(ends_at=ends_at)
    times = {"from": found.ends_at.isoformat(), "to": ends_at.isoformat()}
    note(access, "silence.change", found, now, **times)
    return True


@transaction.atomic
def silence_end(*, access: Access, silence: Silence, now: datetime) -> bool:
    """End a silence, or call off one to come; return False where it was over already."""
    require_own(access, silence)
    lasting = Silence.objects.filter(pk=silence.pk).not_over_at(now)
    if not lasting.update(ended_at=now, ended_by_name=name_of(access)):
        return False
    note(access, "silence.end", silence, now)
    return True


def require_own(access: Access, silence: Silence) -> None:
    """Raise PermissionDenied for who may not change this silence."""
    access.require_change()
    if silence.organization_id != access.organization.pk:
        raise PermissionDenied("This silence belongs to another organization.")


def name_of(access: Access) -> str:
    name: str = access.user.get_full_name() or access.user.email
    return name


def note(access: Access, action: str, silence: Silence, now: datetime, **detail: str) -> None:
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail={"silence": silence.pk, **detail},
    )


@transaction.atomic
def silences_forget(before: datetime, *, limit: int) -> int:
    """Forget silences whose end was before a moment, with their people; return how many."""
    old = list(Silence.objects.filter(ends_at__lt=before).values_list("pk", flat=True)[:limit])
    Silence.objects.filter(pk__in=old).delete()
    return len(old)
