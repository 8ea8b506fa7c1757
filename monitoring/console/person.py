"""One person: how syncing stands, why, what comes next and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from accounts.models import Connection, Person
from monitoring.actions.people import SyncRefusedError, person_sync_now, sync_refusal
from monitoring.console import wording
from monitoring.console.attempts import AttemptRow, attempt_row
from monitoring.console.connections import connection_rows
from monitoring.console.evidence import evidence_sentence
from monitoring.console.incident_words import phrase
from monitoring.console.moments import interval
from monitoring.console.pages import is_partial, kept_by_nobody, page
from monitoring.console.progress import Progress, open_progress, progress_of
from monitoring.console.rows import coming, past, situation_of
from monitoring.console.rules import explanations
from monitoring.console.tables import Details, with_details
from monitoring.console.timeline import timeline_of
from monitoring.console.wording import Explanation, Slowdown
from monitoring.errors.models import Rejudgement
from monitoring.health.models import Health, Transition
from monitoring.incidents.models import Hit
from monitoring.jobs.models import Job
from monitoring.outcomes.models import Outcome

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    HealthWithJob = WithAnnotations[Health, "OpenJob"]

ATTEMPTS = 20


@login_required
@require_safe
def person(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Show one person of the organization; for htmx, what a finished run may have changed."""
    access = access_for(request.user, slug)
    people = with_open_job(with_story(with_details(Health.objects.visible_to(access))))
    health = get_object_or_404(people, pk=person_id)
    now, rules = timezone.now(), explanations(access.organization.pk)
    outcomes = list(outcomes_of(access, person_id))
    context = {
        "section": "people",
        "person": health.person,
        **standing(health, outcomes, rules, now, access),
        **access_to_providers(access, health, now),
        "attempts": attempt_rows(access, outcomes, rules, now),
        "history": timeline_of(access, person_id, rules, now, access.time_zone),
        "progress": progress_of_open_job(health),
        "since": int(now.timestamp()),
    }
    return page(request, access, "console/person.html", "panel", context)


def outcomes_of(access: Access, person_id: int) -> QuerySet[Outcome]:
    """Return the last attempts of a person, newest first."""
    return Outcome.objects.visible_to(access).of_person(person_id).newest_first()[:ATTEMPTS]


def attempt_rows(
    access: Access, outcomes: Sequence[Outcome], rules: Mapping[str, Explanation], now: datetime
) -> list[AttemptRow]:
    """Return attempts in words, with the newest verdict of those that were judged again."""
    failed = [each.attempt_id for each in outcomes if each.error is not None]
    found = Rejudgement.objects.visible_to(access).of_attempts(failed).newest_of_each_attempt()
    again = {each.attempt_id: each for each in found}
    return [
        attempt_row(each, rules, now, access.time_zone, again.get(each.attempt_id))
        for each in outcomes
    ]


def standing(
    health: HealthWithJob,
    outcomes: Sequence[Outcome],
    rules: Mapping[str, Explanation],
    now: datetime,
    access: Access,
) -> dict[str, Any]:
    """Return how the person stands, why, and what comes next, in words."""
    zone, hit_by = access.time_zone, health.hit_by if health.in_incident else None
    named = phrase(hit_by["provider"], hit_by["people"]) if hit_by else ""
    situation = replace(situation_of(health, now), incident=named)
    slowed = Slowdown(health.slowed_at, health.slowed_cause or "") if health.slowed_at else None
    elsewhere = health.cause == "silent" and not health.runs_here
    cause = "silent_elsewhere" if elsewhere else health.cause
    return {
        "look": wording.look_of(health.status, health.cause),
        "headline": wording.headline(situation, rules, now, zone),
        "why": wording.explanation_of(cause, rules),
        "evidence": evidence_sentence(health, outcomes, rules, now, zone),
        "held_because": situation.held_because,
        "pace": wording.pace(situation, slowed, rules, now, zone),
        "incident_id": hit_by["id"] if hit_by else None,
        "outlook": wording.outlook(situation, now, zone),
        "interval": interval(situation.interval, situation.base_interval),
        "last_good": past(health.last_success_at, now, zone),
        "next_run": coming(situation.next_due, now, zone),
        "no_next_run": wording.no_next_run(situation),
    }


