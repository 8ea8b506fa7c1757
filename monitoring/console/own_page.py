"""The page of a person whose calendar is synced: is it, since when not, and what they can do.

The signed link in the address says who they are; every statement is for that one person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST, require_safe

from accounts.access import zone_of
from accounts.models import Connection, Person, Provider
from monitoring.actions.links import is_sealed_for, person_id_of
from monitoring.actions.own import (
    LONGEST_PAUSE,
    LONGEST_REASON,
    PauseRefusedError,
    own_holds,
    own_pause,
    own_resume,
)
from monitoring.audit.models import AuditEntry
from monitoring.console import own_words
from monitoring.console.connections import connection_rows
from monitoring.console.consent import depart, gone, origins_of
from monitoring.console.invitation import account_of, askable
from monitoring.console.moments import zone_name
from monitoring.console.pages import is_partial, kept_by_nobody
from monitoring.console.quiet import quiet_page, said
from monitoring.console.rows import Moment, coming, last_good_here, past, situation_of
from monitoring.console.rules import explanations
from monitoring.console.tables import with_details
from monitoring.console.wording import look_of, no_next_run, outlook
from monitoring.health.models import Health, HoldAuthor
from monitoring.intake.missing import missing_of
from monitoring.jobs.models import Job

if TYPE_CHECKING:
    from monitoring.console.tables import DetailedHealth

DEEDS = 20
View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class OwnDeed:
    """One thing that was done about the person's syncing."""

    at: Moment | None
    sentence: str


def of_person(view: View) -> View:
    """Give a view the person whose link the address holds, or say why there is none."""

    @wraps(view)
    def found(request: HttpRequest, token: str, **options: Any) -> HttpResponse:
        person_id = person_id_of(token, timezone.now())
        if person_id is None:
            return old(request)
        people = Person.objects.select_related("organization")
        person = people.filter(pk=person_id).first()
        if person is None:
            return gone(request)
        if not is_sealed_for(token, person):
            return old(request)
        return view(request, person, token, **options)

    return found


@require_safe
@of_person
def own_page(request: HttpRequest, person: Person, token: str) -> HttpResponse:
    """Show how the person's syncing stands."""
    return shown(request, person, token)


@require_POST
@of_person
def pause(request: HttpRequest, person: Person, token: str) -> HttpResponse:
    """Let syncing rest until a day; what was typed stays where that can't be."""
    until, reason = request.POST.get("until", ""), request.POST.get("reason", "")
    try:
        own_pause(
            person=person,
            until=begin_of_day(until, zone_of(person.time_zone)),
            reason=reason,
            now=timezone.now(),
        )
    except PauseRefusedError as refusal:
        typed = {"until": until, "reason": reason, "error": str(refusal)}
        return shown(request, person, token, typed, status=400)
    messages.success(request, "Paused. Syncing goes on by itself on that day.")
    return redirect("own_page", token)


@require_POST
@of_person
def resume(request: HttpRequest, person: Person, token: str) -> HttpResponse:
    """Lift the person's own pause, and no decision of anybody else."""
    if own_resume(person=person, now=timezone.now()):
        messages.success(request, "Your pause is over.")
    return redirect("own_page", token)


@require_POST
@of_person
def consent_start(
    request: HttpRequest, person: Person, token: str, provider: Provider
) -> HttpResponse:
    """Send the person to a provider to give access again."""
    back = reverse("own_page", args=[token])
    return depart(request, person=person, provider=provider, invitation=None, back=back)


