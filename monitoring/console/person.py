"""One person: how syncing stands, why, what comes next and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from accounts.access import Access, access_for
from monitoring.actions.people import sync_refusal
from monitoring.console import wording
from monitoring.console.connections import connection_rows
from monitoring.console.evidence import evidence_times
from monitoring.console.incident_words import phrase
from monitoring.console.moments import duration
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.person_facts import with_story
from monitoring.console.person_notes import Typed, notes_of
from monitoring.console.person_timeline import SHOWN, place_read, timeline_of
from monitoring.console.person_words import (
    at,
    hold_row,
    interval_reason,
    invitation_sentence,
    missing_sentence,
    next_step,
    proof_of,
    silence_sentence,
    timed,
)
from monitoring.console.progress import Progress, open_progress
from monitoring.console.rows import coming, last_good_here, past, situation_of
from monitoring.console.rules import explanations
from monitoring.console.tables import with_details
from monitoring.console.wording import Situation, Slowdown
from monitoring.health.causes import Explanation, explanation_of, told_as
from monitoring.health.models import Health, HoldAuthor
from monitoring.health.shields import provider_of
from monitoring.intake.missing import missing_of

if TYPE_CHECKING:
    from monitoring.console.person_facts import FullHealth


@login_required
@require_safe
def person(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Show one person of the organization.

    For htmx, what a finished run may have changed, or the timeline alone where that is the target.
    """
    access = access_for(request.user, slug)
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # HtmxMiddleware sets it
    if htmx and htmx.target == "timeline":
        return timeline(request, access, person_id)
    return person_page(request, access, person_id)


def person_page(
    request: HttpRequest, access: Access, person_id: int, typed: Typed | None = None
) -> HttpResponse:
    """Render the page; `typed` is what stands in the form of notes, if it was refused."""
    now, rules = timezone.now(), explanations(access.organization.pk)
    people = with_story(with_details(Health.objects.visible_to(access)), now)
    health = get_object_or_404(people, pk=person_id)
    context = {
        "section": "people",
        "person": health.person,
        **standing(health, rules, now, access),
        **decisions(health, rules, now, access),
        **next_deed(health, rules, access),
        **told(request, access, person_id, rules, now),
        **notes_of(access, person_id, now, typed),
        "progress": progress_of_open_job(health),
        "since": int(now.timestamp()),
    }
    return page(request, access, "console/person.html", "panel", context)


def timeline(request: HttpRequest, access: Access, person_id: int) -> HttpResponse:
    """Render the timeline alone."""
    health = get_object_or_404(
        Health.objects.visible_to(access).select_related("person"), pk=person_id
    )
    now, rules = timezone.now(), explanations(access.organization.pk)
    context = told(request, access, person_id, rules, now)
    context |= {"access": access, "person": health.person}
    return kept_by_nobody(render(request, "console/person_timeline.html", context))