def access_to_providers(access: Access, health: Health, now: datetime) -> dict[str, Any]:
    """Return the person's connections, and why no sync can be asked for, if so."""
    found = Connection.objects.visible_to(access).filter(person=health.pk)
    # Only what the page says: the rest of the row is secret.
    rows = list(found.values("provider", "grant", "state", "proven_at", "refused_at"))
    connected = {row["provider"] for row in rows}
    return {
        "connections": connection_rows(rows, now, access.time_zone),
        "refusal": sync_refusal(
            held=health.hold is not None,
            connected=connected,
            runs_here=health.runs_here,
            ran_before=health.last_attempt_at is not None,
        ),
    }


class Story(Details):
    """What `with_story` adds to a health row.

    hit_by      id, provider and people of the incident whose end the person waits for
    slowed_*    when, and for which cause, the interval last became what it is
    """

    hit_by: dict[str, Any] | None
    slowed_at: datetime | None
    slowed_cause: str | None


def with_story(people: QuerySet[Any]) -> QuerySet[Any]:
    """Add the incident a person is hit by, and the last change of interval, in the same statement.

    Both are looked up by indexes of the person.
    """
    own = {"person": OuterRef("pk"), "organization": OuterRef("organization")}
    hits = Hit.objects.waiting().filter(**own).order_by("-incident")
    incident = JSONObject(
        id="incident", provider="incident__provider", people="incident__people_hit"
    )
    changes = Transition.objects.filter(**own, to_interval=OuterRef("interval"))
    changes = changes.exclude(from_interval=F("to_interval")).order_by("-at")
    return people.annotate(
        hit_by=Subquery(hits.values(found=incident)[:1]),
        slowed_at=Subquery(changes.values("at")[:1]),
        slowed_cause=Subquery(changes.values("to_cause")[:1]),
    )


class OpenJob(Story):
    """What `with_open_job` adds to a health row."""

    job_attempt: UUID | None
    job_state: int | None


def with_open_job(people: QuerySet[Any]) -> QuerySet[HealthWithJob]:
    """Add the open job of a person, of whom there is one at most, without a statement more."""
    job = Job.objects.filter(person=OuterRef("pk"), organization=OuterRef("organization"))
    return people.annotate(
        job_attempt=Subquery(job.values("attempt_id")), job_state=Subquery(job.values("state"))
    )


def progress_of_open_job(health: HealthWithJob) -> Progress | None:
    """Return how a run gets on that is open while the page is opened."""
    if health.job_attempt is None or health.job_state is None:
        return None
    return open_progress(health.job_attempt, health.job_state, timedelta())


@login_required
@require_POST
def sync_now(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Ask for a sync of the person now, and show how it gets on."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    now = timezone.now()
    try:
        job = person_sync_now(access=access, person=whom, now=now)
        progress = open_progress(job.attempt_id, job.state, timedelta())
    except SyncRefusedError as refusal:
        progress = Progress("refused", str(refusal))
    if is_partial(request):
        return shown_progress(request, access, whom, progress, int(now.timestamp()))
    level = messages.ERROR if progress.state == "refused" else messages.INFO
    sentence = progress.sentence if progress.state == "refused" else "Sync asked for."
    messages.add_message(request, level, sentence)
    return redirect("person", slug=slug, person_id=whom.pk)


@login_required
@require_safe
def attempt(request: HttpRequest, slug: str, person_id: int, attempt_id: UUID) -> HttpResponse:
    """Tell how an attempt gets on; nothing (204) while that is what the page already says."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    if not is_partial(request):
        return redirect("person", slug=slug, person_id=whom.pk)
    since, now = number(request.GET.get("since")), timezone.now()
    waited = timedelta(seconds=max(now.timestamp() - since, 0)) if since else timedelta()
    rules = explanations(access.organization.pk)
    progress = progress_of(access, whom, attempt_id, rules, waited)
    if progress.open and progress.state == request.GET.get("seen"):
        return kept_by_nobody(HttpResponse(status=204))
    return shown_progress(request, access, whom, progress, since or int(now.timestamp()))


def number(text: str | None) -> int:
    """Return the whole number in a parameter of ours, 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0


def shown_progress(
    request: HttpRequest, access: Access, whom: Person, progress: Progress, since: int
) -> HttpResponse:
    """Render how a sync gets on; once it is over, the rest of the page is told to look again."""
    context = {"access": access, "person": whom, "progress": progress, "since": since}
    response = render(request, "console/progress.html", context)
    if progress.state in {"done", "gone"}:
        response.headers["HX-Trigger"] = "person-changed"
    return kept_by_nobody(response)