def shown(
    request: HttpRequest,
    person: Person,
    token: str,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    now, zone = timezone.now(), zone_of(person.time_zone)
    health = with_details(Health.objects.filter(person=person)).get()
    seen = seen_of(health)
    if is_partial(request) and request.GET.get("seen") == seen and is_under_way(person):
        return kept_by_nobody(HttpResponse(status=204))
    accesses = accesses_of(person, token, last_good_here(health), now, zone)
    asks = [each["provider"] for each in accesses if each["asks"]]
    context = {
        "person": person,
        "token": token,
        "seen": seen,
        "typed": typed or {},
        "accesses": accesses,
        "first": asks[0] if asks else None,
        **standing(health, accesses, now, zone),
        **pausing(health, now, zone),
        "deeds": deeds_of(person, now, zone),
        "zone_name": zone_name(zone),
    }
    leads_to = origins_of(person.organization, asks)
    return quiet_page(
        request, "own_page", context, part="standing", status=status, leads_to=leads_to
    )


def seen_of(health: Health) -> str:
    """Return what a page that waits for a run was shown of; another once the run has ended."""
    heard = health.last_attempt_at
    return f"{health.status}.{health.cause}.{heard.timestamp() if heard else 0}"


def is_under_way(person: Person) -> bool:
    return Job.objects.filter(person=person).exists()


def standing(
    health: DetailedHealth, accesses: list[dict[str, Any]], now: datetime, zone: tzinfo
) -> dict[str, Any]:
    """Return how the person stands, in words to themself."""
    situation = situation_of(health, now)
    is_own = health.hold is not None and health.hold.author_kind == HoldAuthor.PERSON
    reason, meaning = own_words.why(
        situation, explanations(health.organization_id), own_pause=is_own, now=now, zone=zone
    )
    missed = missing_of(health.organization_id, health.pk, now)
    may_consent = any(each["asks"] for each in accesses)
    under_way = is_under_way(health.person)
    return {
        "look": look_of(health.status, health.cause),
        "answer": own_words.answer(situation, own_pause=is_own, now=now, zone=zone),
        "reason": reason,
        "meaning": meaning,
        "missing": own_words.missing(situation, missed, now, zone),
        "next_step": own_words.next_step(
            situation,
            health.last_interpretation or "",
            own_pause=is_own,
            may_consent=may_consent,
            under_way=under_way,
        ),
        "under_way": under_way,
        "outlook": outlook(situation, now, zone),
        "last_good": past(health.last_success_at, now, zone),
        "next_run": coming(situation.next_due, now, zone),
        "no_next_run": no_next_run(situation),
    }


def accesses_of(
    person: Person, token: str, last_good: datetime | None, now: datetime, zone: tzinfo
) -> list[dict[str, Any]]:
    """Return both accesses; `asks` where it is refused or missing and can be given here."""
    found = Connection.objects.filter(person=person)
    # Only what the page says: the rest of the row is secret.
    rows = list(found.values("provider", "grant", "state", "proven_at", "refused_at"))
    good = {row["provider"] for row in rows if row["state"] != "refused"}
    if not person.salesforce_user_id:
        # Giving access again is also how it is found out which user they are.
        good.discard(Provider.SALESFORCE)
    can_ask = askable(person)
    return [
        {
            "row": row,
            "provider": provider,
            "account": account_of(person, provider),
            "action": reverse(f"own_consent_{provider}", args=[token]),
            "is_wanting": provider not in good,
            "asks": provider not in good and provider in can_ask,
            "had": any(each["provider"] == provider for each in rows),
        }
        for provider, row in zip(
            Provider, connection_rows(rows, now, zone, last_good=last_good), strict=True
        )
    ]


def pausing(health: DetailedHealth, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Return what the form to pause needs: the days to choose from, and whether one is paused."""
    today = now.astimezone(zone).date()
    return {
        "paused": own_holds(health.person).exists(),
        "earliest": today + timedelta(days=1),
        "latest": (now + LONGEST_PAUSE).astimezone(zone).date(),
        "longest_reason": LONGEST_REASON,
    }


def begin_of_day(text: str, zone: tzinfo) -> datetime | None:
    """Return when a day typed as 2026-11-30 begins in a zone; None for anything else."""
    try:
        day = parse_date(text.strip())
    except ValueError:
        return None
    return datetime.combine(day, time(), zone) if day else None


def deeds_of(person: Person, now: datetime, zone: tzinfo) -> list[OwnDeed]:
    """Return what was done about the person's syncing, newest first."""
    entries = AuditEntry.objects.filter(person=person, organization=person.organization_id)
    rows = entries.filter(action__in=own_words.SHOWN).order_by("-at").select_related("author")
    return [OwnDeed(past(row.at, now, zone), told(row, person)) for row in rows[:DEEDS]]


def told(entry: AuditEntry, person: Person) -> str:
    own = entry.author is None and entry.author_name == person.name
    author = entry.author.get_full_name() if entry.author else ""
    return own_words.deed_sentence(author or entry.author_name, entry.action, own=own)


def old(request: HttpRequest) -> HttpResponse:
    return said(
        request,
        410,
        "This link opens no more",
        "It was good for some days, or it is not complete. A new one is mailed to you at once.",
        link=reverse("me"),
        label="Mail me a new link",
    )