def told(
    request: HttpRequest,
    access: Access,
    person_id: int,
    rules: Mapping[str, Explanation],
    now: datetime,
) -> dict[str, Any]:
    """Return the page of the timeline that the address asks for."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else ""
    before = place_read(request.GET.get("before"))
    found = timeline_of(access, person_id, show, before, rules, now, access.time_zone)
    shown = {"show": show} if show else {}
    return {
        "asked_for": {"show": show, "before": before.written() if before else ""},
        "timeline": found.entries,
        "older": urlencode(shown | {"before": found.older}) if found.older else "",
        "newest": urlencode(shown) if before else None,
        "shows": [(key, each.word, key == show) for key, each in SHOWN.items()],
        "nothing": "" if before else SHOWN[show].nothing,
    }


def standing(
    health: FullHealth, rules: Mapping[str, Explanation], now: datetime, access: Access
) -> dict[str, Any]:
    """Return how the person stands, why, what is missing and what comes next, in words."""
    zone, hit_by = access.time_zone, health.hit_by if health.in_incident else None
    named = phrase(hit_by["provider"], hit_by["people"]) if hit_by else ""
    situation = replace(situation_of(health, now), incident=named)
    well = health.status == "healthy"
    missing = None if well else missing_of(access.organization.pk, health.pk, now)
    ended = {UUID(run["attempt_id"]): at(run, "finished_at") for run in health.proof}
    return {
        "look": wording.look_of(health.status, health.cause),
        "headline": wording.headline(situation, rules, now, zone),
        "why": why_of(health, rules),
        "proof": proof_of(
            health.cause,
            rules,
            version=health.rules_version,
            runs=evidence_times(health.evidence, {key: t for key, t in ended.items() if t}),
            confirmed_at=health.confirmed_at,
            now=now,
            zone=zone,
        ),
        "held_because": situation.held_because,
        "incident_id": hit_by["id"] if hit_by else None,
        "missing": missing_sentence(missing, now, zone),
        "outlook": wording.outlook(situation, now, zone),
        **schedule(health, situation, rules, now, access),
    }


def why_of(health: FullHealth, rules: Mapping[str, Explanation]) -> Explanation:
    return explanation_of(told_as(health.cause, any_here=health.runs_here), rules)


def schedule(
    health: FullHealth,
    situation: Situation,
    rules: Mapping[str, Explanation],
    now: datetime,
    access: Access,
) -> dict[str, Any]:
    """Return when the next run comes, how often runs come, and why."""
    zone = access.time_zone
    slowed = Slowdown(health.slowed_at, health.slowed_cause or "") if health.slowed_at else None
    pace = wording.pace(situation, slowed, rules, now, zone)
    own, by = health.own_interval, health.interval_by
    return {
        "interval": f"every {duration(health.interval)}",
        "interval_why": interval_reason(own, health.usual_interval, by, pace, now, zone),
        "last_good": past(health.last_success_at, now, zone),
        "next_run": coming(situation.next_due, now, zone),
        "no_next_run": wording.no_next_run(situation),
    }


def decisions(
    health: FullHealth, rules: Mapping[str, Explanation], now: datetime, access: Access
) -> dict[str, Any]:
    """Return what people decided about the person or asked of them, and their connections."""
    zone = access.time_zone
    rule = health.last_rule
    because = explanation_of(rule, rules).title if rule else ""
    refused = {provider_of(health.last_signature): because}
    return {
        "holds": [hold_row(hold, now, zone) for hold in health.holds],
        "may_release": any(hold["author_kind"] == HoldAuthor.MEMBER for hold in health.holds),
        "silenced": silence_sentence(health.silence, now, zone),
        "invitation": invitation_sentence(health.invitation, now, zone),
        "connections": connection_rows(
            map(timed, health.connections), now, zone, refused, last_good_here(health)
        ),
    }


def next_deed(
    health: FullHealth, rules: Mapping[str, Explanation], access: Access
) -> dict[str, Any]:
    """Return what can be done now: the one next step, and where each deed is begun."""
    grants = {each["provider"]: each["grant"] for each in health.connections}
    refusal = sync_refusal(
        held=health.hold is not None,
        connected=grants.keys(),
        runs_here=health.runs_here,
        ran_before=health.last_attempt_at is not None,
    )
    step = next_step(
        cause=health.cause,
        why=why_of(health, rules),
        interpretation=health.suspect_interpretation or health.last_interpretation,
        grants=grants,
        refused=[each["provider"] for each in health.connections if each["state"] == "refused"],
        hold_authors={hold["author_kind"] for hold in health.holds},
        invited=health.invitation is not None and health.invitation["state"] != "refused",
        refusal=refusal,
    )
    return {"refusal": refusal, "step": step, "begin": begin_of(access, health.pk)}


KINDS = ("reauthorize", "hold", "release", "interval", "silence")


def begin_of(access: Access, person_id: int) -> dict[str, str]:
    """Return, by kind of action, the address of the page that begins one for this person."""
    page_of_new = reverse("action_new", args=[access.organization.slug])
    scope = urlencode({"scope": "person", "person": person_id})
    return {kind: f"{page_of_new}?kind={kind}&{scope}" for kind in KINDS}


def progress_of_open_job(health: FullHealth) -> Progress | None:
    """Return how a run gets on that is open while the page is opened."""
    if health.job_attempt is None or health.job_state is None:
        return None
    return open_progress(health.job_attempt, health.job_state, timedelta())
